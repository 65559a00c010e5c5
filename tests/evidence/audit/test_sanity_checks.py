"""The audit of a bundle: what it measures, and that a method which is blind fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.folders import DatasetError
from cxr.evidence.audit import run as audit_run
from cxr.evidence.audit.sanity_checks import audit
from cxr.evidence.audit.verdict import failures
from cxr.heatmaps.attribute import passes
from cxr.heatmaps.methods import METHODS
from cxr.model import Model
from tests import planted
from tests.planted import plant

MEASURES = {
    *("flat_maps", "flip_rank", "edge_share", "edge_area", "randomization_rank"),
    *("randomization_ssim", "deletion", "deletion_random", "deletion_gain"),
    *("insertion", "insertion_random", "insertion_gain"),
}


@pytest.fixture(scope="module", autouse=True)
def _few() -> Iterator[None]:
    """Fewer films than a real audit takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxr.evidence.audit.sanity_checks.FILMS", 4)
        patch.setattr("cxr.evidence.audit.run.FILMS", 4)
        patch.setattr("cxr.evidence.audit.run.FEWEST", 2)
        patch.setattr("cxr.evidence.audit.run.BUDGET", 1)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def seeing(made_bundle, tmp_path_factory) -> Model:
    return planted.seeing(made_bundle, tmp_path_factory.mktemp("seeing") / "bundle")


Run = Callable[..., tuple[pd.DataFrame, list[tuple[float, float]]]]


@pytest.fixture(scope="module")
def run(seeing, root) -> Run:
    """Audit the network that sees; gives the rows as a table, and the progress that was told.

    With `maps`, a function of prepared films takes the place of the method.
    """

    def audited(*methods: str, maps=None):
        seen: list[tuple[float, float]] = []
        with pytest.MonkeyPatch.context() as patch:
            if maps:
                patch.setattr(audit_run, "attribute", lambda network, films, **_: maps(films))
            rows = audit(
                seeing,
                root,
                methods=methods or ["gradcam"],
                checks=["sanity"],
                progress=lambda done, total: seen.append((done, total)),
            )
        return pd.DataFrame(rows), seen

    return audited


@pytest.fixture(scope="module")
def found(run) -> tuple[pd.DataFrame, list[tuple[float, float]]]:
    return run("gradcam", "occlusion")


def values(table: pd.DataFrame, method: str, measure: str) -> pd.DataFrame:
    return table[(table["method"] == method) & (table["measure"] == measure)]


class TestRows:
    def test_every_measure_of_each_method_in_order(self, found):
        table, _ = found
        assert list(dict.fromkeys(table["method"])) == ["gradcam", "occlusion"]
        for _, rows in table.groupby("method"):
            assert set(rows["measure"]) == MEASURES
        assert set(table["kind"]) == {"sanity"}
        assert set(table["films"]) == {"validation"}

    def test_stages_end_at_the_first_layer(self, found):
        table, _ = found
        for name in ("gradcam", "occlusion"):
            assert values(table, name, "randomization_rank")["stage"].tolist() == [0.5, 1]

    def test_a_slow_method_gets_the_films_that_the_budget_allows(self, found, seeing, monkeypatch):
        table, _ = found
        n = {name: rows["n"].max() for name, rows in table.groupby("method")}
        assert n == {"gradcam": 4, "occlusion": 2}
        # A film's own map, that of the mirrored film, and one a stage.
        monkeypatch.setattr(audit_run, "BUDGET", 3 * 4 * passes(seeing.network, "occlusion"))
        films = np.zeros((4, 64, 64, 1), np.uint8)
        now = audit_run.Run(seeing, films, np.arange(4).astype(str), ["occlusion"], 0, None)
        assert now.size == {"occlusion": 3}

    def test_values_lie_in_their_ranges(self, found):
        table, _ = found
        known = table[table["n"] > 0].set_index("measure")["value"]
        for name in ("flip_rank", "randomization_rank", "randomization_ssim"):
            assert known[name].between(-1.000001, 1.000001).all()
        for name in ("edge_share", "deletion", "deletion_random", "insertion", "insertion_random"):
            assert known[name].between(0, 1).all()
        assert known["edge_area"].tolist() == pytest.approx([0.36, 0.36])

    def test_a_gain_is_what_the_method_does_better_than_a_random_map(self, found):
        table, _ = found
        for name in ("gradcam", "occlusion"):
            each = table[table["method"] == name].set_index("measure")["value"]
            assert each["deletion_gain"] == pytest.approx(
                each["deletion_random"] - each["deletion"]
            )
            assert each["insertion_gain"] == pytest.approx(
                each["insertion"] - each["insertion_random"]
            )

    def test_progress_ends_at_the_whole(self, found):
        _, seen = found
        done, totals = zip(*seen, strict=True)
        assert len(set(totals)) == 1
        assert list(done) == sorted(done)
        assert done[-1] == pytest.approx(totals[0])

    def test_is_seeded(self, run, found):
        again, _ = run("gradcam")
        own = found[0][found[0]["method"] == "gradcam"].reset_index(drop=True)
        pd.testing.assert_frame_equal(again, own, rtol=1e-3, atol=1e-4)

    def test_what_sees_the_planted_square_passes(self, found):
        table, _ = found
        for name in ("gradcam", "occlusion"):
            each = table[table["method"] == name].set_index("measure")
            assert each.loc["deletion_gain", "low"] > 0.05
            assert each.loc["insertion_gain", "low"] > 0.05
            assert each.loc["flip_rank", "value"] > 0.7
        assert not any("random parts" in line for line in failures(table))


