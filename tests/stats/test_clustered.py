"""Intervals by patient, compared with what they must cover."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.stats.clustered import rate_interval
from cxr.stats.curves import auc
from cxr.stats.intervals import wilson


def films(seed: int, patients: int, each: int, alike: float) -> tuple[np.ndarray, np.ndarray]:
    """Hits of a rate of 0.8, and whose film each is: a patient's films are alike so often."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), each)
    of_patient = (rng.random(patients) < 0.8)[owner]
    own = rng.random(owner.size) < 0.8
    return np.where(rng.random(owner.size) < alike, of_patient, own).astype(int), owner


class TestRate:
    def test_one_film_a_patient_is_wilsons(self):
        hits = np.r_[np.ones(17), np.zeros(5)]
        assert rate_interval(hits) == rate_interval(hits, np.arange(22)) == wilson(17, 22)

    def test_films_that_are_copies_count_once(self):
        hits, owner = films(0, 40, 1, 0)
        low, high = rate_interval(np.repeat(hits, 3), np.repeat(owner, 3))
        expected = wilson(hits.sum(), 40)
        assert (low, high) == pytest.approx(expected, abs=0.01)

    def test_where_all_are_alike_each_patient_counts_once(self):
        assert rate_interval(np.ones(30), np.repeat(np.arange(10), 3)) == wilson(10, 10)
        assert rate_interval(np.zeros(30), np.repeat(np.arange(10), 3)) == wilson(0, 10)

    def test_it_is_never_narrower_than_that_of_the_films(self):
        for seed in range(50):
            hits, owner = films(seed, 30, 4, 0.3)
            low, high = rate_interval(hits, owner)
            plain = wilson(hits.sum(), hits.size)
            assert low <= plain[0] + 1e-12
            assert high >= plain[1] - 1e-12

    def test_it_holds_the_rate_in_95_of_100_draws(self):
        held, plain = 0, 0
        for seed in range(600):
            hits, owner = films(seed, 60, 4, 0.9)
            low, high = rate_interval(hits, owner)
            held += low <= 0.8 <= high
            low, high = wilson(hits.sum(), hits.size)
            plain += low <= 0.8 <= high
        assert 0.925 < held / 600 < 0.985
        assert plain / 600 < 0.8

    def test_nothing_to_count(self):
        assert rate_interval([], []) == (0, 1)
        with pytest.raises(ValueError, match="one patient a film"):
            rate_interval([1, 0], ["a"])


class TestArea:
    def scores(self, seed: int, patients: int = 60) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        labels = (np.arange(patients) % 2).astype(int)
        return rng.normal(labels * 1.2, 1), labels

    def test_one_film_a_patient_is_delongs(self):
        scores, labels = self.scores(1)
        plain = auc(scores, labels)
        told = auc(scores, labels, np.arange(60))
        assert told[0] == plain[0]
        assert told[1] == pytest.approx(plain[1], abs=2e-3)

    def test_films_that_are_copies_count_once(self):
        scores, labels = self.scores(2)
        once = auc(scores, labels)
        copies = auc(*(np.repeat(v, 4) for v in (scores, labels)), np.repeat(np.arange(60), 4))
        assert copies[0] == pytest.approx(once[0])
        assert copies[1] == pytest.approx(once[1], abs=0.01)

    def test_it_holds_the_area_in_95_of_100_draws(self):
        from statistics import NormalDist

        true = NormalDist().cdf(1.2 / np.sqrt(2))
        held = 0
        for seed in range(300):
            scores, labels = self.scores(100 + seed)
            rng = np.random.default_rng(seed)
            owner = np.repeat(np.arange(60), 3)
            # Two thirds of what films vary by is the patient's.
            near = np.sqrt(2 / 3) * (scores - 1.2 * labels)[owner]
            own = np.sqrt(1 / 3) * rng.normal(size=180)
            low, high = auc(near + own + 1.2 * labels[owner], labels[owner], owner)[1]
            held += low <= true <= high
        assert 0.91 < held / 300 < 0.99

    def test_a_patient_may_have_films_of_both_classes(self):
        scores, labels = self.scores(3)
        value, (low, high) = auc(scores, labels, np.arange(60) // 2)
        assert low < value < high

    def test_classes_that_are_told_apart_without_error(self):
        value, (low, high) = auc([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], list("aabccd"))
        assert (value, high) == (1, 1)
        assert low == wilson(2, 2)[0]
