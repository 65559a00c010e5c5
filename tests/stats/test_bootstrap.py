"""Intervals of means over films: patients are drawn, not films."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr.stats.bootstrap import mean_interval, owners


def test_of_single_films_it_is_the_normal_one():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 400)
    low, high = mean_interval(values, np.arange(400))
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_films_of_a_patient_count_as_one():
    """Ten equal films of each patient tell no more than one."""
    values = np.random.default_rng(1).normal(0, 1, 30)
    low, high = mean_interval(values, np.arange(30))
    many = mean_interval(np.repeat(values, 10), np.repeat(np.arange(30), 10))
    assert many == pytest.approx((low, high))
    wrong = mean_interval(np.repeat(values, 10), np.arange(300))
    assert wrong[1] - wrong[0] < 0.5 * (high - low)


def test_is_seeded_and_paired():
    values, patients = np.random.default_rng(2).normal(0, 1, 50), np.arange(50) // 2
    assert mean_interval(values, patients) == mean_interval(values, patients)
    assert mean_interval(values, patients) != mean_interval(values, patients, seed=1)
    low, high = mean_interval(values, patients)
    assert mean_interval(values + 3, patients) == pytest.approx((low + 3, high + 3))


def test_one_patient_says_nothing_of_others():
    assert mean_interval([1.0, 2.0], ["a", "a"]) is None
    assert mean_interval([], []) is None


def test_values_and_patients_belong_together():
    with pytest.raises(ValueError, match=r"one shape \(films,\). Received: \(2,\) and \(3,\)"):
        mean_interval([1.0, 2.0], ["a", "b", "c"])


def test_a_film_without_a_patient_is_one_of_its_own():
    films = pd.DataFrame({"path": ["a.png", "b.png", "c.png"], "patient": ["p", "", "p"]})
    assert owners(films).tolist() == ["p", "b.png", "p"]
