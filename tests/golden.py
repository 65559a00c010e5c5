"""Stored texts that outputs are held against: a change shows as a difference of lines.

Written anew, to be looked at before they are committed, with ``CXR_GOLDEN=write pytest ...``.
"""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(file: Path, text: str) -> None:
    """Hold a text against a stored one, or store it where that is asked for."""
    text = text.rstrip() + "\n"
    if os.environ.get("CXR_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), f"{file.name} is not stored: run with CXR_GOLDEN=write"
    assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()
