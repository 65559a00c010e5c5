"""The words that data sets use for splits and labels, read as one.

Tools export ``valid`` and ``Testing``, tables say ``0`` and ``No Finding``, folders are named
``BACTERIA``. What is not known here is kept as it is written, in small letters.
"""

from __future__ import annotations

import re

__all__ = ["KNOWN_FINDINGS", "KNOWN_SPLITS", "NORMAL", "split_label", "split_of"]

NORMAL = "normal"
KNOWN_SPLITS = ("train", "validation", "test")
_SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
#: What may go with the word for a split: ``train_images``, ``Test Set``.
_BESIDE = {"set", "sets", "split", "data", "images", "image", "imgs", "img", "films", "folder"}
_NORMAL = {
    *("normal", "normals", "no finding", "no findings", "nofinding", "healthy", "health"),
    *("negative", "neg", "0", "false", "no"),
}
_POSITIVE = {"positive", "pos", "1", "true", "yes"}
_FINDINGS = {
    **dict.fromkeys(("pneumonia", "pneumonias"), "pneumonia"),
    **dict.fromkeys(("tuberculosis", "tb", "ptb", "pulmonary tb"), "tuberculosis"),
    **dict.fromkeys(("pulmonary tuberculosis", "active tuberculosis", "active tb"), "tuberculosis"),
}
KNOWN_FINDINGS = frozenset(_FINDINGS.values())
_SUBTYPES = {
    **dict.fromkeys(("bacteria", "bacterial"), "bacteria"),
    **dict.fromkeys(("virus", "viral"), "virus"),
}


def split_of(word: str) -> str:
    """Read the name of a split.

    Returns
    -------
    str
        One of `KNOWN_SPLITS`; "" if the word is none of theirs.

    Examples
    --------
    >>> split_of("Valid"), split_of("test_images"), split_of("fold 3")
    ('validation', 'test', '')
    """
    words = [part for part in re.findall("[^\\W\\d_]+", word.lower()) if part not in _BESIDE]
    joined = "".join(words)
    for beside in ("set", "ing", ""):  # trainset
        if joined.removesuffix(beside) in _SPLITS:
            return _SPLITS[joined.removesuffix(beside)] if len(words) == 1 else ""
    return ""


def split_label(word: str, finding: str | None = None) -> tuple[str, str]:
    """Read a label, and the subtype that it may tell.

    Parameters
    ----------
    word : str
        As a folder or a table has it, in any case, words parted by blanks, dashes or underscores.
    finding : str, optional
        What a film is positive for where the word says no more than that (``1``, ``positive``);
        such a word is kept as "positive" where no finding is given.

    Returns
    -------
    label : str
        "normal", a finding, or the word as it is, in small letters.
    subtype : str
        "bacteria" or "virus"; "" if the word tells none.

    Examples
    --------
    >>> split_label("No Finding"), split_label("BACTERIA"), split_label("1", "tuberculosis")
    (('normal', ''), ('pneumonia', 'bacteria'), ('tuberculosis', ''))
    """
    plain = re.sub(r"[\s_\-]+", " ", word.strip().strip("\"'").lower()).strip()
    plain = re.sub(r"^\d+[ .]+(?=[a-z])", "", plain)  # 0_normal, 1.pneumonia
    plain = re.sub(r"^([01])\.0+$", r"\1", plain)
    if plain in _NORMAL:
        return NORMAL, ""
    if plain in _POSITIVE:
        return finding or "positive", ""
    if finding and plain == finding.lower().replace("_", " ").replace("-", " "):
        return finding, ""
    parts = plain.split(" ")
    subtypes = {_SUBTYPES[part] for part in parts if part in _SUBTYPES}
    rest = " ".join(part for part in parts if part not in _SUBTYPES)
    if len(subtypes) == 1 and rest in ("", "pneumonia"):
        return "pneumonia", subtypes.pop()
    negated = re.match(r"(?:no|non|not) (.+)", plain)
    if negated and negated[1] in _FINDINGS and finding in (None, _FINDINGS[negated[1]]):
        return NORMAL, ""
    return _FINDINGS.get(plain, word.strip().lower()), ""