def bright(films: np.ndarray) -> np.ndarray:
    """What the network looks for, in blocks of 4 x 4 pixels."""
    blocks = films[..., 0].astype(np.float32).reshape(len(films), 16, 4, 16, 4)
    return np.maximum(blocks.mean(axis=(2, 4)) - 80, 0)


class TestChecksCanFail:
    def test_a_method_that_shows_the_film_whatever_was_learned(self, run):
        """The pictures that Adebayo et al. warn of: plausible, and blind to the weights."""
        table, seen = run(maps=bright)
        end = values(table, "gradcam", "randomization_rank").iloc[-1]
        assert (end["stage"], end["value"]) == (1, pytest.approx(1))
        assert values(table, "gradcam", "randomization_ssim")["value"].iloc[-1] == pytest.approx(1)
        (said,) = failures(table)
        assert "hardly changes when the weights are randomized" in said
        assert seen[-1][0] == seen[-1][1]

    def test_a_method_that_looks_at_the_edge(self, run):
        def frame(films):
            maps = np.zeros((len(films), 64, 64), np.float32)
            maps[:, :5] = maps[:, -5:] = 1
            return maps

        table, _ = run(maps=frame)
        assert values(table, "gradcam", "edge_share")["value"].iloc[0] > 0.9
        assert any("outer tenth" in line for line in failures(table))
        # It looks the same on the mirrored film, being the same on all.
        assert values(table, "gradcam", "flip_rank")["value"].iloc[0] == pytest.approx(1)

    def test_a_method_that_does_not_turn_with_the_film(self, run):
        table, _ = run(maps=lambda films: np.tile(np.arange(8.0), (len(films), 8, 1)))
        assert values(table, "gradcam", "flip_rank")["value"].iloc[0] == pytest.approx(-1)
        assert any("does not turn with the film" in line for line in failures(table))

    def test_a_method_that_points_away_from_what_matters(self, run):
        """The same map upside down: deletion and insertion must tell the two apart."""
        right, _ = run(maps=bright)
        wrong, _ = run(maps=lambda films: 255 - bright(films))
        for measure in ("deletion_gain", "insertion_gain"):
            assert values(right, "gradcam", measure)["low"].iloc[0] > 0
            assert values(wrong, "gradcam", measure)["high"].iloc[0] < 0
        assert sum("random parts" in line for line in failures(wrong)) == 2

    def test_a_method_without_a_map(self, run):
        table, seen = run(maps=lambda films: np.zeros((len(films), 8, 8), np.float32))
        assert values(table, "gradcam", "flat_maps")["value"].iloc[0] == 4
        assert values(table, "gradcam", "deletion")["n"].iloc[0] == 0
        assert np.isnan(values(table, "gradcam", "edge_share")["value"].iloc[0])
        assert any("could not be checked" in line for line in failures(table))
        assert seen[-1][0] == seen[-1][1]

    def test_films_without_a_map_are_left_out_of_every_mean(self, run):
        def some(films):
            maps = bright(films)
            maps[0] = 0
            return maps

        table, _ = run(maps=some)
        each = table.set_index("measure")
        assert each.loc["flat_maps", "value"] == 1
        for name in ("flip_rank", "edge_share", "deletion", "insertion_gain"):
            assert each.loc[name, "n"] == 3
        assert set(each.loc["randomization_rank", "n"]) == {3}
        assert each.loc["edge_share", "value"] > 0


