"""Text of files on its way to Streamlit, which takes nearly every text for Markdown.

Captions, labels, messages, help, toasts, captions of pictures and cells of `st.table` are Markdown
with formulas, colors, icons, emoji and addresses that become links. Whatever may come from a file
(names of films and models, words of cards and tables, errors that quote them) goes through
`plain`, or through `plain_table` to `st.dataframe`. The texts of this package itself do not need
it.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from ..plain_text import visible
from ..storage.csv_text import cell, changed

__all__ = ["code_span", "plain", "plain_cells", "plain_json", "plain_table"]

# What means something anywhere, within words or not; what does at the start alone; a colon that may
# be one of a directive.
_MARKUP = re.compile(
    r"[\\`*{}\[\]<>&$~|]|(?<![^\W_])_|_(?![^\W_])|^(?:[-+#=:]|\d+[.)])|:(?=[a-zA-Z:])", re.MULTILINE
)
#: Shows nothing, and is no part of a word.
_JOINER = "\u2060"
# Streamlit looks for these after Markdown has been read, when no backslash protects them any more:
# addresses, its icons and logo, emoji, and arrows and the like between spaces.
_LATER = re.compile(
    r"(?i:\b(?:https?|ftp|mailto|xmpp)(?=:))|(?i:\bwww(?=\.))|(?<=[\w.+-])(?=@[\w-])"
    r"|:(?=material/|[\w+-]+:|[a-zA-Z+-][\w+-]*$)|(?<!\S)(?:<(?=->?(?!\S))|[-<>~](?=[>=-](?!\S)))"
)


def plain(text: object) -> str:
    """Return Markdown that Streamlit shows as this very text.

    Parameters
    ----------
    text : object
        A text, or what `str` makes one of.

    Returns
    -------
    str
        For every place that takes Markdown. What cannot be seen is shown, see
        `cxr.plain_text.visible`.
    """
    shown = _LATER.sub(lambda match: match[0] + _JOINER, visible(str(text)))
    escaped = _MARKUP.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", shown)
    # Spaces at the start would make it a block of code, and several are one.
    return re.sub(r"^ +| +$|(?<= ) ", lambda match: "&nbsp;" * len(match[0]), escaped)


def code_span(text: object) -> str:
    """Return Markdown that shows a text as code, such as a command to copy."""
    # Streamlit writes its icons otherwise even in code.
    shown = visible(str(text)).replace(":material/", f":{_JOINER}material/")
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence, gap = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for `st.dataframe`, whose cells are text, and whose download is a CSV file.

    Texts are as in `cxr.storage.csv_text`.
    """
    return changed(table, cell).rename(columns=cell, index=cell)


def plain_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for `st.table`, whose cells are Markdown: each as by `plain`."""
    return changed(table, lambda value: plain(value) if isinstance(value, str) else value)


def plain_json(value: Any) -> Any:
    """Return lists and dictionaries with all texts in them as `visible` shows them."""
    if isinstance(value, dict):
        return {visible(str(name)): plain_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(part) for part in value]
    return visible(value) if isinstance(value, str) else value
