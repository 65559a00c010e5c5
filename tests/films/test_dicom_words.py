from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.films.dicom_words import OTHER, body_part, is_chest, is_lateral, modality, sex, view

CHEST = [
    *("CHEST", "Chest PA", "PORT CHEST", "THORAX", "RX TORAX", "TÓRAX", "TORACE", "TORACICO"),
    *("TORAKS", "POUMONS", "Poumon", "POITRINE", "PULMÓN", "PULMÕES", "BRUSTKORB", "RINTAKEHÄ"),
    *("KLATKA PIERSIOWA", "PŁUCA", "HRUDNÍK", "PLÍCE", "MELLKAS", "GÖĞÜS", "AKCİĞER", "akciğer"),
    *("胸部", "胸", "肺", "흉부", "ГРУДНАЯ КЛЕТКА", "Органы грудной клетки", "Лёгкие", "ΘΩΡΑΚΑΣ"),
    *("الصدر", "חזה", "छाती", "ทรวงอก", "NGỰC", "ＣＨＥＳＴ", "T?RAX", "LUNGS", "RIBS", "HEART"),
]
OTHERS = [
    *("HAND", "MÃO", "KNIE", "頭部", "КИСТЬ", "ABDOMEN", "TSPINE", "THORACIC SPINE", "胸椎"),
    *("COLUNA TORÁCICA", "BRUSTWIRBELSÄULE", "ABTEILUNG", "MUSTERMANN ERIKA", "![X](HTTP://A.B/C)"),
]


@pytest.mark.parametrize("text", CHEST)
def test_the_chest_in_the_languages_that_occur(text):
    for form in ("NFC", "NFD", "NFKC"):
        for spelled in (text, text.lower(), f"  {text} "):
            assert is_chest(body_part(unicodedata.normalize(form, spelled))), spelled


@pytest.mark.parametrize("text", OTHERS)
def test_other_parts(text):
    part = body_part(text)
    assert part is not None
    assert not is_chest(part)


@pytest.mark.parametrize("text", ["", " ", "-", "123", "BODY", "UNKNOWN", "N/A"])
def test_no_part(text):
    assert body_part(text) is None


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *[("TÓRAX", name) for name in ("latin-1", "utf-8", "cp850", "utf-8-sig")],
        *[("ГРУДНАЯ КЛЕТКА", name) for name in ("cp1251", "iso8859_5", "koi8_r", "cp866")],
        *[("胸部", name) for name in ("gb18030", "shift_jis", "big5", "iso2022_jp", "euc_jp")],
        *(("흉부", "euc_kr"), ("PŁUCA", "iso8859_2"), ("GÖĞÜS", "iso8859_9"), ("GÖĞÜS", "cp1254")),
        *(("ΘΩΡΑΚΑΣ", "iso8859_7"), ("חזה", "cp1255"), ("صدر", "cp1256"), ("ทรวงอก", "cp874")),
    ],
)
def test_the_chest_in_charsets_that_nobody_declares(text, encoding):
    assert is_chest(body_part(text.encode(encoding)))


def test_a_declared_charset_comes_first():
    assert is_chest(body_part("TÓRAX".encode("cp037"), ["cp037"]))
    assert body_part("HAND".encode("cp037"), ["cp037"]) == "HAND"


def test_utf_8_that_was_taken_for_something_else():
    assert is_chest(body_part("TÓRAX".encode().decode("cp1252")))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        *(("DR", "DR"), ("dx ", "DX"), ("CR\\DX", "CR"), ("DX\\SR", "DX"), ("OT", "OT")),
        *(("CT\\DX", "CT"), ("", None), ("X-RAY", None), ("XR", None), ("<IMG SRC=X>", OTHER)),
    ],
)
def test_modality(text, term):
    assert modality(text) == modality(text.encode()) == term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        *(("PA", "PA"), ("AP SUPINE", "AP"), ("POSTERO-ANTERIOR", "PA"), ("", None)),
        *(("LL", "LL"), ("PA\\LL", "LL"), ("L LAT", "LATERAL"), ("LEFT LATERAL", "LATERAL")),
        *(("Profil", "LATERAL"), ("侧位", "LATERAL"), ("![X](HTTP://A.B/C)", OTHER)),
    ],
)
def test_view(text, term):
    assert view(text) == term
    assert is_lateral(term) == (term in ("LL", "LATERAL"))


@pytest.mark.parametrize(
    ("text", "term"),
    [("F", "F"), ("m", "M"), ("O", "O"), ("Female", "F"), ("", None), ("X", OTHER)],
)
def test_sex(text, term):
    assert sex(text) == term


@given(st.text(max_size=90) | st.binary(max_size=90))
def test_whatever_is_written_a_term_comes_out(value):
    for term_of in (body_part, modality, view, sex):
        term = term_of(value)
        assert term is None or term == OTHER or (term.isascii() and term.isalnum())
        assert term is None or len(term) <= 16
        # A term is read as itself.
        assert term is None or term_of(term) == term


@given(st.text(string.ascii_letters + " .^", max_size=40))
def test_no_name_passes(name):
    for term_of in (body_part, modality, view, sex):
        term = term_of(f"{name} MUSTERMANN")
        assert term is None or "MUSTERMANN" not in term
