"""Heatmaps held against boxes: a network that sees a planted square must hit it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.boxes import read_boxes
from cxr.datasets.folders import DatasetError
from cxr.evidence.audit.box_figures import (
    BASELINES,
    MEASURES,
    BoxedFilm,
    measure,
)
from cxr.evidence.audit.boxes import Localization, assess_boxes, localize
from cxr.evidence.audit.store import BOXES, BOXES_ALL, BOXES_NAMED
from cxr.evidence.audit.tables import named_box_table
from cxr.heatmaps.heatmap import Heatmap
from cxr.model import Model
from tests import planted
from tests.planted import FAINT, N, plant


def boxed(grid, corners, patient="a", size=(60, 80)) -> BoxedFilm:
    grid = np.asarray(grid, np.float32)
    heatmap = Heatmap(grid, *size, "gradcam", "conv", "pneumonia")
    return BoxedFilm(heatmap, np.asarray(corners, np.float64), patient)


def spot(row: int, column: int, nodes: int = 7) -> np.ndarray:
    grid = np.zeros((nodes, nodes), np.float32)
    grid[row, column] = 1
    return grid


class TestMeasure:
    # At 60 x 80 pixels the nodes of a grid of 7 x 7 lie about 10 and 13 pixels apart.
    UPPER_LEFT, LOWER_RIGHT = [[0, 0, 20, 15]], [[60, 45, 80, 60]]

    def films(self) -> list[BoxedFilm]:
        """Each map is on its boxes, which lie in two places."""
        return [
            boxed(spot(0, 0), self.UPPER_LEFT, "a"),
            boxed(spot(6, 6), self.LOWER_RIGHT, "b"),
            boxed(spot(0, 0), self.UPPER_LEFT, "c"),
            boxed(spot(6, 6), self.LOWER_RIGHT, "d"),
        ]

    def test_maps_on_their_boxes_are_better_than_those_that_know_nothing(self):
        found, everywhere = measure(self.films(), np.ones(4, bool))
        assert found == everywhere
        assert found.films == 4
        assert (found.method.hit_rate, found.method.hit_rate_ci) == (1, (1, 1))
        assert found.method.share_inside > 0.95
        assert found.baselines["centre"].hit_rate == 0
        assert found.baselines["centre"].hit_rate_difference == 1
        assert found.baselines["centre"].hit_rate_difference_ci == (1, 1)
        for baseline in found.baselines.values():
            assert baseline.share_inside < 0.7
            assert baseline.mean_iou < found.method.mean_iou

    def test_the_mean_map_leaves_out_the_films_own_patient(self):
        """All maps in one place but one: its film's mean map is that of the others."""
        films = [
            boxed(spot(0, 0), self.UPPER_LEFT, "a"),
            boxed(spot(0, 0), self.UPPER_LEFT, "b"),
            boxed(spot(6, 6), self.LOWER_RIGHT, "c"),
            boxed(spot(6, 6), self.LOWER_RIGHT, "c"),
        ]
        found, _ = measure(films, np.ones(4, bool))
        # For a and b, one film there against two of c; for c, both of the others, and none of its.
        assert found.baselines["mean"].hit_rate == 0

    def test_random_maps_hit_by_the_area_of_the_boxes(self):
        left = [[0, 0, 40, 60]]
        films = [boxed(spot(3, 3), left, str(i)) for i in range(60)]
        random = measure(films, np.ones(60, bool))[0].baselines["random"]
        assert random.hit_rate == pytest.approx(0.5, abs=0.08)
        assert random.share_inside == pytest.approx(0.5, abs=0.03)

    def test_is_seeded(self):
        first, again = (measure(self.films(), np.ones(4, bool)) for _ in range(2))
        assert first == again

    def test_only_the_called_films_count(self):
        films = [*self.films(), boxed(spot(3, 3), self.UPPER_LEFT, "e")]
        called, everywhere = measure(films, np.array([True] * 4 + [False]))
        assert (called.films, everywhere.films) == (4, 5)
        assert called.method.hit_rate == 1
        assert everywhere.method.hit_rate == 0.8
        assert called == measure(self.films(), np.ones(4, bool))[0]

    def test_none_called(self):
        called, everywhere = measure(self.films(), np.zeros(4, bool))
        assert called.films == 0
        assert called.method.hit_rate is None
        assert set(called.baselines) == set(BASELINES)
        assert everywhere.films == 4

    def test_one_patient_has_neither_intervals_nor_a_cut_nor_a_mean_map(self):
        films = [dataclasses.replace(film, patient="a") for film in self.films()]
        found, _ = measure(films, np.ones(4, bool))
        assert found.method.hit_rate == 1
        assert found.method.hit_rate_ci is None
        assert found.method.mean_iou is None
        assert found.baselines["mean"].hit_rate is None
        assert found.baselines["random"].hit_rate is not None

    def test_a_map_of_nothing_is_a_miss(self):
        films = [dataclasses.replace(film) for film in self.films()]
        films[0] = boxed(np.zeros((7, 7)), self.UPPER_LEFT, "a")
        assert measure(films, np.ones(4, bool))[0].method.hit_rate == 0.75


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def seeing(made_bundle, tmp_path_factory) -> Model:
    return planted.seeing(made_bundle, tmp_path_factory.mktemp("seeing") / "bundle")


