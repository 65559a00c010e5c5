"""The documentation against the code: the drawing, the runs, the glossary, the snippets."""

from __future__ import annotations

import ast
import inspect
import io
import pydoc
import re
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest

import cxr
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


def spoken(path: Path) -> list[tuple[int, str]]:
    """Return what people read of a file, line by line: of code, its comments and texts.

    Texts of one word are keys, not texts. Lines of code are left out, whatever their names.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix in {".js", ".css"}:
        comments = re.finditer(r"/\*.*?\*/|//[^\n]*", source, re.DOTALL)
        return [(source.count("\n", 0, found.start()) + 1, found.group()) for found in comments]
    if path.suffix != ".py":
        return list(enumerate(source.splitlines(), 1))
    kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", None)}
    lines = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds and not re.fullmatch(r"[rbf]*\W?[\w.-]*\W?", token.string):
            lines += enumerate(token.string.splitlines(), token.start[0])
    # A line like "beside : Radiograph" gives a parameter's name and type.
    return [line for line in lines if not re.match(r" *\*{0,2}\w[\w, ]* : ", line[1])]


def sources() -> list[Path]:
    files = [*ROOT.glob("*.md"), *ROOT.glob("*.py"), ROOT / "models" / "README.md"]
    for folder in ("cxr", "pages", "benchmarks", "docs"):
        files += [
            file
            for file in (ROOT / folder).rglob("*")
            if file.suffix in {".py", ".md", ".js", ".html", ".css"}
        ]
    passed_over = {GLOSSARY, ROOT / "cxr" / "_moved.py"}
    return [file for file in files if file not in passed_over and "node_modules" not in file.parts]


@pytest.mark.parametrize("word", discouraged())
def test_no_text_uses_a_discouraged_word(word: str) -> None:
    pattern = re.compile(rf"(?<![\w/-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
    hits = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sources()
        for number, line in spoken(file)
        if pattern.search(line) and "Journal of" not in line
    ]
    assert not hits, "\n".join([f"{word!r} is discouraged, see docs/glossary.md:", *hits])


def test_a_discouraged_word_is_found_in_texts_and_not_in_names(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text('"""A film beside another."""\nbeside = {"beside": 1}  # beside it\n')
    assert [number for number, line in spoken(file) if "beside" in line] == [1, 2]


def fields_in_code() -> list[tuple[str, ast.ClassDef]]:
    """Return every public dataclass and named tuple of the package, with its module."""
    classes = []
    for path in sorted((ROOT / "cxr").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            marks = [ast.unparse(mark) for mark in (*node.decorator_list, *node.bases)]
            if any("dataclass" in mark or mark == "NamedTuple" for mark in marks):
                classes.append((str(path.relative_to(ROOT)), node))
    return classes


def test_help_shows_every_field_of_a_dataclass() -> None:
    classes = fields_in_code()
    assert len(classes) >= 40
    missing = []
    for module, node in classes:
        text = ast.get_docstring(node) or ""
        section = re.search(
            r"^Attributes\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL
        )
        entries = re.findall(r"^(\w[\w, ]*?) : ", section.group(1), re.MULTILINE) if section else []
        told = {name.strip() for entry in entries for name in entry.split(",")}
        own = [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]
        missing += [f"{module}: {node.name}.{name}" for name in own if name not in told]
    assert not missing, "\n".join(["not under Attributes of the docstring:", *missing])


@pytest.mark.parametrize("name", cxr.__all__)
def test_help_of_public_names(name: str) -> None:
    thing = getattr(cxr, name)
    if isinstance(thing, str):
        return
    text = pydoc.plain(pydoc.render_doc(thing))
    assert inspect.getdoc(thing)
    for field in getattr(thing, "__dataclass_fields__", {}):
        assert re.search(rf"\b{field}\b.* : ", text), field


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


def test_the_drawing_has_the_layers_of_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(row["layers"] for row in contracts if row["type"] == "layers")
    held = [{name.removeprefix("cxr.") for name in re.findall(r"[\w.]+", row)} for row in layers]
    drawn = [set(row) - {"pages"} for row in drawing_module()["LAYERS"]]
    assert [row for row in held if row - {"pages"}] == [row for row in drawn if row]


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
