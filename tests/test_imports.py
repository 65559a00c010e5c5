"""What is loaded when, and the rules that every module keeps."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.conftest import ROOT

MODULES = sorted((ROOT / "cxr").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
HEAVY = ("tensorflow", "keras")

#: What builds, trains or runs networks. Nothing else loads TensorFlow, and who needs one of these
#: imports it inside a function.
BUILDERS = {
    *(
        f"cxr.training.{name}"
        for name in [
            "augmentation",
            "batches",
            "box_supervision",
            "callbacks",
            "first_step",
            "fit",
            "frozen_features",
            "initialization",
            "keras_hooks",
            "lung_candidates",
            "lung_supervision",
            "lungs",
            "run",
            "source_folds",
            "store_candidate",
            "store_lungs",
            "transplant",
            "variation",
            "write_bundle",
        ]
    ),
    "cxr.evidence.audit.randomization",
    "cxr.heatmaps.gradients",
}
NETWORKS = ("cxr.networks.", "cxr.training.legacy")
#: But what describes an architecture imports Keras only when it builds.
DESCRIBED = "cxr.networks.architecture"

# Runs what stands in {what}, then tells which of the heavy modules were loaded by it.
PROGRAM = """
import runpy, sys
try:
{what}
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", [name for name in {heavy} if name in sys.modules])
"""


def loaded(what: str, models: Path, *, heavy: tuple[str, ...] = HEAVY) -> str:
    program = PROGRAM.format(what="\n".join(f"    {x}" for x in what.splitlines()), heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"CXR_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(*words: str) -> str:
    return f"sys.argv = {['cxr', *words]!r}\nrunpy.run_module('cxr', run_name='__main__')"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def readers() -> list[str]:
    """The modules that only read, measure and show."""
    names = (module_name(path) for path in MODULES if path.name != "__main__.py")
    return [
        name
        for name in names
        if name not in BUILDERS and (name.startswith(DESCRIBED) or not name.startswith(NETWORKS))
    ]


class TestTensorFlowIsNotLoaded:
    def test_those_that_may_load_it_are_there(self):
        """So that no name stands in the list in vain."""
        names = {module_name(path) for path in MODULES}
        assert names >= BUILDERS
        assert {
            "cxr.scoring.recipe",
            "cxr.scoring.card",
            "cxr.cli.commands",
            "cxr.datasets.published",
        } <= set(readers())

    def test_by_the_modules_that_only_read_and_measure(self, made_models):
        """In one process: what none of them loads, each does not load."""
        what = (
            f"import {', '.join(readers())}\n"
            "bundle = cxr.load('pneumonia')\n"
            "bundle.history, bundle.predictions, bundle.films\n"
            "cxr.datasets.table.split_by_patient(bundle.films[bundle.films['split'] == 'train'])"
        )
        assert "LOADED []" in loaded(what, made_models)

    def test_by_import_cxr_nor_is_anything_else_that_takes_a_while(self, made_models):
        heavy = (*HEAVY, "streamlit", "sklearn", "plotly", "pydicom")
        assert "LOADED []" in loaded("import cxr", made_models, heavy=heavy)

    def test_by_help(self, made_models):
        out = loaded(command("--help"), made_models)
        assert out.startswith("usage: cxr ")
        assert "LOADED []" in out

    def test_by_the_list_of_models(self, made_models):
        out = loaded(command("models", "--json"), made_models)
        assert "pneumonia-made" in out
        assert "LOADED []" in out

    def test_but_what_is_loaded_would_be_seen(self, made_models):
        """So that the tests above can fail."""
        assert "LOADED ['json']" in loaded("import cxr", made_models, heavy=("json", "keras"))


def names(paths: Iterable[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Top names of what a module imports anywhere, also inside its functions."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found


def offered(path: Path) -> list[str] | None:
    """The names in ``__all__``."""
    for node in tree_of(path).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))
    return None


def defined(path: Path) -> set[str]:
    """Names that stand at a module's top level."""
    found = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            if node.name == "__getattr__":  # gives what it imports
                given = [part for part in ast.walk(node) if isinstance(part, ast.ImportFrom)]
                found |= {alias.name for part in given for alias in part.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


class TestModules:
    def test_there_are_some(self):
        assert len(MODULES) > 30
        assert len(PAGES) == 7

    def test_say_what_they_offer_and_have_it(self):
        modules = [path for path in MODULES if path.name != "__main__.py"]
        assert names(path for path in modules if offered(path) is None) == []
        assert names(p for p in modules if not set(offered(p) or []) <= defined(p)) == []
        assert names(p for p in modules if len(set(offered(p) or [])) < len(offered(p) or [])) == []

    def test_say_what_they_are_for(self):
        assert names(p for p in (*MODULES, *PAGES) if not ast.get_docstring(tree_of(p))) == []

    def test_pages_run_and_measure_nothing_themselves(self):
        heavy = {"tensorflow", "keras", "sklearn", "scipy", "plotly"}
        assert names(path for path in PAGES if imported(path) & heavy) == []
