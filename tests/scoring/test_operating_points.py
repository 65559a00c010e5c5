import json
import math
import time

import numpy as np
import pytest

from cxr.scoring.operating_points import (
    Calibration,
    OperatingPoint,
    band,
    choose,
    fit_temperature,
    npv,
    ppv,
)
from cxr.stats.intervals import paired, wilson

NAMES = ["sensitivity-95", "sensitivity-97", "specificity-95", "youden", "fixed-0.6"]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def validation(n=520, patients=300, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.7).astype(int)
    scores = sigmoid(rng.normal(0, 1.5, n) + 3 * labels - 1.5)
    return scores, labels, rng.integers(patients, size=n)


def by_name(points):
    return {point.name: point for point in points}


def point(**changes):
    values = {
        "name": "youden", "rule": "A rule.", "threshold": 0.5, "near": (0.4, 0.6), "n": 10,
        "sensitivity": 0.9, "sensitivity_ci": (0.8, 1.0),
        "specificity": 0.7, "specificity_ci": (0.6, 0.8),
    }  # fmt: skip
    return OperatingPoint(**{**values, **changes})


# calibration


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.7])
def test_fit_temperature_recovers_the_temperature_that_made_the_labels(temperature):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3 * temperature, 60_000)
    labels = (rng.random(logits.size) < sigmoid(logits / temperature)).astype(int)
    assert fit_temperature(logits, labels).temperature == pytest.approx(temperature, rel=0.03)


def test_fit_temperature_finds_the_lowest_log_loss():
    rng = np.random.default_rng(2)
    labels = rng.integers(2, size=300)
    logits = rng.normal(0, 4, 300) + 3 * labels

    def loss(temperature):
        return np.mean(np.logaddexp(0, np.where(labels == 1, -1, 1) * logits / temperature))

    fitted = fit_temperature(logits, labels).temperature
    grid = np.geomspace(0.06, 19, 4000)
    assert fitted == pytest.approx(grid[np.argmin([loss(t) for t in grid])], rel=2e-3)


def test_fit_temperature_stays_within_its_bounds():
    apart = fit_temperature([-1.0, -2.0, 1.0, 2.0], [0, 0, 1, 1])
    backwards = fit_temperature([1.0, 2.0, -1.0, -2.0], [0, 0, 1, 1])
    assert apart.temperature == pytest.approx(0.05)
    assert backwards.temperature == pytest.approx(20)


def test_scores_keep_the_order_and_stay_inside_0_and_1():
    scores = Calibration(0.1).score(np.array([-1e6, -1.0, 0.0, 0.5, 1e6]))
    assert (np.diff(scores) > 0).all()
    assert scores[0] > 0
    assert scores[-1] < 1
    assert Calibration(2.0).score([[2.0]])[0, 0] == pytest.approx(sigmoid(1.0))


def test_calibration_survives_json():
    calibration = Calibration(1.37)
    assert calibration.to_json() == {"method": "temperature", "temperature": 1.37}
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize("entry", [{"method": "platt", "temperature": 1.0}, {"temperature": 1.0}])
def test_another_calibration_is_refused(entry):
    with pytest.raises(ValueError, match="method"):
        Calibration.from_json(entry)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(ValueError, match="Expected a temperature above 0"):
        Calibration(temperature)


# the choice of thresholds


def test_points_come_in_a_fixed_order_with_their_counts():
    scores, labels, patients = validation()
    points = choose(scores, labels, patients)
    assert [p.name for p in points] == NAMES
    for p in points:
        assert p.n == 520
        assert p.sensitivity == pytest.approx((scores[labels == 1] >= p.threshold).mean())
        assert p.specificity == pytest.approx((scores[labels == 0] < p.threshold).mean())
        assert p.sensitivity_ci == wilson(p.sensitivity * labels.sum(), labels.sum())
        assert p.specificity_ci[0] < p.specificity < p.specificity_ci[1]
        assert p.near[0] <= p.threshold <= p.near[1]
        assert p.rule.endswith(".")


