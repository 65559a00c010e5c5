"""What is said of the package in one place and read in another. `.ci/wheel` builds and tries it."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import cxr
from tests.conftest import ROOT

NAME = re.compile(r"[A-Za-z0-9_.-]+")
#: Modules whose distribution is called otherwise.
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "fpdf": "fpdf2", "tensorflow": None}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(file: str) -> set[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = (NAME.match(line) for line in lines if not line.startswith(("#", "-")))
    return {normal(match[0]) for match in found if match}


def imported(folder: Path) -> set[str]:
    """The top-level modules that the files of a folder import, anywhere in them."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"cxr"}


def test_everything_that_is_imported_is_declared():
    wanted = {DISTRIBUTIONS.get(name, normal(name)) for name in imported(ROOT / "cxr")}
    wanted |= {normal(name) for name in imported(ROOT / "pages")}
    # An export is made where models are trained, and run anywhere.
    to_export = {"onnx", "tf2onnx"}
    assert to_export <= listed("requirements-train.txt")
    # Asked for by an option alone.
    on_a_cluster = {"ray"}
    assert on_a_cluster <= listed("requirements-cluster.txt")
    assert wanted - {None} - to_export - on_a_cluster <= listed("requirements.txt")


def test_the_version_is_written_once():
    done = subprocess.run(
        [sys.executable, "-m", "cxr", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"cxr {cxr.__version__}\n")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {cxr.__version__}\n" in citation


@pytest.fixture(scope="module")
def build() -> dict:
    """The names of the build's hook, without the build system it plugs into."""
    source = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    source = re.sub(
        r"^from hatchling.*$", "MetadataHookInterface = object", source, flags=re.MULTILINE
    )
    space: dict = {"__name__": "hatch_build"}
    exec(compile(source, "hatch_build.py", "exec"), space)
    return space


def test_the_build_reads_the_requirement_files(build):
    hook = build["RequirementFiles"]()
    hook.root = str(ROOT)
    hook.update(project := {})
    assert {normal(NAME.match(r)[0]) for r in project["dependencies"]} == listed("requirements.txt")
    extras = project["optional-dependencies"]
    assert set(extras) == {"train", "postgresql", "signin", "cluster", "dev"}
    train = listed("requirements-train.txt")
    assert {normal(NAME.match(r)[0]) for r in extras["train"]} == train
    developers = {normal(NAME.match(r)[0]) for r in extras["dev"]}
    assert developers >= listed("requirements-dev.txt") | train
    assert not developers & listed("requirements.txt")


def test_the_lock_holds_every_requirement_with_a_hash_and_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(
        r"^([A-Za-z0-9_.-]+)==\S+.*((?:\n    --hash=sha256:[0-9a-f]{64}.*)+)", text, re.MULTILINE
    )
    assert len(pins) == text.count("==")
    assert {normal(name) for name, _ in pins} >= listed("requirements.txt") - {"tensorflow"}


def test_the_lock_fits_the_ranges():
    from packaging.requirements import Requirement

    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = {normal(n): v for n, v in re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", text, re.MULTILINE)}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"sys_platform": "linux"}):
            assert requirement.specifier.contains(pins[normal(requirement.name)]), line


class TestLicenses:
    @pytest.fixture(scope="class")
    def licenses(self) -> dict:
        return runpy.run_path(str(ROOT / ".ci" / "licenses.py"))

    def test_no_gpl_or_agpl_is_required_to_run(self, licenses):
        assert licenses["refused"](licenses["required"]()) == []

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("GNU General Public License v3 (GPLv3)", "GPL"),
            ("GPL-3.0-or-later", "GPL"),
            ("GNU Affero General Public License v3", "GPL"),
            ("AGPL-3.0-only", "GPL"),
            ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL"),
            ("LGPL-3.0-only", "LGPL"),
            ("Mozilla Public License 2.0 (MPL 2.0)", "MPL"),
            ("GPL-3.0-or-later WITH GCC-exception-3.1", ""),
            ("MIT AND BSD-3-Clause", ""),
        ],
    )
    def test_copyleft_is_told_apart(self, licenses, words, kind):
        assert licenses["copyleft"](words) == kind

    def test_the_page_names_every_requirement_model_and_set(self, licenses):
        page = (ROOT / "docs" / "licenses.md").read_text(encoding="utf-8")
        named = {normal(line.split("|")[1].strip()) for line in page.splitlines() if "| " in line}
        missing = listed("requirements.txt") - named - {"tensorflow"}
        assert not missing, "run: python .ci/licenses.py > docs/licenses.md"
        for card in cxr.available():
            assert f"| {card.name} |" in page
        for source in ("Paediatric chest radiographs", "ChestX-ray14", "TBX11K"):
            assert source in page