@pytest.fixture(scope="module")
def found(seeing, root) -> Localization:
    return localize(seeing, root, read_boxes(root / "boxes.csv"))


class TestLocalize:
    def test_hits_what_was_planted(self, found):
        assert (found.split, found.method, found.layer) == ("test", "gradcam", "bright")
        assert (found.boxed, found.called.films, found.all_films.films) == (N, N - FAINT, N)
        assert found.called.method.hit_rate == 1
        assert found.called.method.share_inside > 0.65
        assert found.called.method.mean_iou > 0.5
        assert found.message is None
        for baseline in found.called.baselines.values():
            assert baseline.hit_rate < 0.6
            assert baseline.share_inside < 0.3
            assert baseline.hit_rate_difference_ci[0] > 0

    def test_boxes_elsewhere_are_not_hit(self, seeing, root):
        """So that the test above can fail."""
        boxes = read_boxes(root / "boxes.csv")
        wide = boxes["right"] - boxes["left"]
        left = (boxes["left"] + 80) % 130
        moved = localize(seeing, root, boxes.assign(left=left, right=left + wide))
        assert moved.called.method.hit_rate < 0.2

    def test_json_has_the_keys_of_the_contract(self, found):
        plain = json.loads(json.dumps(found.to_json()))
        for part in (plain, *(plain["baselines"][name] for name in BASELINES)):
            for key in MEASURES:
                low, high = part[f"{key}_ci"]
                assert low <= part[key] <= high
        assert list(plain["baselines"]) == list(BASELINES)
        assert (plain["method"], plain["films"], plain["boxed"]) == ("gradcam", N - FAINT, N)
        assert "hit_rate_difference" not in plain
        assert set(plain["all_films"]) == {
            *("films", "cuts", "baselines"),
            *MEASURES,
            *(f"{key}_ci" for key in MEASURES),
        }

    def test_scores_at_hand_are_taken(self, seeing, root, found, monkeypatch):
        from cxr.evidence.score_split import score_split

        table = score_split(seeing, root)
        monkeypatch.setattr("cxr.evidence.audit.boxes.score_split", None)
        boxes = read_boxes(root / "boxes.csv")
        assert localize(seeing, root, boxes, scored=table).to_json() == found.to_json()

    def test_none_called_above_the_operating_point(self, seeing, root):
        boxes = read_boxes(root / "boxes.csv")
        faint = boxes[
            boxes["file"].isin([f"person{i}_virus_test.png" for i in range(N - FAINT, N)])
        ]
        result = localize(seeing, root, faint)
        assert "None of the 2 films with boxes is called above" in result.message
        plain = result.to_json()
        assert (plain["films"], plain["hit_rate"], plain["mean_iou_ci"]) == (0, None, None)
        assert plain["baselines"]["mean"]["share_inside"] is None
        assert plain["all_films"]["films"] == 2

    def test_another_operating_point(self, seeing, root):
        boxes = read_boxes(root / "boxes.csv")
        points = {point.name: point for point in seeing.card.operating_points}
        with pytest.raises(ValueError, match="Received: 'nope'"):
            localize(seeing, root, boxes, operating_point="nope")
        assert "youden" in points
        scored = pd.DataFrame(
            {
                "path": [f"test/PNEUMONIA/person{i}_virus_test.png" for i in range(2)],
                "patient": ["a", "b"],
                "label": "pneumonia",
                # 0.6 is above the one, and below the other.
                "logit": [0.3, 0.5],
            }
        )
        assert localize(seeing, root, boxes, scored=scored).called.films == 1

    def test_other_methods_and_their_progress(self, seeing, root):
        seen = []

        def progress(done, total):
            seen.append((done, total))

        boxes = read_boxes(root / "boxes.csv")
        result = localize(seeing, root, boxes, method="hirescam", layer="bright", progress=progress)
        assert result.called.method.hit_rate == 1
        assert seen[0] == (0, N)
        assert seen[-1] == (N, N)
        assert seen == sorted(set(seen))
        with pytest.raises(ValueError, match="Received: 'guess'"):
            localize(seeing, root, boxes, method="guess")

    def test_boxes_of_other_films_or_findings(self, seeing, root):
        boxes = read_boxes(root / "boxes.csv")
        with pytest.raises(DatasetError, match=r"No film of the split 'test' has a box of pneumo"):
            localize(seeing, root, boxes.assign(file="other.png"))
        with pytest.raises(DatasetError, match="The boxes are of Effusion"):
            localize(seeing, root, boxes.assign(finding="Effusion"))

    def test_boxes_outside_their_film(self, seeing, root):
        boxes = read_boxes(root / "boxes.csv")
        moved = boxes.assign(left=boxes["left"] + 900, right=boxes["right"] + 900)
        with pytest.raises(DatasetError, match="lie outside the film, which is 160 x 120 pixels"):
            localize(seeing, root, moved)


