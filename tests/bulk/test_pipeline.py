"""Batches scored side by side: in order, bounded, with the scores of one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from cxr.bulk import pipeline
from cxr.bulk.pipeline import score_many
from cxr.networks import engine
from tests.conftest import chest_like, png


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("films")
    for k in range(20):
        (folder / f"{k:02}.png").write_bytes(png(chest_like(k, ill=k % 2 == 0)))
    (folder / "07.png").write_bytes(b"no film")
    return [str(folder / f"{k:02}.png") for k in range(20)]


def logits(batches) -> list[tuple[str, float | None]]:
    return [
        (Path(film.path).name, prediction.logit)
        for batch in batches
        for film in batch
        for prediction in film.predictions.values()
    ]


def test_scores_are_the_same_to_the_last_bit(made_bundle, films):
    expected = logits(score_many([made_bundle], films, readers=0, scorers=1))
    assert [name for name, _ in expected] == [Path(film).name for film in films]
    assert [logit for _, logit in expected].count(None) == 1
    for readers, scorers in ((0, 3), (2, 2)):
        several = score_many([made_bundle], films, readers=readers, scorers=scorers)
        assert logits(several) == expected


def test_what_is_worked_on_at_a_time_is_bounded_and_comes_in_order():
    busy, most, drawn, lock = [0], [0], [0], threading.Lock()

    def items() -> Iterator[int]:
        for k in range(30):
            drawn[0] += 1
            yield k

    def work(k: int) -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.002 * (k % 3))
        with lock:
            busy[0] -= 1
        return k

    for count, k in enumerate(pipeline._in_order(work, items(), 3)):
        assert k == count
        assert drawn[0] <= k + 1 + 3, "no more is read than is soon worked on"
    assert drawn[0] == 30
    assert 1 < most[0] <= 3


def test_an_error_comes_in_its_turn_and_ends_the_work():
    begun = []

    def work(k: int) -> int:
        begun.append(k)
        if k == 2:
            raise ValueError("2")
        return k

    results = pipeline._in_order(work, range(1000), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)
    assert len(begun) < 10


def test_networks_of_one_thread_and_no_threads_of_numpy(made_bundle, films, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    seen: list[tuple[int, int]] = []
    real = pipeline.score_batch

    def score_batch(*arguments, **options):
        blas = max(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        seen.append((engine.threads(), blas))
        return real(*arguments, **options)

    monkeypatch.setattr(pipeline, "score_batch", score_batch)
    list(score_many([made_bundle], films, readers=0))
    # Three batches: a thread is left over for nobody.
    assert seen == [(1, 1)] * 3
    assert engine.threads() == 4
    seen.clear()
    list(score_many([made_bundle], films[:4], readers=0))
    assert seen == [(4, 1)], "a single batch has all threads"
