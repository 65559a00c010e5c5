from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.plain_text import LONGEST_NAME, from_visible, name_of, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("IM-0001.png", "IM-0001.png"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2066b\u2069\u200e\u200f", "a\\u2066b\\u2069\\u200e\\u200f"),
        ("a\tb\r\nc\x00\x1b[31m", "a\\u0009b\\u000d\\u000ac\\u0000\\u001b[31m"),
        ("\udcff.png", "\\udcff.png"),
        ("\U000e0041", "\\U000e0041"),
        ("Müller 胸部 می\u200cخواهم", "Müller 胸部 می\u200cخواهم"),
    ],
)
def test_what_cannot_be_seen_is_shown(text, shown):
    assert visible(text) == shown
    assert from_visible(shown) == text


@given(st.text())
def test_a_visible_text_is_left_as_it_is(text):
    shown = visible(text)
    assert visible(shown) == shown
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(char) for char in shown}
    shown.encode()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\\")))
def test_there_and_back(text):
    assert from_visible(visible(text)) == text


def test_codes_of_what_can_be_seen_stay():
    assert from_visible("\\u0041 \\uffffffff C:\\u00e9") == "\\u0041 \\uffffffff C:\\u00e9"


@given(st.text(max_size=3 * LONGEST_NAME))
def test_names_are_bounded_and_keep_both_ends(name):
    shown = name_of(name)
    assert len(shown) <= LONGEST_NAME
    assert name_of(shown) == shown
    if shown != visible(name):
        assert visible(name).startswith(shown.split("…")[0][:20])
