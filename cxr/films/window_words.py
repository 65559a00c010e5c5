"""What a file calls its windows, as far as it may be shown.

The explanation of a window is free text, and anything may stand there, a patient's name too. It is
shown if every word of it is one that windows are called by.
"""

from __future__ import annotations

import re

__all__ = ["LONGEST", "explained"]

#: Characters of an explanation that is shown.
LONGEST = 40

_TEXT = """
ABDOMEN ADULT AIR ALGO ALGORITHM AND AP AUTO AUTOMATIC BACKUP BONE BONES BRAIN BRIGHT BRIGHTER
CARDIAC CATHETER CATHETERS CENTER CHEST CHILD CONTRAST CURVE CUSTOM DARK DARKER DATA DEFAULT
DENSE DETAIL DIAGNOSTIC DISPLAY EDGE ENHANCED EXPOSURE FILM FULL HARD HARDER HEART HIGH IMAGE
INVERTED LATERAL LEVEL LIGHT LIGHTER LINE LINEAR LINES LOW LUNG LUNGS LUT MAX MAXIMUM
MEDIASTINUM MEDIASTINAL MEDIUM METAL MIN MINIMUM MUSCLE NARROW NARROWER NORMAL OF ORIGINAL PA
PARENCHYMA PEDIATRIC PLEURA PRESET PULMONARY RANGE RIB RIBS SCREEN SHARP SIGMOID SKIN SMOOTH
SOFT SOFTER SPINE STANDARD THE THORAX TISSUE TISSUES TUBE TUBES USER VALUES VERY VESSEL VESSELS
VIEW VOI WIDE WIDER WIDTH WINDOW WINDOWS WL WW
HART HERZ HUESO HUESOS KNOCHEN LONGEN LUNGE LUNGEN MEDIASTIN MEDIASTINO MEDIASTINE NORMALE OS
OSSA OSSO OSSOS POLMONE POLMONI POUMON POUMONS PULMON PULMONES PULMAO PULMOES TORACE TORAX
WEICH WEICHTEIL WEICHTEILE
"""
_WORDS = frozenset(_TEXT.split())


def explained(words: str) -> str:
    """Return what a file calls a window, in one line; "" if it must not be shown.

    Examples
    --------
    >>> explained("LUNG 2"), explained("DOE^JANE")
    ('LUNG 2', '')
    """
    parts = re.split(r"[\s_/,;:()+-]+", words.strip())
    known = all(
        re.fullmatch(r"[A-Z]?[0-9]{0,3}", part) or re.sub(r"[0-9]{1,3}$", "", part) in _WORDS
        for part in map(str.upper, parts)
    )
    shown = " ".join(words.split())
    return shown if known and len(shown) <= LONGEST else ""
