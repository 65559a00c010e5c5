"""Platt scaling, compared with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.stats.platt import fit_platt


def films(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.random(n) < 0.3].astype(int)
    return 3 * rng.normal(size=n + 2) + 2 * labels - 5, labels


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_scikit_learn_fits(seed):
    from sklearn.calibration import _sigmoid_calibration

    logits, labels = films(seed)
    a, b = _sigmoid_calibration(logits, labels)
    np.testing.assert_allclose(fit_platt(logits, labels), (-a, -b), rtol=2e-3, atol=2e-3)


def test_films_that_are_told_apart_without_error_have_a_finite_slope():
    slope, intercept = fit_platt([-40, -30, -20, 20, 30, 40], [0, 0, 0, 1, 1, 1])
    assert 0 < slope < 1
    assert abs(intercept) < 1e-6


def test_a_model_that_ranks_the_wrong_way_round_has_a_slope_below_zero():
    assert fit_platt([3, 2, 1, 0], [0, 0, 1, 1])[0] < 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 50), shift=st.floats(-20, 20))
def test_scores_do_not_depend_on_the_scale_of_the_logits(seed, scale, shift):
    logits, labels = films(seed, 60)
    slope, intercept = fit_platt(logits, labels)
    other = scale * logits + shift
    slope2, intercept2 = fit_platt(other, labels)
    np.testing.assert_allclose(
        slope * logits + intercept, slope2 * other + intercept2, rtol=1e-5, atol=1e-5
    )


def test_what_cannot_be_fitted():
    for logits, labels in (([1, 2], [1, 1]), ([1, 1], [0, 1]), ([np.nan, 1], [0, 1])):
        with pytest.raises(ValueError, match="Expected"):
            fit_platt(logits, labels)
