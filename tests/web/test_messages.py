"""What the dashboard tells a person to do, and that the rooms below leave that to it."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

import cxr
from cxr.cli.parser import build_parser
from cxr.errors import CxrError
from cxr.web import messages
from cxr.web.messages import HINTS, message

PACKAGE = Path(cxr.__file__).parent
#: What speaks to people: the surfaces, and the start of the command line.
SURFACES = ("cli", "web", "__main__.py")
# A module that is a command of its own, such as `cxr.scoring.renew`, may say how it is called.
OPTION = re.compile(
    r"--[a-z]|python -m cxr(?![.])|"
    r"\bcxr (models|predict|explain|train|evaluate|audit|gate|dataset)\b"
)


@pytest.mark.parametrize("code", HINTS)
def test_what_happened_comes_before_what_to_do(code):
    told = message(CxrError("It happened.", code=code))
    assert told.startswith("It happened. ")
    assert told.endswith(HINTS[code])


@pytest.mark.parametrize("error", [CxrError("It happened."), OSError("It happened.")])
def test_an_error_without_a_hint_is_told_alone(error):
    assert message(error) == "It happened."


def test_samples_can_be_downloaded_or_installed():
    assert "https://doi.org/" in messages.NO_SAMPLES
    assert "CXR_DATA" in messages.NO_SAMPLES
    assert "pip install pydicom-data" in messages.NO_SAMPLES


@pytest.mark.parametrize(
    "command",
    [
        messages.TRAIN,
        messages.EVALUATE,
        messages.BOXES,
        messages.AUDIT,
        messages.DESCRIBE,
    ],
)
def test_the_command_line_knows_the_commands_that_are_named(command):
    python, module, package, *words = shlex.split(command.format("a-model"))
    assert (python, module, package) == ("python", "-m", "cxr")
    build_parser().parse_args(words)


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize("checks", [True, False])
def test_only_what_is_missing_is_to_be_measured(boxes, checks):
    said = messages.not_explained("a-model", boxes=boxes, checks=checks)
    assert ("evaluate a-model" in said) is boxes
    assert ("audit a-model" in said) is checks


def texts(path: Path) -> list[str]:
    """The strings of a module, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in described
    ]


def library() -> list[str]:
    paths = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py"))]
    return [path.as_posix() for path in paths if path.parts[0] not in SURFACES]


def test_the_library_names_no_command_and_no_option():
    """A notebook has neither: what to do is said by the surface, from the error's code."""
    told = {
        path: [text for text in texts(PACKAGE / path) if OPTION.search(text)]
        for path in library()
        # A module that is a program of its own declares its options.
        if '__name__ == "__main__"' not in (PACKAGE / path).read_text(encoding="utf-8")
    }
    assert {path: said for path, said in told.items() if said} == {}


def test_the_check_sees_options_and_leaves_docstrings_alone(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""See --data."""\nSAID = f"Give --resume to {1}."\n')
    assert [text for text in texts(path) if OPTION.search(text)] == ["Give --resume to "]
