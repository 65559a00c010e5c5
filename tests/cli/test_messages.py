"""What the command line adds to an error, by its code."""

from __future__ import annotations

import json

import pytest

from cxr.bulk.checkpoints import CheckpointError, WriteError
from cxr.cli.commands import WRONG_USAGE
from cxr.cli.messages import HINTS, after_import, message
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


def test_an_error_of_the_system_names_what_it_is_about():
    assert message(OSError(28, "No space left on device")) == "No space left on device."
    told = message(FileNotFoundError(2, "No such file or directory", "films"))
    assert told == "films: No such file or directory."


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


@pytest.mark.parametrize(
    ("positive_first", "start"), [(False, "With --positive-first"), (True, "Without --positive")]
)
def test_an_import_names_what_turns_the_classes_round(positive_first, start):
    (said,) = after_import(positive_first=positive_first, with_films=True)
    assert said.startswith(start)


def test_an_import_without_films_names_the_option_for_them():
    *_, said = after_import(positive_first=False, with_films=False)
    assert "--data" in said


@pytest.mark.parametrize("code", ["output_exists", "other_rows", "in_use"])
def test_what_is_to_be_done_about_a_file_of_rows(code):
    assert "another file" in message(CheckpointError("It is there.", code=code))


def test_what_is_to_be_done_where_rows_cannot_be_written():
    assert "--resume" in message(WriteError("The disk is full."))
    assert "--resume" not in message(WriteError("The folder is locked.", code="unwritable"))
