"""Maps made in the background: at once or on request, with progress, stopped, remembered."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest

import cxr.reading_room.explainer
from cxr.heatmaps.heatmap import Cost, Heatmap
from cxr.heatmaps.methods import FAST
from cxr.model import Model
from cxr.networks.network import Network
from cxr.reading_room.explainer import Explainer, State
from cxr.scoring.explain import StoppedError
from tests.conftest import film_like

FILM = film_like(1)


class Turns:
    """Stands in for the methods: a slow map goes on by a pass each time it is let."""

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.passes, self.asked = 4, []
        self.under_way = threading.Event()
        self.error: Exception | None = None

    def __call__(self, bundle, films, *, method, progress=None, stopped=None):
        self.asked.append(method)
        if self.error:
            raise self.error
        if method not in FAST:
            for done in range(self.passes):
                progress(done, self.passes)
                self.under_way.set()
                assert self.turn.acquire(timeout=20)
                if stopped():
                    raise StoppedError
        grid = np.ones((2, 2), np.float32)
        (film,) = films
        return [Heatmap(grid, film.height, film.width, method, "", "", cost=Cost(0.1, 1))]

    def let(self, passes: int) -> None:
        for _ in range(passes):
            self.turn.release()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    stand_in = Turns()
    monkeypatch.setattr(cxr.reading_room.explainer, "heatmaps", stand_in)
    monkeypatch.setattr(cxr.reading_room.explainer, "expected_seconds", lambda bundle, method: 8.0)
    return stand_in


def told(explainer: Explainer, bundle: Model, method: str, film=FILM) -> State:
    return explainer.state(bundle, film.sha256, method)


def test_a_map_of_one_pass_is_made_at_once_and_remembered(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    assert told(explainer, made_bundle, "layercam") == State("running")
    for _ in range(2):
        explainer.ask(made_bundle, FILM, "layercam")
        explainer.wait(20)
    state = told(explainer, made_bundle, "layercam")
    assert (state.kind, state.heatmap.method) == ("ready", "layercam")
    assert state.heat.method == "layercam"
    assert turns.asked == ["layercam"]
    assert not explainer.busy


def test_a_slow_map_says_how_long_it_takes_and_waits_to_be_asked(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    assert told(explainer, made_bundle, "smoothgrad").kind == "timing"
    explainer.ask(made_bundle, FILM, "smoothgrad")
    assert explainer.join(20)
    assert told(explainer, made_bundle, "smoothgrad") == State("offered", seconds=8.0)
    assert turns.asked == []
    # The next film takes as long.
    assert told(explainer, made_bundle, "smoothgrad", film_like(2)).kind == "offered"


def test_a_slow_map_is_made_with_progress(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.start(made_bundle, FILM, "occlusion")
    assert turns.under_way.wait(20)
    turns.under_way.clear()
    turns.let(1)
    assert turns.under_way.wait(20)
    state = told(explainer, made_bundle, "occlusion")
    assert (state.kind, state.share, explainer.working) == ("running", 0.25, "occlusion")
    turns.let(3)
    assert explainer.join(20)
    assert told(explainer, made_bundle, "occlusion").heatmap.method == "occlusion"
    assert explainer.working == ""


def test_one_slow_map_at_a_time_and_fast_ones_beside_it(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.start(made_bundle, FILM, "occlusion")
    assert turns.under_way.wait(20)
    explainer.start(made_bundle, FILM, "smoothgrad")
    assert told(explainer, made_bundle, "smoothgrad").kind != "running"
    explainer.ask(made_bundle, FILM, "hirescam")
    explainer.wait(20)
    assert told(explainer, made_bundle, "hirescam").kind == "ready"
    assert explainer.working == "occlusion"
    turns.let(4)
    assert explainer.join(20)
    assert turns.asked == ["occlusion", "hirescam"]


def test_stopped_and_begun_anew_before_the_former_attempt_has_ended(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.start(made_bundle, FILM, "occlusion")
    assert turns.under_way.wait(20)
    explainer.stop()
    assert told(explainer, made_bundle, "occlusion").kind == "stopped"
    explainer.start(made_bundle, FILM, "occlusion")
    assert told(explainer, made_bundle, "occlusion").kind == "running"
    turns.let(1 + 4)
    assert explainer.join(20)
    assert told(explainer, made_bundle, "occlusion").kind == "ready"
    assert turns.asked == ["occlusion", "occlusion"]


def test_what_is_stopped_before_it_begins_never_begins(made_bundle, turns, monkeypatch):
    measured, turn = threading.Event(), threading.Event()

    def measure(bundle, method):
        measured.set()
        assert turn.wait(20)
        return 8.0

    monkeypatch.setattr(cxr.reading_room.explainer, "expected_seconds", measure)
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.ask(made_bundle, FILM, "smoothgrad")
    assert measured.wait(20)
    explainer.start(made_bundle, FILM, "occlusion")
    explainer.stop()
    turn.set()
    assert explainer.join(20)
    assert turns.asked == []


def test_another_film_stops_what_is_made_for_the_former(made_bundle, turns):
    other, explainer = film_like(2), Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.start(made_bundle, FILM, "occlusion")
    assert turns.under_way.wait(20)
    explainer.look_at(made_bundle, FILM.sha256)
    assert explainer.working == "occlusion"
    explainer.look_at(made_bundle, other.sha256)
    assert explainer.working == ""
    turns.let(1)
    assert explainer.join(20)
    # Nobody pressed Stop: back at the film it is offered as before.
    explainer.look_at(made_bundle, FILM.sha256)
    assert told(explainer, made_bundle, "occlusion").kind == "timing"


def test_a_closed_tab_stops_it(made_bundle, turns):
    explainer = Explainer(wanted=lambda: False)
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.start(made_bundle, FILM, "occlusion")
    explainer.ask(made_bundle, FILM, "smoothgrad")
    turns.let(1)
    assert explainer.join(20)
    assert told(explainer, made_bundle, "occlusion").heatmap is None
    assert told(explainer, made_bundle, "smoothgrad").seconds is None


def test_what_goes_wrong_is_said_and_can_be_tried_again(made_bundle, turns):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    turns.error = MemoryError("no room")
    for method, title in (("occlusion", "Occlusion"), ("layercam", "LayerCAM")):
        explainer.start(made_bundle, FILM, method)
        explainer.ask(made_bundle, FILM, method)
        assert explainer.join(20)
        state = told(explainer, made_bundle, method)
        assert state.kind == "failed"
        assert state.message == f"{title} could not be worked out: no room"
    # A map of one pass is not tried again and again, but where the film is opened anew.
    turns.error = None
    explainer.ask(made_bundle, FILM, "layercam")
    assert told(explainer, made_bundle, "layercam").kind == "failed"
    explainer.start(made_bundle, FILM, "occlusion")
    turns.let(4)
    assert explainer.join(20)
    assert told(explainer, made_bundle, "occlusion").kind == "ready"


def test_the_maps_used_last_are_kept(made_bundle, turns, monkeypatch):
    monkeypatch.setattr(cxr.reading_room.explainer, "KEPT", 3)
    explainer, films = Explainer(), [film_like(k) for k in range(4)]
    for film in films:
        explainer.ask(made_bundle, film, "layercam")
        explainer.wait(20)
        assert told(explainer, made_bundle, "layercam", films[0]).kind == "ready"
    kinds = [told(explainer, made_bundle, "layercam", film).kind for film in films]
    assert kinds == ["ready", "running", "ready", "ready"]


def test_the_methods_themselves(made_bundle):
    explainer = Explainer()
    explainer.look_at(made_bundle, FILM.sha256)
    explainer.ask(made_bundle, FILM, "layercam")
    explainer.ask(made_bundle, FILM, "smoothgrad")
    assert explainer.join(120)
    assert told(explainer, made_bundle, "layercam").heatmap.cost.passes == 1
    offered = told(explainer, made_bundle, "smoothgrad")
    assert (offered.kind, offered.seconds > 0) == ("offered", True)
    explainer.start(made_bundle, FILM, "smoothgrad")
    assert explainer.join(120)
    assert told(explainer, made_bundle, "smoothgrad").heatmap.cost.passes > 1


def test_without_a_convolution_there_is_no_such_map(made_bundle):
    film = keras.Input((64, 64, 1))
    score = keras.layers.Dense(1)(keras.layers.Flatten()(film))
    flat = Network(keras.Model(film, score, name="flat"))
    bundle = Model(made_bundle.folder, made_bundle.card, network=flat)
    explainer = Explainer()
    explainer.look_at(bundle, FILM.sha256)
    for method in ("layercam", "scorecam", "smoothgrad"):
        explainer.ask(bundle, FILM, method)
    assert explainer.join(120)
    for method in ("layercam", "scorecam"):
        state = told(explainer, bundle, method)
        assert state.kind == "failed"
        assert state.message.startswith("flat has no convolution")
    assert told(explainer, bundle, "smoothgrad").kind == "offered"
