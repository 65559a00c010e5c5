"""The words of a PDF, line by line, against stored ones."""

from __future__ import annotations

import io
from pathlib import Path

from pypdf import PdfReader

from cxr.exports import Item, to_pdf
from cxr.exports.item import VERSION
from tests.conftest import film_like
from tests.exports.test_pdf import MADE, a_card, an_item, said
from tests.golden import assert_golden
from tests.heat import measured


def test_list_and_pages_say_what_they_said() -> None:
    film, second = film_like(3), film_like(2)
    items = [
        an_item("first.png", 0.8713, call="pneumonia seen"),
        Item("second.png", second, said(second, 0.35, heat_in_lungs=measured())),
        Item("third.png", film, said(film, None)),
        Item("unreadable.png", None, said(None, None)),
    ]
    pages = PdfReader(io.BytesIO(to_pdf(items, a_card(), made=MADE))).pages
    text = "\n\n".join(f"== page {i}\n{page.extract_text()}" for i, page in enumerate(pages, 1))
    text = text.replace(f"cxr {VERSION}", "cxr VERSION")
    assert_golden(Path(__file__).parent / "golden" / "films.txt", text)
