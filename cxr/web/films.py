"""Films of a table, small, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from .messages import NO_FILMS_AT_HAND, NO_FOLDER
from .plain_text import plain_table

__all__ = ["film_grid", "film_list"]


def film_grid(
    folder: Path | None,
    films: pd.DataFrame,
    captions: Iterable[str],
    *,
    shown: int = 12,
    across: int = 6,
) -> None:
    """Show the first films of a table that are at hand; if none is, say what to do.

    Parameters
    ----------
    folder : pathlib.Path
        What the paths of the films start from; None if it is not known.
    films : pandas.DataFrame
        With a column path.
    captions : iterable of str
        One per film, shown below it, as Markdown.
    shown : int, default: 12
        How many films at most.
    across : int, default: 6
        How many in a row.
    """
    if films.empty:
        st.caption("No films.")
        return
    if folder is None:
        st.info(NO_FOLDER)
        return
    pairs = zip(films["path"], captions, strict=True)
    there = list(islice(((folder / p, text) for p, text in pairs if (folder / p).is_file()), shown))
    if not there:
        st.info(NO_FILMS_AT_HAND)
    for start in range(0, len(there), across):
        row = there[start : start + across]
        for column, (path, text) in zip(st.columns(across), row, strict=False):
            column.image(str(path), caption=text)


def film_list(
    folder: Path | None, films: pd.DataFrame, captions: Iterable[str], **options: Any
) -> None:
    """Show a table of films with the pictures of the first of them next to it.

    Parameters
    ----------
    folder, films, captions
        As for `film_grid`.
    **options : object
        Of the table, to `st.dataframe`.
    """
    left, right = st.columns([1, 1.6])
    left.dataframe(plain_table(films), hide_index=True, height=300, **options)
    with right:
        film_grid(folder, films, captions)
