"""A film with its lungs outlined."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.films.radiograph import read
from cxr.lungs import picture
from cxr.lungs.segment import NO_LUNGS, Search
from tests.conftest import chest_like, png
from tests.heat import lungs_found


@pytest.fixture
def film():
    return read(png(chest_like(1)))


def test_the_outline_lies_on_the_edge_of_the_lungs_and_nothing_else_is_changed(film, monkeypatch):
    search = lungs_found((film.height, film.width))
    monkeypatch.setattr(picture, "find_once", lambda _: search)
    drawn = np.asarray(picture.outlined(film))
    assert drawn.shape == (film.height, film.width, 3)
    colored = (drawn != drawn[..., :1]).any(axis=-1)
    assert colored.any()
    mask = search.lungs.mask
    near = np.zeros_like(mask)
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            near |= np.roll(mask, (dy, dx), (0, 1)) != mask
    assert not (colored & ~near).any()
    plain = np.rint(film.pixels * 255).astype(np.uint8)
    assert (drawn[~colored][:, 0] == plain[~colored]).all()


def test_a_large_film_is_made_small(film, monkeypatch):
    monkeypatch.setattr(picture, "SIDE", 40)
    monkeypatch.setattr(picture, "find_once", lambda _: lungs_found((film.height, film.width)))
    assert max(picture.outlined(film).size) == 40


def test_a_film_without_lungs_has_no_outline(film, monkeypatch):
    monkeypatch.setattr(picture, "find_once", lambda _: Search(None, NO_LUNGS))
    assert picture.outlined(film) is None
