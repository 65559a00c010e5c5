"""Networks made ready before the first film comes."""

from __future__ import annotations

import logging

import pytest

from cxr.reading_room import prepare as module
from cxr.reading_room.prepare import prepare


@pytest.fixture(autouse=True)
def _nothing_prepared(monkeypatch):
    monkeypatch.setattr(module, "_prepared", set())


def test_each_model_is_prepared_once(made_bundle, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "predict", lambda model, films, **options: seen.append(model))
    thread = prepare([made_bundle])
    thread.join(60)
    assert prepare([made_bundle]) is None
    assert seen == [made_bundle]


def test_the_networks_run(made_bundle):
    thread = prepare([made_bundle])
    thread.join(120)
    assert not thread.is_alive()
    assert made_bundle.network._forwards


def test_what_goes_wrong_is_logged_and_the_others_go_on(two_models, monkeypatch, caplog):
    seen = []

    def failing(model, films, **options):
        seen.append(model)
        raise ValueError("no such file")

    monkeypatch.setattr(module, "predict", failing)
    # They hold the same weights.
    module._run(two_models)
    assert seen == two_models
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
