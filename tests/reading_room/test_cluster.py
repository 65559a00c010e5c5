"""Films of the dashboard scored on a real cluster; a worker that ends, and no cluster at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr.bulk.cluster import ClusterError
from cxr.films.radiograph import Radiograph
from cxr.reading_room.batch import BATCH
from cxr.reading_room.cluster import SETTING, ClusterScorer
from cxr.reading_room.prepare import prepare
from cxr.reading_room.scorer import Scorer
from cxr.reading_room.service import ScoringService, scoring_service
from cxr.reading_room.worklist import Worklist
from cxr.scoring.automatic import predict
from tests.conftest import chest_like, png
from tests.ray_cluster import cluster_with, processes_of


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with cluster_with(2) as made:
        yield made.address


@pytest.fixture(scope="module")
def scorer(address) -> Iterator[ClusterScorer]:
    made = ClusterScorer(address)
    yield made
    made.close()


@pytest.fixture(scope="module")
def model(made_models: Path):
    from cxr.model import load

    return load(str(made_models / "pneumonia-made"))


def films(number: int) -> list[Radiograph]:
    return [Radiograph(chest_like(k).astype("float32") / 255) for k in range(number)]


def test_scores_and_heatmaps_are_those_of_this_process(scorer, model):
    taken = films(11)
    here = predict([model], taken, heatmaps=True)
    there = scorer.predict([model], taken, heatmaps=True)
    assert scorer.most == 2 * BATCH
    for mine, others in zip(here, there, strict=True):
        (one,), (other,) = mine.values(), others.values()
        assert other.refusal == one.refusal
        assert other.band == one.band
        if one.score is not None:
            assert other.score == pytest.approx(one.score, abs=1e-5)
            assert other.heatmap.array == pytest.approx(one.heatmap.array, abs=1e-3)


def test_a_refusal_that_a_reader_has_overridden(scorer, model):
    blank = Radiograph(films(1)[0].pixels * 0 + 0.5)
    (said,) = scorer.predict([model], [blank])
    assert said["pneumonia"].score is None
    (said,) = scorer.predict([model], [blank], overridden={"pneumonia": [0]})
    (here,) = predict([model], [blank], overridden={"pneumonia": [0]})
    assert said["pneumonia"].refusal == here["pneumonia"].refusal
    assert said["pneumonia"].score == pytest.approx(here["pneumonia"].score, abs=1e-5)


def test_a_list_is_scored_by_the_service(scorer, model):
    service = ScoringService(scorer, most=lambda: scorer.most)
    worklist = Worklist([model])
    for k in range(9):
        worklist.add(f"{k}.png", png(chest_like(k)))
    lane = Scorer(worklist, service=service)
    lane.start()
    assert lane.join(60)
    service.close()
    assert not lane.error
    assert all(entry.prediction for entry in worklist.entries)


def test_workers_that_end_cost_no_film(scorer, model):
    before = scorer.predict([model], films(8))
    for process in processes_of("FilmWorker"):
        os.kill(process, signal.SIGKILL)
    after = scorer.predict([model], films(8))
    assert [said["pneumonia"].refusal for said in after] == [
        said["pneumonia"].refusal for said in before
    ]


def test_the_process_that_speaks_with_the_cluster_ends(scorer, model):
    """As Ray ends it where the head node is gone."""
    scorer.predict([model], films(1))
    scorer._process._process.kill()
    with pytest.raises(ClusterError) as caught:
        scorer.predict([model], films(1))
    assert caught.value.code == "unreachable"
    assert scorer.predict([model], films(1))


def test_no_cluster_at_the_address_is_said_of_the_list(model):
    scorer = ClusterScorer("127.0.0.1:1")
    service = ScoringService(scorer, most=lambda: scorer.most)
    worklist = Worklist([model])
    worklist.add("a.png", png(chest_like(1)))
    lane = Scorer(worklist, service=service)
    lane.start()
    assert lane.join(60)
    service.close()
    assert "127.0.0.1:1" in lane.error
    assert not worklist.entries[0].prediction


def test_the_setting_chooses(model, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)
    here = scoring_service()
    assert here.most == BATCH
    monkeypatch.setenv(SETTING, "127.0.0.1:1")
    assert scoring_service() is not here
    assert scoring_service() is scoring_service()
    assert prepare([model]) is None
