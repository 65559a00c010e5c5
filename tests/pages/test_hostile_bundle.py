"""Every page with a bundle and a film whose texts are Markdown, HTML, formulas and more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cxr.web import plain
from tests.bundles import change_table, copy_bundle, write_card
from tests.conftest import ROOT, chest_like, png
from tests.pages.test_pages import PAGES

MARK = "![x](http:a.b) $y$ :red[z] <i>q</i> **w**"
PARTS = ("![x](", "$y$", ":red[", "<i>", "**w**")
#: What Streamlit reads as Markdown.
FIELDS = ("body", "label", "help", "caption", "text", "placeholder", "content")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one bundle; what may be any text in it is `MARK`."""
    models = tmp_path_factory.mktemp("models")
    name = MARK.replace("/", "")
    folder = copy_bundle(ROOT / "models" / "pneumonia-small-cnn", models / name)
    card = json.loads((folder / "card.json").read_text())
    card |= {"name": name, "population": MARK, "preprocessing": MARK}
    card["data"] |= dict.fromkeys(("title", "citation", "licence", "doi"), MARK)
    for point in card["operating_points"]:
        point["rule"] = MARK
    for evaluation in card.get("evaluation", {}).values():
        if "model" in evaluation:
            evaluation["model"] = name
    write_card(folder, card)

    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        words = {c: MARK for c in ("subtype", "patient", "path") if c in table}
        there = table["split"] == "test"
        return table.assign(**{
            column: table[column].where(~there | (np.arange(len(table)) % 3 > 0), word)
            for column, word in words.items()
        })  # fmt: skip

    for table in ("films", "predictions"):
        change_table(folder, table, spoil, dtype={"patient": str, "subtype": str})
    return models


def elements(node: Any) -> Iterator[Any]:
    """All elements and blocks of a page."""
    for child in getattr(node, "children", {}).values():
        yield child
        yield from elements(child)


def texts_of(message: Any) -> Iterator[str]:
    """All texts of a message to the browser that are read as Markdown there."""
    kind = message.DESCRIPTOR.name
    if kind == "Json":
        return
    for field, value in message.ListFields():
        one = isinstance(value, str | bytes | bool | int | float) or hasattr(value, "ListFields")
        for part in [value] if one else value:
            if hasattr(part, "ListFields"):
                yield from texts_of(part)
            elif isinstance(part, str) and (field.name in FIELDS or kind == "Radio"):
                yield part


def markdown(app: AppTest) -> Iterator[str]:
    """All texts of a page that Streamlit reads as Markdown."""
    for element in elements(app._tree):
        if proto := getattr(element, "proto", None):
            yield from texts_of(proto)


@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_a_bundle_is_markdown(
    name: str, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_MODELS", str(hostile))
    monkeypatch.delenv("CXR_DATA", raising=False)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=180).run()
    if name != "triage":
        app.switch_page(f"pages/{name}.py").run()
    assert not app.exception, app.exception[0].message
    texts = list(markdown(app))
    assert any(plain(MARK) in text for text in texts)  # of the population, on every page
    assert not [text for text in texts if any(part in text for part in PARTS)]
    for figure in app.get("plotly_chart"):
        spec = figure.proto.spec.replace("\\u003c", "<").replace("\\u003e", ">")
        assert "<i>q" not in spec


def test_the_name_of_a_film_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_MODELS", str(ROOT / "models"))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=180).run()
    grey = np.asarray(Image.fromarray(chest_like(5)).resize((256, 256)))
    worklist = app.session_state["reading_session"].worklist
    worklist.add(f"{MARK}\u202e.png", png(grey))
    app.run()
    texts = list(markdown(app))
    assert any(plain(f"{MARK}\\u202e.png".split("/")[-1]) in text for text in texts)
    assert not [text for text in texts if any(part in text for part in PARTS)]
    assert not [text for text in texts if "\u202e" in text]
