"""Text of files as what it is: text, with nothing hidden in it.

Names of files, members of zips and words of tables come from anywhere. What in them cannot be seen
(control characters, marks that turn the direction of writing, halves of characters) is shown as a
code such as ``\\u202e``. What a page or a sheet would take for markup or formulas is the matter of
`cxr.web.plain_text`, `cxr.figures.theme` and `cxr.storage.csv_text`.
"""

from __future__ import annotations

import re

__all__ = ["LONGEST_NAME", "from_visible", "name_of", "visible"]

#: Characters that are kept of a name; what is longer loses its middle.
LONGEST_NAME = 200

# Control characters, the soft hyphen, marks of direction and of nothing, separators of lines,
# halves of characters, tags. Joiners (U+200C, U+200D) stay: words of some languages need them.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CODE = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


def visible(text: str) -> str:
    r"""Show what cannot be seen in a text as codes: ``"\u202egnp.exe"`` as ``"\\u202egnp.exe"``."""
    return _HIDDEN.sub(_coded, text)


def from_visible(text: str) -> str:
    """Return the text that `visible` was given, unless there were such codes in it."""
    return _CODE.sub(_character, text)


def name_of(text: str, most: int = LONGEST_NAME) -> str:
    """Return a name of a file as it is shown and exported: `visible`, and of bounded length."""
    if len(text) <= most:
        shown = visible(text)
        if len(shown) <= most:
            return shown
    else:
        shown = visible(text[:most]) + visible(text[-most:])
    # The end tells films of a series apart more often than the start does.
    end = most - most // 2 - 1
    return f"{shown[: most // 2]}…{shown[-end:]}"


def _coded(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _character(match: re.Match[str]) -> str:
    number = int(match[1] or match[2], 16)
    shown = chr(number) if number <= 0x10FFFF else ""
    return shown if _HIDDEN.fullmatch(shown) else match[0]
