"""What the command line adds to an error, by its code."""

from __future__ import annotations

import json

import pytest

from cxr.cli.commands import WRONG_USAGE
from cxr.cli.messages import HINTS, message
from cxr.cli.parser import main
from cxr.errors import CxrError
from cxr.training.run import TrainingError


@pytest.mark.parametrize("code", HINTS)
def test_what_happened_stands_before_what_to_do(code):
    told = message(CxrError("It happened.", code=code))
    assert told.startswith("It happened. ")
    assert told.endswith(HINTS[code])


@pytest.mark.parametrize("error", [CxrError("It happened."), OSError("It happened.")])
def test_an_error_without_a_hint_stands_by_itself(error):
    assert message(error) == "It happened."


def test_a_run_that_can_go_on_names_the_option(tmp_path, capsys, monkeypatch, made_recipe):
    from cxr.training import run as training

    def stopped(*arguments, **options):
        raise TrainingError("A run was stopped before its end.", code="resumable")

    recipe = tmp_path / "mine.json"
    recipe.write_text(json.dumps(made_recipe.to_json()))
    monkeypatch.setattr(training, "train", stopped)
    words = ["train", str(recipe), "--data", str(tmp_path), "--out", str(tmp_path)]
    assert main(words) == WRONG_USAGE
    assert "--resume" in capsys.readouterr().err
