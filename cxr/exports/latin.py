"""Text that the fonts every PDF reader has can show.

A PDF without a font of its own has the 14 standard ones (ISO 32000-1, 9.6.2.2), which know the
letters of Windows-1252. No font file ships with what this package needs, and one for every script
would be larger than the package: what cannot be shown is marked as such, and the film's hash
is given with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from ..plain_text import name_of

__all__ = ["ENCODING", "label", "latin", "shortened"]

ENCODING = "cp1252"
#: Replaces a character that cannot be shown.
UNKNOWN = "?"
HASH = 8


def latin(text: str) -> str:
    """Return a text in the letters of Windows-1252.

    Letters that are composed of several characters are joined first. A letter with an accent that
    the encoding lacks goes without it; any other character it lacks becomes ``?``. Line breaks and
    tabs become spaces, and marks that show nothing (of direction, say) are left out.
    """
    return "".join(map(_shown, unicodedata.normalize("NFC", text)))


@lru_cache(4096)
def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind == "Cc":
        return " "
    if kind == "Cf":
        return ""
    bare = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    for shown in (char, bare):
        try:
            shown.encode(ENCODING)
        except UnicodeEncodeError:
            continue
        return shown
    return UNKNOWN


def label(name: str, sha256: str) -> str:
    """Return a film's name as `latin`, with the start of its hash where letters were lost.

    What cannot be seen in it is shown, see `cxr.plain_text`.
    """
    name = name_of(name)
    shown = latin(name)
    if sha256 and shown.count(UNKNOWN) > name.count(UNKNOWN):
        return f"{shown} ({sha256[:HASH]})"
    return shown


def shortened(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Take out a text's middle, so that it is not wider than `width`.

    Parameters
    ----------
    text : str
        The text.
    width : float
        In the units of `measure`.
    measure : callable
        Returns how wide a text is.
    """
    if measure(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        keep = (low + high + 1) // 2
        low, high = (
            (keep, high) if measure(_without_middle(text, keep)) <= width else (low, keep - 1)
        )
    return _without_middle(text, low)


def _without_middle(text: str, keep: int) -> str:
    # The end tells films of a series apart more often than the start does.
    end = keep - keep // 2
    return text[: keep // 2] + "…" + (text[-end:] if end else "")
