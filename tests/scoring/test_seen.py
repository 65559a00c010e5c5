"""What is handed over of a film scores as the film does."""

from __future__ import annotations

import pickle

import numpy as np

from cxr.films.radiograph import Radiograph
from cxr.scoring import automatic
from cxr.scoring.seen import Needs, see
from tests.conftest import film_like


def test_scores_are_those_of_the_films(two_models):
    films = [film_like(1), Radiograph(film_like(2).pixels, age=40.0), film_like(3)]
    films.append(Radiograph(np.full((200, 200), 0.4, np.float32)))
    needs = Needs.of(two_models)
    seen = pickle.loads(pickle.dumps([see(film, needs) for film in films]))
    rows = [
        [{name: said.row("") for name, said in film.items()} for film in scored]
        for scored in (automatic.predict(two_models, films), automatic.predict(two_models, seen))
    ]
    assert rows[0] == rows[1]
    assert any(row["score"] is not None for film in rows[0] for row in film.values())


def test_no_more_is_handed_over_than_is_needed(two_models):
    film = film_like(1, size=1500)
    seen = see(film, Needs.of(two_models))
    assert seen.film is None
    assert len(pickle.dumps(seen)) < film.pixels.nbytes / 10
    assert see(film, Needs.of(two_models, film=True)).film is film
    blank = Radiograph(np.full((200, 200), 0.4, np.float32))
    assert see(blank, Needs.of(two_models)).inputs == {}