def test_a_real_network_is_randomized_in_six_stages(made_bundle, made_films):
    table = pd.DataFrame(audit(made_bundle, made_films, methods=["gradcam"], checks=["sanity"]))
    stages = values(table, "gradcam", "randomization_rank")["stage"].tolist()
    assert len(stages) == 6
    assert stages == sorted(stages)
    assert stages[-1] == 1
    assert set(table["layer"]) == {made_bundle.network.layer()}


def test_fewer_films_where_asked(seeing, root):
    table = pd.DataFrame(audit(seeing, root, methods=["gradcam"], films=2))
    # Of films without lungs no figure of the lungs is a mean.
    assert set(table.loc[table["kind"] != "lungs", "n"]) == {2}
    with pytest.raises(ValueError, match=r"at least 1 film\. Received: 0"):
        audit(seeing, root, films=0)


class TestChecks:
    def test_all_where_none_are_given(self, seeing, root):
        table = pd.DataFrame(audit(seeing, root, methods=["gradcam", "hirescam"], films=2))
        assert set(table["kind"]) == {"sanity", "reference", "lungs"}
        compared = table[table["kind"] == "reference"]
        assert compared["method"].tolist() == ["gradcam"]  # tf-keras-vis has no HiResCAM

    def test_the_reference_alone(self, seeing, root):
        rows = audit(seeing, root, checks=["reference"], films=2)
        assert [row["method"] for row in rows] == ["gradcam", "gradcam++", "layercam"]
        for row in rows:
            assert (row["kind"], row["films"], row["n"]) == ("reference", "validation", 2)
            assert row["measure"] == "reference_difference"
            assert row["layer"] == "bright"
            assert 0 <= row["value"] < 1e-5

    def test_an_unknown_one(self, seeing, root):
        with pytest.raises(
            ValueError, match=r"Expected some of sanity, reference, lungs\. .*: boxes"
        ):
            audit(seeing, root, checks=["boxes"])

    def test_nothing_to_compare(self, seeing, root):
        with pytest.raises(ValueError, match=r"gradcam, gradcam\+\+, layercam\. .*: occlusion"):
            audit(seeing, root, methods=["occlusion"], checks=["reference"])


class TestWords:
    def test_an_unknown_method(self, run):
        with pytest.raises(ValueError, match=r"Expected some of gradcam.* Received: guess"):
            run("gradcam", "guess")

    def test_a_network_without_convolutions(self, made_bundle, monkeypatch):
        from cxr.evidence.audit.sanity_checks import _methods

        monkeypatch.setattr(made_bundle.network, "convolutions", list)
        with pytest.raises(ValueError, match="no convolution, which gradcam would look at"):
            _methods(made_bundle, ["gradcam", "occlusion"])
        plain = [name for name, method in METHODS.items() if not method.layered]
        assert _methods(made_bundle, None) == plain

    def test_no_film_that_the_model_calls(self, seeing, root, monkeypatch):
        from cxr.evidence import score_split as assessment

        score = assessment.score_split
        monkeypatch.setattr(
            "cxr.evidence.audit.sanity_checks.score_split",
            lambda *a, **k: score(*a, **k).assign(logit=-40.0),
        )
        with pytest.raises(DatasetError, match="calls none of the 24 validation films"):
            audit(seeing, root, methods=["gradcam"])
