"""Outlines traced in the background: once a film, with the reason where there are no lungs."""

from __future__ import annotations

import numpy as np
import pytest

import cxr.reading_room.outlines as module
from cxr.films.radiograph import Radiograph
from cxr.lungs.outline import Outline
from cxr.lungs.segment import KIND, NO_LUNGS, Lungs, LungsError, Search
from cxr.lungs.zones import Sides
from cxr.reading_room.outlines import COMING, FAILED, Outlines
from tests.conftest import film_like


@pytest.fixture
def network(monkeypatch, tmp_path):
    """Stands in for the search: `found` is what comes of it; lists the films that were searched."""
    right = np.zeros((90, 90), bool)
    right[20:70, 10:40] = True
    stand_in = type("Network", (), {})()
    stand_in.found = Search(Lungs(Sides(right, right[:, ::-1]), 0.97), None)
    stand_in.searched = []

    def find(film):
        stand_in.searched.append(film.sha256)
        if isinstance(stand_in.found, Exception):
            raise stand_in.found
        return stand_in.found

    (tmp_path / KIND).mkdir()
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    monkeypatch.setattr(module, "find_once", find)
    return stand_in


def after(outlines: Outlines, film: Radiograph) -> Outline | str | None:
    outlines.ask(film)
    assert outlines.join(20)
    return outlines.of(film.sha256)


def test_a_film_is_searched_once_and_its_outline_remembered(network) -> None:
    outlines, film = Outlines(), film_like(1)
    told = after(outlines, film)
    assert isinstance(told, Outline)
    assert len(told.lungs) == 2
    assert outlines.known(film.sha256)
    assert after(outlines, film) is told
    assert network.searched == [film.sha256]


def test_nothing_is_searched_before_it_is_asked_for(network) -> None:
    outlines, film = Outlines(), film_like(1)
    assert outlines.of(film.sha256) == COMING
    assert not outlines.busy
    assert network.searched == []


def test_the_reason_is_told_where_there_are_no_lungs(network) -> None:
    network.found = Search(None, NO_LUNGS)
    assert after(Outlines(), film_like(1)) == NO_LUNGS.reason


def test_a_damaged_network_is_told_and_not_asked_again(network) -> None:
    network.found = LungsError("It is damaged.")
    outlines = Outlines()
    assert after(outlines, film_like(1)) == "It is damaged."
    network.found = RuntimeError("out of memory at 0x7f")
    assert after(outlines, film_like(2)) == FAILED
    outlines.ask(film_like(1))
    assert len(network.searched) == 2


def test_a_closed_tab_is_not_worked_for(network) -> None:
    outlines, film = Outlines(wanted=lambda: False), film_like(1)
    outlines.ask(film)
    assert outlines.join(20)
    assert network.searched == []


def test_models_without_a_lung_network_have_no_outlines(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    assert after(Outlines(), film_like(1)) is None
