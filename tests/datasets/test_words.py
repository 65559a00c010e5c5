"""Words for splits and labels, as data sets write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.datasets.words import KNOWN_SPLITS, split_label, split_of

CASES = st.sampled_from([str.lower, str.upper, str.title, str.capitalize])
BLANKS = st.sampled_from([" ", "_", "-", "  "])
SPLITS = {
    "train": ["train", "training"],
    "validation": ["val", "valid", "validation", "dev"],
    "test": ["test", "testing"],
}
LABELS = {
    "normal": ["normal", "no finding", "no findings", "negative", "healthy"],
    "pneumonia": ["pneumonia", "bacteria", "virus", "bacterial pneumonia", "pneumonia virus"],
    "tuberculosis": ["tuberculosis", "tb", "pulmonary tuberculosis", "active tb"],
}


@given(st.sampled_from([(split, w) for split in SPLITS for w in SPLITS[split]]), CASES, BLANKS)
def test_splits_in_any_case_and_with_what_goes_with_them(pair, case, blank):
    split, word = pair
    for written in (word, f"{word}{blank}set", f"{word}{blank}images", f"1{blank}{word}"):
        assert split_of(case(written)) == split


@given(st.text(max_size=20))
def test_any_word_is_a_split_or_none(word):
    assert split_of(word) in (*KNOWN_SPLITS, "")
    assert isinstance(split_label(word)[0], str)


@pytest.mark.parametrize("word", ["latest", "contest", "fold 3", "external", "trainer", "nih", ""])
def test_other_words_are_no_splits(word):
    assert split_of(word) == ""


@given(
    st.sampled_from([(label, w) for label in LABELS for w in LABELS[label]]),
    CASES,
    BLANKS,
    st.sampled_from([None, "pneumonia", "tuberculosis"]),
)
def test_labels_in_any_case_with_any_blank(pair, case, blank, finding):
    label, word = pair
    written = case(word).replace(" ", blank)
    assert split_label(written, finding)[0] == label
    assert split_label(f"  {written} ", finding)[0] == label


@pytest.mark.parametrize("finding", ["pneumonia", "tuberculosis", "effusion"])
def test_numbers_and_signs_are_of_the_finding(finding):
    for word in ("1", "1.0", "positive", "Yes", "TRUE"):
        assert split_label(word, finding) == (finding, "")
    for word in ("0", "0.0", "negative", "no", "False"):
        assert split_label(word, finding) == ("normal", "")
    assert split_label("1") == ("positive", "")
    assert split_label(finding.upper(), finding) == (finding, "")


def test_a_subtype_is_kept():
    assert split_label("BACTERIA") == ("pneumonia", "bacteria")
    assert split_label("Viral Pneumonia") == ("pneumonia", "virus")


@pytest.mark.parametrize("word", ["COVID-19", "other_finding", "Lung_Opacity", "sick"])
def test_what_is_not_known_is_kept_in_small_letters(word):
    assert split_label(word, "pneumonia") == (word.lower(), "")