def test_sensitivity_95_is_the_highest_threshold_that_reaches_it():
    # 95 % of twenty: the 19th highest must be called, the 20th need not.
    positives = np.linspace(0.98, 0.41, 20)
    negatives = np.array([0.1, 0.2, 0.425, 0.43, 0.9])
    scores = np.concatenate([positives, negatives])
    labels = np.repeat([1, 0], [20, 5])
    found = by_name(choose(scores, labels, np.arange(25)))
    lowest_called = positives[18]  # 0.44
    assert lowest_called == pytest.approx(0.44)
    assert found["sensitivity-95"].threshold == pytest.approx((lowest_called + 0.43) / 2)
    assert found["sensitivity-95"].sensitivity == pytest.approx(0.95)
    assert found["sensitivity-97"].threshold == pytest.approx((0.41 + 0.2) / 2)
    assert found["sensitivity-97"].sensitivity == 1


def test_specificity_95_is_the_lowest_threshold_that_reaches_it():
    negatives = np.linspace(0.02, 0.59, 20)
    scores = np.concatenate([negatives, [0.57, 0.95]])
    labels = np.repeat([0, 1], [20, 2])
    found = by_name(choose(scores, labels, np.arange(22)))["specificity-95"]
    assert negatives[18] == pytest.approx(0.56)
    assert found.threshold == pytest.approx((0.56 + 0.57) / 2)
    assert found.specificity == pytest.approx(0.95)


def test_youden_agrees_with_a_search_over_all_thresholds():
    scores, labels, patients = validation(seed=5)
    found = by_name(choose(scores, labels, patients))["youden"]
    best = max((scores[labels == 1] >= t).mean() + (scores[labels == 0] < t).mean() for t in scores)
    assert found.sensitivity + found.specificity == pytest.approx(best)


def test_no_chosen_threshold_sits_on_a_film():
    scores, labels, patients = validation(seed=3)
    for p in choose(scores, labels, patients)[:-1]:
        below, above = scores[scores < p.threshold].max(), scores[scores >= p.threshold].min()
        assert p.threshold == pytest.approx((below + above) / 2)
        assert above - below >= 1e-6


def test_a_gap_of_float_noise_is_no_place_for_a_threshold():
    scores = np.array([0.2, 0.5, 0.5 + 1e-9, 0.8])
    found = by_name(choose(scores, [0, 0, 1, 1], range(4)))["sensitivity-95"]
    assert found.threshold == pytest.approx(0.35)


def test_perfect_separation_and_saturated_scores_have_points():
    for scores in ([0.0, 0.0, 1.0, 1.0], [0.1, 0.1, 0.9, 0.9]):
        found = by_name(choose(scores, [0, 0, 1, 1], ["a", "b", "c", "d"]))
        assert found["youden"].threshold == pytest.approx(0.5)
        assert found["youden"].sensitivity == found["youden"].specificity == 1
    worst = by_name(choose([1.0, 1.0], [0, 1], ["a", "b"]))["specificity-95"]
    assert worst.specificity == 1
    assert worst.sensitivity == 0


def test_a_film_on_the_fixed_threshold_is_positive():
    found = by_name(choose([0.2, 0.6, 0.6, 0.9], [0, 0, 1, 1], range(4)))["fixed-0.6"]
    assert (found.sensitivity, found.specificity) == (1, 0.5)


def test_near_holds_the_thresholds_of_other_draws():
    scores, labels, patients = validation(seed=7)
    chosen = by_name(choose(scores, labels, patients, seed=1))
    assert chosen["fixed-0.6"].near == (0.55, 0.65)
    assert chosen["fixed-0.6"].threshold == 0.6
    low, high = chosen["youden"].near
    assert 0.01 < high - low < 0.6
    # Against a plain bootstrap that chooses again on each draw.
    rng = np.random.default_rng(9)
    films = {p: np.flatnonzero(patients == p) for p in np.unique(patients)}
    drawn = []
    for _ in range(300):
        names = rng.choice(list(films), len(films))
        rows = np.concatenate([films[p] for p in names])
        ill = np.sort(scores[rows][labels[rows] == 1])[::-1]
        drawn.append(ill[math.ceil(0.95 * ill.size) - 1])
    expected = np.quantile(drawn, [0.025, 0.975])
    assert chosen["sensitivity-95"].near == pytest.approx(expected, abs=0.03)


