"""The band in between: what it promises, by drawing films again and again."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from cxr.stats.band import band_in_between, fewest_films

LEVEL, PROBABILITY = 0.95, 0.9


def drawn(rng, n, prevalence=0.3, apart=3.0):
    labels = (rng.random(n) < prevalence).astype(int)
    return rng.normal(size=n) + apart * labels, labels


def true_npv(threshold, prevalence=0.3, apart=3.0):
    negative = (1 - prevalence) * norm.cdf(threshold)
    positive = prevalence * norm.cdf(threshold - apart)
    return negative / (negative + positive)


def true_ppv(threshold, prevalence=0.3, apart=3.0):
    negative = (1 - prevalence) * norm.sf(threshold)
    positive = prevalence * norm.sf(threshold - apart)
    return positive / (negative + positive)


@pytest.mark.parametrize(("n", "apart"), [(300, 2.0), (600, 1.5), (2000, 2.5)])
def test_both_promises_hold_as_often_as_stated(n, apart):
    rng, kept, found = np.random.default_rng(n), 0, 0
    for _ in range(400):
        band = band_in_between(*drawn(rng, n, apart=apart), level=LEVEL, probability=PROBABILITY)
        found += band.promised
        kept += (not band.below or true_npv(band.below.threshold, apart=apart) >= LEVEL) and (
            not band.above or true_ppv(band.above.threshold, apart=apart) >= LEVEL
        )
    assert found > 100
    # 400 draws: a share of 0.9 is above 0.87 in 97 of 100.
    assert kept / 400 >= PROBABILITY - 0.03


def test_a_threshold_whose_share_is_just_missed_is_chosen_seldom():
    """Scores that say nothing, with a share of positives just above what may be wrong."""
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(1000):
        labels = (rng.random(400) < 0.0501).astype(int)
        band = band_in_between(rng.random(400), labels, level=LEVEL, probability=PROBABILITY)
        wrong += band.below is not None
    assert wrong / 1000 <= 0.05 + 0.02


def test_a_side_is_one_that_an_exact_test_rejects():
    band = band_in_between(*drawn(np.random.default_rng(2), 1000))
    for side in (band.below, band.above):
        test = binomtest(side.wrong, side.films, 1 - LEVEL, alternative="less")
        assert test.pvalue <= 0.05
        assert side.right >= LEVEL
        assert side.right_ci[0] <= side.right <= side.right_ci[1]


def test_counts_are_those_of_the_films():
    scores, labels = drawn(np.random.default_rng(3), 1500, prevalence=0.5, apart=2.5)
    band = band_in_between(scores, labels)
    low, high = band.below.threshold, band.above.threshold
    assert low < high
    assert band.below.films == (scores < low).sum()
    assert band.below.wrong == labels[scores < low].sum()
    assert band.above.films == (scores >= high).sum()
    assert band.above.wrong == (1 - labels)[scores >= high].sum()
    assert band.between == ((scores >= low) & (scores < high)).sum()
    assert band.width == band.between / 1500


def test_the_sides_mirror_each_other():
    scores, labels = drawn(np.random.default_rng(4), 800)
    one, other = band_in_between(scores, labels), band_in_between(-scores, 1 - labels)
    assert one.below.films == other.above.films
    assert one.below.threshold == pytest.approx(-other.above.threshold)


def test_too_few_films_promise_nothing():
    n = fewest_films(LEVEL, PROBABILITY)
    scores = np.arange(2 * n) / n
    labels = (scores >= 1).astype(int)
    assert not band_in_between(scores[1:-1], labels[1:-1]).promised
    band = band_in_between(scores, labels)
    assert band.below.films == band.above.films == n
    assert band.width == 0
    assert (1 - LEVEL) < 0.05 + 1e-9
    assert LEVEL**n <= 0.05 < LEVEL ** (n - 1)


def test_scores_that_say_nothing_leave_all_films_between():
    rng = np.random.default_rng(5)
    band = band_in_between(rng.random(500), rng.integers(2, size=500))
    assert not band.promised
    assert band.width == 1


def test_one_error_at_the_edge_does_not_spoil_many_films():
    scores = np.linspace(0, 1, 2000)
    labels = (scores > 0.5).astype(int)
    labels[0] = 1
    assert band_in_between(scores, labels).below.films > 900


def test_thresholds_that_cross_become_one():
    scores = np.concatenate([np.linspace(0, 1, 1000), np.linspace(1.0005, 2, 1000)])
    labels = np.repeat([0, 1], 1000)
    band = band_in_between(scores, labels, level=0.9)
    assert band.below.threshold == band.above.threshold
    assert band.between == 0
    assert band.below.films + band.above.films == 2000


def test_equal_scores_are_on_one_side():
    scores, labels = drawn(np.random.default_rng(6), 1000)
    scores = np.round(scores)
    band = band_in_between(scores, labels)
    assert band.below.films == (scores < band.below.threshold).sum()
    assert band.below.threshold % 1 == 0.5


def test_one_class_alone_is_ruled_out_as_a_whole():
    band = band_in_between(np.linspace(0, 1, 200), np.zeros(200, int))
    assert band.below.films == 200
    assert band.above is None
    assert band.width == 0


def test_an_order_preserving_change_of_scores_changes_no_side():
    scores, labels = drawn(np.random.default_rng(7), 700)
    one, other = band_in_between(scores, labels), band_in_between(np.exp(scores / 2), labels)
    assert (one.below.films, one.above.films) == (other.below.films, other.above.films)


@pytest.mark.parametrize("options", [{"level": 1}, {"level": 0}, {"probability": 1}])
def test_numbers_outside_their_range_are_an_error(options):
    with pytest.raises(ValueError, match="between 0 and 1"):
        band_in_between([0.1, 0.9], [0, 1], **options)


def test_thresholds_are_about_those_of_mapie():
    """BinaryClassificationController of MAPIE 1.6, each side at 95 %, thresholds 0.01 apart.

    With fixed_sequence over thresholds of 59 films or more it allows NPV up to 0.55 and PPV from
    0.72 on. It begins once; here, with 2,000 films, the error is divided among four beginnings.
    """
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.3).astype(int)
    scores = 1 / (1 + np.exp(-(rng.normal(size=2000) + 3 * labels - 1.5)))
    band = band_in_between(scores, labels, level=0.95, probability=0.9)
    assert 0.52 < band.below.threshold < 0.56
    assert 0.71 < band.above.threshold < 0.74


def test_films_of_one_patient_count_once():
    scores, negative = np.linspace(0, 1, 60), np.zeros(60, int)
    assert band_in_between(scores, negative).promised
    band = band_in_between(scores, negative, np.repeat(np.arange(20), 3))
    assert not band.promised
    assert (band.films, band.patients) == (60, 20)
    with pytest.raises(ValueError, match="one patient per film"):
        band_in_between(scores, negative, np.arange(20))


def test_a_patient_is_wrong_where_any_film_is():
    rng = np.random.default_rng(8)
    scores, labels = drawn(rng, 3000, prevalence=0.5)
    patients = rng.integers(1500, size=3000)
    band = band_in_between(scores, labels, patients)
    low, high = scores < band.below.threshold, scores >= band.above.threshold
    for side, there, wrong in ((band.below, low, 1), (band.above, high, 0)):
        test = binomtest(side.patients_wrong, side.patients, 1 - LEVEL, alternative="less")
        assert test.pvalue <= 0.05
        assert (side.films, side.patients) == (there.sum(), len(set(patients[there])))
        assert side.patients_wrong == len(set(patients[there & (labels == wrong)]))


def test_a_patient_of_many_wrong_films_does_not_hide_among_those_of_one():
    labels = np.repeat([0, 1], [94, 200])
    patients = np.concatenate([np.arange(94), np.full(200, 94)])
    scores = np.linspace(0, 0.4, 294)
    band = band_in_between(scores, labels, patients)
    assert (band.below.films, band.below.patients) == (94 + 4, 95)
    assert band.below.right >= LEVEL
    assert "of patients" in band.sentence
    mirrored = band_in_between(-scores, 1 - labels, patients)
    assert mirrored.above.films == 94 + 4


def test_one_threshold_for_both_sides_has_enough_right_films_on_each():
    rng = np.random.default_rng(10)
    scores = np.concatenate(
        [np.linspace(0, 1, 300), np.linspace(1, 2, 300), rng.uniform(0.9, 1.1, 60)]
    )
    labels = np.concatenate([np.repeat([0, 1], 300), rng.integers(2, size=60)])
    patients = np.concatenate([np.arange(600), np.full(60, 600)])
    band = band_in_between(scores, labels, patients)
    for side in (band.below, band.above):
        assert side is None or side.right >= LEVEL


def test_a_share_just_missed_is_promised_seldom_however_many_films_a_patient_has():
    rng, wrong = np.random.default_rng(9), 0
    patients = np.repeat(np.arange(150), 6)
    for _ in range(300):
        labels = (rng.random(150) < 0.0501).astype(int)[patients]
        wrong += band_in_between(rng.random(150)[patients], labels, patients).below is not None
    assert wrong / 300 <= 0.05 + 0.03
