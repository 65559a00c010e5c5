"""A real cluster of two nodes on this machine: the same rows, whatever ends in the middle."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr.bulk.cluster import ClusterError, Request, connected, score_on_cluster
from cxr.bulk.parts import iter_parts
from cxr.bulk.pipeline import score_many
from cxr.bulk.rows import read_rows
from cxr.cli.commands import DONE, SOME_REFUSED, WRONG_USAGE
from cxr.cli.parser import main
from tests.conftest import chest_like, png
from tests.ray_cluster import STORE, cluster_with, processes_of
from tests.sites import a_site

pytestmark = pytest.mark.filterwarnings("ignore:::ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    # A node that is gone is missed after 2 s.
    missed = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 500,
        "health_check_failure_threshold": 4,
    }
    with cluster_with(0, **missed) as made:
        made.add_node(num_cpus=1, object_store_memory=STORE)
        yield made


@pytest.fixture
def second(cluster):
    """A second node with a processor; it may be removed."""
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def model(made_models: Path):
    from cxr.model import load

    return load(str(made_models / "pneumonia-made"))


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for k in range(30):
        (folder / f"{k:02}.png").write_bytes(png(chest_like(k)))
    (folder / "07.png").write_bytes((folder / "07.png").read_bytes()[:200])
    return folder


@pytest.fixture
def many(films: Path, tmp_path: Path) -> list[str]:
    """Enough of them for something to end in the middle."""
    folder = tmp_path / "many"
    folder.mkdir()
    originals = sorted(films.iterdir())
    for k in range(1500):
        (folder / f"{k:04}.png").symlink_to(originals[k % len(originals)])
    return sorted(map(str, folder.iterdir()))


def row(scored):
    ((_, prediction),) = scored.predictions.items()
    return scored.path, prediction.refusal, prediction.model_sha256, prediction.operating_point


def test_rows_are_those_of_this_process(cluster, second, films, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = ["predict", str(films), "--model", str(model.folder)]
    assert main([*where, "--out", "here.csv"]) == SOME_REFUSED
    assert main([*where, "--out", "there/", "--ray", cluster.address]) == SOME_REFUSED
    here = {row["path"]: row for row in read_rows(Path("here.csv"))}
    there = {row["path"]: row for row in iter_parts(Path("there"))}
    assert len(here) == len(there) == 30
    for path, expected in here.items():
        score = expected.pop("score")
        assert there[path].pop("score") == (score and pytest.approx(score, abs=1e-5))
        assert there[path] == expected
    assert main([*where, "--out", "there/", "--ray", cluster.address, "--resume"]) == SOME_REFUSED
    assert len([*iter_parts(Path("there"))]) == 30


def test_heatmaps_are_written_here(cluster, films, model, tmp_path):
    path = str(films / "01.png")
    maps = ["--heatmaps", str(tmp_path / "maps"), "--out", str(tmp_path / "rows.csv")]
    where = ["predict", path, "--model", str(model.folder), *maps]
    assert main([*where, "--ray", cluster.address]) == DONE
    assert len([*(tmp_path / "maps").glob("*.png")]) == 1
    assert read_rows(tmp_path / "rows.csv")[0]["heat_remark_code"]


def test_a_killed_worker_and_a_killed_node_cost_no_film(cluster, second, many, model):
    expected = {row(scored) for batch in score_many([model], many, readers=0) for scored in batch}
    seen, killed = [], []
    for batch in score_on_cluster([model], many, cluster.address):
        seen += map(row, batch)
        if len(killed) == 0 and len(seen) > 300:
            killed.append(processes_of("MapWorker")[0])
            os.kill(killed[0], signal.SIGKILL)
        if len(killed) == 1 and len(seen) > 700:
            cluster.remove_node(second, allow_graceful=False)
            killed.append(second)
    assert len(killed) == 2
    assert len(seen) == len(many)
    assert set(seen) == expected


def test_a_sites_points_go_with_the_request(model):
    site = a_site(model.card)
    request = pickle.loads(pickle.dumps(Request.of([site.apply(model)])))
    assert request.sites == (site,)
    (loaded,) = request.load()
    assert loaded.card.operating_point() == site.point()
    assert Request.of([model]).sites == ()


def test_other_weights_on_a_node(cluster, films, model, monkeypatch):
    request = Request.of([model])
    wrong = Request(request.models, ("00" * 32,))
    monkeypatch.setattr(Request, "of", lambda *args, **options: wrong)
    with pytest.raises(ClusterError) as caught:
        list(score_on_cluster([model], [str(films / "01.png")], cluster.address))
    assert caught.value.code == "other_weights"


def test_a_model_that_a_node_lacks(cluster, films, model, monkeypatch):
    wrong = Request(("/nowhere/pneumonia-made",), ("00" * 32,))
    monkeypatch.setattr(Request, "of", lambda *args, **options: wrong)
    with pytest.raises(ClusterError) as caught:
        list(score_on_cluster([model], [str(films / "01.png")], cluster.address))
    assert caught.value.code == "worker"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("127.0.0.1:1", "unreachable"),
        ("ray://127.0.0.1:1", "address"),
        ("nonsense", "address"),
        ("host:port", "address"),
        (":6379", "address"),
        ("127.0.0.1:99999", "address"),
    ],
)
def test_an_address_where_no_cluster_is(films, model, tmp_path, address, code):
    start = time.monotonic()
    with pytest.raises(ClusterError) as caught, connected(address):
        pass
    assert caught.value.code == code
    out = tmp_path / "rows.csv"
    where = ["predict", str(films), "--model", str(model.folder), "--out", str(out)]
    assert main([*where, "--ray", address]) == WRONG_USAGE
    assert time.monotonic() - start < 20
    assert not out.exists()


def test_rows_need_a_file(films, model):
    where = ["predict", str(films), "--model", str(model.folder), "--ray", "auto"]
    assert main(where) == WRONG_USAGE


def test_without_ray(films, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    where = ["predict", str(films), "--model", str(model.folder), "--ray", "auto"]
    assert main([*where, "--out", str(tmp_path / "rows.csv")]) == WRONG_USAGE
    assert "requirements-cluster.txt" in capsys.readouterr().err