def test_patients_with_many_films_widen_near():
    rng = np.random.default_rng(11)
    owner = np.repeat(np.arange(30), 20)
    labels = (owner % 2).astype(int)
    level = rng.normal(0, 2, 30)[owner] + 2 * labels
    scores = sigmoid(level + rng.normal(0, 0.1, owner.size))

    def width(names):
        low, high = by_name(choose(scores, labels, names))["sensitivity-95"].near
        return high - low

    assert width(owner) > 2 * width(np.arange(owner.size))


def test_the_seed_decides_the_draws_and_nothing_else():
    data = validation(n=200)
    first, again, other = (choose(*data, seed=seed) for seed in (4, 4, 5))
    assert first == again
    assert [p.threshold for p in other] == [p.threshold for p in first]
    assert other[0].near != first[0].near


def test_choosing_is_quick():
    data = validation()
    start = time.perf_counter()
    choose(*data)
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize(
    ("scores", "labels", "patients", "message"),
    [
        ([0.1, 0.2], [0, 0], ["a", "b"], "Expected films of both classes. Received: only label 0"),
        ([0.1, 1.2], [0, 1], ["a", "b"], "Expected scores within 0 to 1"),
        ([0.1, 0.2], [0, 1], ["a"], "Expected one patient a film, 2"),
        ([0.1, 0.2], [0, 1, 1], ["a", "b"], "Expected scores and labels of one shape"),
        ([0.1, math.nan], [0, 1], ["a", "b"], "1 of 2 not finite"),
        ([0.1, 0.2], [0, 2], ["a", "b"], r"Expected labels 0 or 1. Received: \[0, 2\]"),
        ([], [], [], "Expected scores and labels of one shape"),
    ],
)
def test_choose_says_what_is_wrong(scores, labels, patients, message):
    with pytest.raises(ValueError, match=message):
        choose(scores, labels, patients)


def test_paired_returns_arrays():
    scores, labels = paired([0.1, 0.9], [False, True])
    assert scores.dtype == np.float64
    assert labels.tolist() == [0, 1]


def test_an_operating_point_survives_json():
    scores, labels, patients = validation(n=100)
    for p in [point(), *choose(scores, labels, patients)]:
        assert OperatingPoint.from_json(json.loads(json.dumps(p.to_json()))) == p


def test_a_card_with_wrong_keys_is_refused():
    entry = point().to_json()
    del entry["near"]
    with pytest.raises(ValueError, match="lacks near"):
        OperatingPoint.from_json(entry)


def test_near_must_hold_the_threshold():
    with pytest.raises(ValueError, match=r"Expected near around 0.5. Received: \(0.6, 0.7\)"):
        point(near=(0.6, 0.7))


# intervals and predictive values


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17:857, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_published_values(successes, n, low, high):
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_its_ends():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    low, high = wilson(50, 100, level=0.99)
    assert low < wilson(50, 100)[0]
    assert high > wilson(50, 100)[1]


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (math.nan, 5)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="Expected successes between 0 and n"):
        wilson(successes, n)


def test_predictive_values_agree_with_counting():
    # 1000 films at 10 %: 90 of 100 ill called, 180 of 900 well called.
    assert ppv(0.9, 0.8, 0.1) == pytest.approx(90 / 270)
    assert npv(0.9, 0.8, 0.1) == pytest.approx(720 / 730)
    assert ppv(0.9, 0.8, 0.0) == 0
    assert npv(0.9, 0.8, 0.0) == 1
    assert math.isnan(ppv(0.0, 1.0, 0.5))


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_predictive_values_refuse_what_is_no_share(value):
    with pytest.raises(ValueError, match="Expected prevalence between 0 and 1"):
        ppv(0.9, 0.8, value)
    with pytest.raises(ValueError, match="Expected prevalence between 0 and 1"):
        npv(0.9, 0.8, value)


def test_bands_include_the_ends_of_near():
    p = point()
    assert [band(s, p) for s in (0.39, 0.4, 0.5, 0.6, 0.61)] == [
        "below", "near", "near", "near", "above",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"Expected score between 0 and 1\. Received: nan"):
        band(math.nan, p)
