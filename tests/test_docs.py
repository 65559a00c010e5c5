"""The documentation against the code: the drawing, the runs, the glossary, the snippets."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.conftest import ROOT

DOCS = ROOT / "docs"
#: May name the discouraged words: it is the list of them.
GLOSSARY = DOCS / "glossary.md"


def glossary() -> list[tuple[str, str, str]]:
    """Return the rows of the glossary: term, meaning, discouraged words."""
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    rows = [tuple(map(str.strip, line.strip("|").split("|"))) for line in lines if line[:1] == "|"]
    return [row for row in rows[2:] if len(row) == 3]


def discouraged() -> list[str]:
    return [word for _, _, words in glossary() for word in re.findall("`(.*?)`", words)]


def test_the_glossary_can_be_read() -> None:
    rows = glossary()
    assert len(rows) >= 25
    terms = [term for term, _, _ in rows]
    assert terms == sorted(terms, key=str.lower)
    assert all(meaning for _, meaning, _ in rows)
    assert {"desk", "journal", "guidance", "beside"} <= set(discouraged())


def drawing_module() -> dict[str, object]:
    import runpy

    return runpy.run_path(str(ROOT / ".ci" / "draw_rooms.py"))


def test_the_drawing_of_the_rooms_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "draw_rooms.py")]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written = (DOCS / "images" / "rooms.svg").read_text(encoding="utf-8")
    assert written == drawn, "run: python .ci/draw_rooms.py > docs/images/rooms.svg"


def test_the_drawing_has_every_room() -> None:
    drawn = {room for row in drawing_module()["LAYERS"] for room in row}
    rooms = {path.parent.name for path in (ROOT / "cxr").glob("*/__init__.py")}
    assert rooms <= drawn
    table = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert all(f"`{room}`" in table for room in drawn - {"pages"})


def test_every_run_has_a_page_and_a_line() -> None:
    index = (DOCS / "runs" / "index.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\|.*\]\((.+?\.md)\)", index, re.MULTILINE)
    pages = [path.name for path in (DOCS / "runs").glob("*.md") if path.name != "index.md"]
    assert sorted(linked) == sorted(pages)
    assert len(linked) == len(set(linked)) >= 20


def test_every_shipped_model_has_a_run() -> None:
    index = (DOCS / "runs" / "index.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("| `") and "shipped" in line]
    for card in (ROOT / "models").glob("*/card.json"):
        assert any(f"`{card.parent.name}`" in row for row in rows), card.parent.name
