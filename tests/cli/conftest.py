"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.cli import commands, evidence, site
from cxr.cli import parser as cli
from cxr.model import Model


@pytest.fixture
def models_found(made_models: Path, made_bundle: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle made for the tests, found and verified as ever, its network built only once."""

    def load(name: str) -> Model:
        bundle = Model.load(name)
        return made_bundle if bundle.folder == made_bundle.folder else bundle

    monkeypatch.setenv("CXR_MODELS", str(made_models))
    for module in (commands, evidence, site):
        monkeypatch.setattr(module, "load", load)


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    """Run a command; gives its status, standard output and standard error."""

    def command(*words: object) -> tuple[int, str, str]:
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as end:  # argparse's own way
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return command
