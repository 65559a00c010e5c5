"""The module paths of version 0.1 go on working, with a warning."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import cxr
from cxr._moved import MOVED
from tests.conftest import ROOT, film_like


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for old in MOVED:
        monkeypatch.delitem(sys.modules, f"cxr.{old}", raising=False)


@pytest.mark.parametrize("old", MOVED)
def test_each_leads_to_a_module_that_is_there(old: str) -> None:
    assert importlib.util.find_spec(f"cxr.{MOVED[old]}") is not None
    assert not (ROOT / "cxr" / f"{old.replace('.', '/')}.py").exists()


def test_an_old_path_gives_the_same_things_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"cxr\.bundle is now cxr\.scoring\.bundle"):
        old = importlib.import_module("cxr.bundle")
    assert old.load is cxr.load
    assert old.BundleError is cxr.BundleError


def test_so_does_a_path_within_an_old_package() -> None:
    with pytest.warns(DeprecationWarning, match=r"cxr\.exports\.pictures"):
        old = importlib.import_module("cxr.report.pictures")
    assert old.jpeg is importlib.import_module("cxr.exports.pictures").jpeg


def test_an_old_module_is_an_attribute_of_the_package_as_before() -> None:
    with pytest.warns(DeprecationWarning, match="now cxr.films.radiograph"):
        assert cxr.radiograph.read is cxr.read


def test_modules_that_are_rooms_now_hand_out_their_old_names() -> None:
    from cxr import monitoring
    from cxr.monitoring import measures

    with pytest.warns(DeprecationWarning, match="cxr.monitoring.measures.use"):
        assert monitoring.use is measures.use


def test_functions_that_became_parts_of_objects_do_what_they_did(made_bundle) -> None:
    with pytest.warns(DeprecationWarning, match="now cxr.scoring.gate"):
        from cxr.gate import gate_of, refusals
    with pytest.warns(DeprecationWarning, match="now cxr.scoring.explain"):
        from cxr.explanation import layers
    films = [film_like(1), film_like(2)]
    assert layers(made_bundle) == made_bundle.network.convolutions()
    judge = made_bundle.judge
    if judge is None:
        assert gate_of(made_bundle) is None
        assert refusals(made_bundle, films) == [None, None]
    gated = cxr.load("pneumonia")
    assert gate_of(gated) == (gated.judge.classifier, gated.judge.gate)
    said = refusals(gated, films)
    assert said == gated.judge.gate.judge(
        gated.network, np.stack([gated.prepare(film) for film in films])
    )
    assert refusals(gated, []) == []


def test_the_command_line_is_called_as_before() -> None:
    from cxr import cli
    from cxr.cli import parser

    with pytest.warns(DeprecationWarning, match="cxr.cli.parser.main"):
        assert cli.main is parser.main


@pytest.mark.parametrize("name", ["cxr.no_such", "cxr.monitoring.no_such", "cxr.training.no_such"])
def test_what_never_was_is_not_found(name: str) -> None:
    package, _, attribute = name.rpartition(".")
    with pytest.raises(AttributeError, match="no_such"):
        getattr(importlib.import_module(package), attribute)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)


def test_the_package_itself_uses_none_of_them() -> None:
    program = "import cxr, cxr.cli.commands, cxr.web, cxr.exports, cxr.figures, cxr.training.run"
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:cxr", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "is now" not in done.stderr
    assert done.returncode == 0, done.stderr
