"""Films of a table, small, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from PIL.Image import DecompressionBombError

from ..plain_text import visible
from ..stats.wording import count
from .messages import NO_FILMS_AT_HAND, NO_FOLDER, NOT_SHOWN
from .plain_text import plain, plain_table

__all__ = ["film_grid", "film_list"]

#: Width of a film, pixels.
THUMBNAIL = 128


def film_grid(
    folder: Path | None,
    films: pd.DataFrame,
    captions: Iterable[str],
    *,
    shown: int = 12,
    width: int = THUMBNAIL,
    picture: Callable[[Path], Any] = str,
) -> bool:
    """Show the first films of a table that are at hand; if none is, say what to do.

    Of one whose file is damaged that is said in its place.

    Parameters
    ----------
    folder : pathlib.Path
        What the paths of the films start from; None if it is not known.
    films : pandas.DataFrame
        With a column path.
    captions : iterable of str
        One per film, shown below it, as they are; in lines.
    shown : int, default: 12
        How many films at most.
    width : int, default: 128
        Of a film, pixels.
    picture : callable, optional
        Makes of a file what `st.image` shows; the file itself where not given.

    Returns
    -------
    bool
        Whether a film is shown.
    """
    if films.empty:
        st.caption("No films.")
        return False
    if folder is None:
        st.caption(NO_FOLDER)
        return False
    pairs = zip(films["path"], captions, strict=True)
    there = list(islice(((folder / p, text) for p, text in pairs if (folder / p).is_file()), shown))
    if not there:
        st.caption(NO_FILMS_AT_HAND)
        return False
    # As many next to each other as there is room for: two on a telephone.
    with st.container(horizontal=True, gap="small"):
        for path, text in there:
            lines = text.split("\n")
            caption = "  \n".join(map(plain, lines))
            try:
                st.image(
                    picture(path),
                    caption=caption,
                    width=width,
                    alt=visible(f"Film: {', '.join(lines)}"),
                )
            except (OSError, ValueError, SyntaxError, DecompressionBombError):  # Pillow's
                with st.container(width=width):
                    st.caption(f"{NOT_SHOWN}  \n{caption}")
    return True


def film_list(
    folder: Path | None, films: pd.DataFrame, captions: Iterable[str], **options: Any
) -> None:
    """Show the pictures of the first films of a table, and the table.

    Parameters
    ----------
    folder, films, captions
        As for `film_grid`. Where no picture is at hand, the table has the place.
    **options : object
        Of the table, to `st.dataframe`.
    """
    pictured = film_grid(folder, films, captions)
    if films.empty:
        return
    said = f"All {count(len(films))} as a table"
    with st.expander(said) if pictured else nullcontext():
        st.dataframe(plain_table(films), hide_index=True, height=300, alt=said, **options)
