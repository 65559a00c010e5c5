"""Files that stand for others: pointers of Git LFS and git-annex, and pages saved instead of files.

Who clones a repository or downloads without being let in has a small text where a film, weights or
a card should be, under its very name. Told so, they know what to do.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["ENOUGH", "stand_in", "stand_in_at"]

#: Bytes from the start of a file that tell.
ENOUGH = 512
_POINTERS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
)
_ANNEX = (b"/annex/objects/", b"../.git/annex/objects/", b".git/annex/objects/")
_PAGES = (b"<!doctype html", b"<html")


def stand_in(start: bytes) -> str | None:
    """Say what a file is, and what to do, if it but stands for another one.

    Parameters
    ----------
    start : bytes
        The file or its first `ENOUGH` bytes.

    Returns
    -------
    str or None
        To follow "It is" or "The film is"; None for any other file.
    """
    start = start[:ENOUGH].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_POINTERS):
        return (
            "a Git LFS pointer, not the file itself: fetch it with git lfs pull, or download it "
            "by itself"
        )
    if start.startswith(_ANNEX):
        return "a git-annex pointer, not the file itself: fetch it with git annex get"
    if start.lower().startswith(_PAGES):
        return "a web page, not the file itself: download it again, signed in where that is asked"
    return None


def stand_in_at(path: Path) -> str | None:
    """Return `stand_in` of a file; None as well where it cannot be read."""
    try:
        with path.open("rb") as file:
            return stand_in(file.read(ENOUGH))
    except OSError:
        return None
