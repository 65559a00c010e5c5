"""Stored bundles brought to the newest schema: nothing is lost and no value changes."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cxr.scoring.bundle import Bundle
from cxr.scoring.card import SCHEMA_VERSION
from cxr.scoring.renew import main, renew
from tests.bundles import copy_bundle, to_schema_1


@pytest.fixture
def folder(made_bundle, tmp_path):
    """A bundle of schema 1."""
    folder = copy_bundle(made_bundle.folder, tmp_path / "old" / "pneumonia-made")
    to_schema_1(folder)
    for path in (folder.parent / "films").iterdir():
        path.unlink()
    return folder


def test_is_what_was_there(made_bundle, folder):
    assert renew(folder)
    assert json.loads((folder / "card.json").read_text())["schema_version"] == SCHEMA_VERSION
    bundle = Bundle.load(str(folder))
    assert bundle.card == made_bundle.card
    for name in ("history", "predictions", "films"):
        pd.testing.assert_frame_equal(getattr(bundle, name), getattr(made_bundle, name))
    assert not (folder / "films.csv").exists()


def test_a_second_time_changes_nothing(folder):
    renew(folder)
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    assert not renew(folder)
    after = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    assert after == before


def test_as_a_command(folder, capsys):
    lungs = folder.parent / "lungs"
    lungs.mkdir()
    (lungs / "card.json").write_text('{"kind": "lungs"}')
    assert main([str(folder.parent)]) == 0
    assert capsys.readouterr().out == "lungs renewed\npneumonia-made renewed\n"
    assert main([]) == main([str(folder / "none")]) == 2
