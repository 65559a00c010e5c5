"""Pseudonyms: the same for the same person under one key, and nobody's name."""

from __future__ import annotations

import re

from cxr.access import pseudonym

KEY = b"k" * 32


def test_is_the_same_for_the_same_person():
    assert pseudonym(KEY, "https://idp.example", "42") == pseudonym(
        KEY, "https://idp.example", "42"
    )
    assert re.fullmatch("[0-9a-f]{32}", pseudonym(KEY, "a", "b"))


def test_is_another_for_another_person_issuer_or_key():
    told = {
        pseudonym(KEY, "a", "b"),
        pseudonym(KEY, "ab", ""),
        pseudonym(KEY, "", "ab"),
        pseudonym(KEY, 'a", "b', ""),
        pseudonym(KEY, "a", "c"),
        pseudonym(b"other", "a", "b"),
    }
    assert len(told) == 6
