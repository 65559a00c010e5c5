"""Films read by processes: the same as in this one, in order, whatever ends a process."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from cxr.bulk import reading
from cxr.bulk.reading import ENDED, Readers, read_and_see
from cxr.films.preprocessing import Preprocessing
from cxr.scoring.refusal import Refusal
from cxr.scoring.seen import Needs, SeenFilm
from tests.conftest import chest_like, png

NEEDS = Needs(cards=(), inputs=(Preprocessing(64, 64, 1),), pictures=(), sides=(32,), film=True)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    for k in range(7):
        (tmp_path / f"{k}.png").write_bytes(png(chest_like(k)))
    (tmp_path / "3.png").write_bytes(b"no film")
    return [str(tmp_path / f"{k}.png") for k in range(8)]


def same(one: SeenFilm | Refusal, other: SeenFilm | Refusal) -> bool:
    if isinstance(one, Refusal) or isinstance(other, Refusal):
        return one == other
    assert one.film
    assert other.film
    return one.film.sha256 == other.film.sha256 and all(
        np.array_equal(one.inputs[way], other.inputs[way]) for way in one.inputs
    )


def batches(paths: list[str]) -> list[list[str]]:
    return [paths[k : k + 2] for k in range(0, len(paths), 2)]


def test_processes_see_what_this_one_sees(paths):
    expected = [read_and_see(path, NEEDS) for path in paths]
    assert [isinstance(film, Refusal) for film in expected].count(True) == 2
    for number in (0, 2):
        with Readers(NEEDS, number) as readers:
            read = list(readers.read(batches(paths)))
        assert [path for batch, _ in read for path in batch] == paths
        seen = [film for _, films in read for film in films]
        assert all(map(same, seen, expected))
    assert not multiprocessing.active_children()


def test_a_relative_path(paths, monkeypatch):
    monkeypatch.chdir(Path(paths[0]).parent)
    with Readers(NEEDS, 1) as readers:
        ((_, (film,)),) = readers.read([["0.png"]])
    assert isinstance(film, SeenFilm)


def test_a_killed_process_costs_no_film(paths):
    with Readers(NEEDS, 1) as readers:
        read = readers.read(batches(paths * 4))
        seen = [next(read)]
        (process,) = multiprocessing.active_children()
        os.kill(process.pid or 0, signal.SIGKILL)
        seen += read
    assert [path for batch, _ in seen for path in batch] == paths * 4
    films = [film for _, batch in seen for film in batch]
    assert sum(isinstance(film, Refusal) for film in films) == 2 * 4
    assert ENDED not in films


def test_a_film_that_ends_every_process_has_its_refusal(paths, monkeypatch):
    """And the others of its batch are read."""
    ask = reading.Process.ask

    def deadly(worker: reading.Process, batch: list[str]) -> object:
        if paths[2] in batch:
            worker.end()
        return ask(worker, batch)

    monkeypatch.setattr(reading.Process, "ask", deadly)
    with Readers(NEEDS, 1) as readers:
        films = [film for _, batch in readers.read([paths[:4], paths[4:]]) for film in batch]
    assert films[2] is ENDED
    assert [isinstance(film, Refusal) for film in films] == [
        *(False, False, True, True),
        *(False, False, False, True),
    ]


def test_what_cannot_be_foreseen_is_raised(paths):
    with (
        Readers(Needs((), ("no way",), (), ()), 1) as readers,  # type: ignore[arg-type]
        pytest.raises(TypeError),
    ):
        list(readers.read([paths[:1]]))


def test_one_process_for_each_processor():
    assert 1 <= reading.processes() <= (os.cpu_count() or 1)