class TestNamed:
    def named(self, root) -> pd.DataFrame:
        """The faint films' boxes are healed scars, and one has a box of either name."""
        boxes = read_boxes(root / "boxes.csv")
        faint = boxes["file"].isin([f"person{i}_virus_test.png" for i in range(N - FAINT, N)])
        boxes = boxes.assign(finding=np.where(faint, "Healed pneumonia", "Pneumonia"))
        return pd.concat([boxes, boxes.iloc[:1].assign(finding="Healed pneumonia")])

    def test_films_are_told_apart_by_what_their_boxes_are_called(self, seeing, root, found):
        assert found.named == ()
        named = localize(seeing, root, self.named(root)).named
        assert {one.name: one.films for one in named} == {
            "Pneumonia": N - FAINT - 1,
            "Healed pneumonia": FAINT,
            "Healed pneumonia and Pneumonia": 1,
        }
        assert named[0].name == "Pneumonia"
        by_name = {one.name: one for one in named}
        assert by_name["Pneumonia"].called == by_name["Pneumonia"].hit_rate == 1
        assert by_name["Healed pneumonia"].called == 0
        assert by_name["Healed pneumonia and Pneumonia"].called_ci is None

    def test_the_figures_are_kept_and_shown(self, seeing, root, tmp_path):
        folder = shutil.copytree(seeing.folder, tmp_path / "bundle")
        bundle = Model(folder, seeing.card, network=seeing.network)
        _, found = assess_boxes(bundle, root, self.named(root), keep=True)
        shown = named_box_table(bundle.explanations).set_index("boxes")
        assert shown["n"].to_dict() == {one.name: one.films for one in found.named}
        assert shown.loc["Healed pneumonia", "called"].startswith("0.000")
        kept = bundle.explanations
        assert len(kept[kept["kind"] == BOXES_NAMED]) == 2 * len(found.named)


class TestStore:
    def test_figures_are_kept_of_any_split(self, seeing, root, tmp_path):
        folder = shutil.copytree(seeing.folder, tmp_path / "bundle")
        bundle = Model(folder, seeing.card, network=seeing.network)
        boxes = read_boxes(root / "boxes.csv")
        before = (bundle.folder / "predictions.csv").read_bytes()
        assert bundle.explanations.empty
        evaluation, found = assess_boxes(bundle, root, boxes, keep=True)
        assert evaluation.n == 2 * N
        table = bundle.explanations
        assert set(table["kind"]) == {BOXES, BOXES_ALL}
        assert set(table["films"]) == {"test"}
        called = table[table["kind"] == BOXES].set_index("measure")
        assert called.loc["hit_rate", "value"] == found.called.method.hit_rate
        assert called.loc["mean.share_inside", "value"] == pytest.approx(
            found.called.baselines["mean"].share_inside, abs=1e-6
        )
        assert called.loc["random.hit_rate_difference", "low"] == pytest.approx(
            found.called.baselines["random"].hit_rate_difference_ci[0], abs=1e-6
        )
        assert (bundle.folder / "predictions.csv").read_bytes() == before

    def test_nothing_is_kept_unasked_nor_at_another_operating_point(self, seeing, root):
        boxes = read_boxes(root / "boxes.csv")
        assess_boxes(seeing, root, boxes, operating_point="youden")
        with pytest.raises(ValueError, match=r"kept at .* fixed-0.6. Received: youden"):
            assess_boxes(seeing, root, boxes, operating_point="youden", keep=True)
        assert not (seeing.folder / "explanations.csv").exists()
