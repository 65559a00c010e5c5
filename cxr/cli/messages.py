"""What a person can do about an error on the command line, by the error's code."""

from __future__ import annotations

from ..errors import CxrError

__all__ = ["HINTS", "message"]

HINTS = {
    "name_taken": "Give another --name, or delete that folder.",
    "resumable": "Add --resume to go on with it, or delete that folder to start anew.",
}


def message(error: Exception) -> str:
    """Return what happened, and where the command line can help, what to do."""
    hint = HINTS.get(error.code, "") if isinstance(error, CxrError) else ""
    return f"{error} {hint}".rstrip()
