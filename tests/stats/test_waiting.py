"""Waiting times in closed form, against a simulated queue."""

import heapq

import numpy as np
import pytest

from cxr.stats.waiting import Queue, waiting


def simulated(queue, prevalence, sensitivity, specificity, films=150_000, seed=0):
    """Serve films one by one; return mean minutes waited: by flag, and by finding, and in order."""
    rng = np.random.default_rng(seed)
    arrive = np.cumsum(rng.exponential(60 / queue.arrivals, films))
    reading = rng.exponential(queue.minutes, films)
    positive = rng.random(films) < prevalence
    flagged = rng.random(films) < np.where(positive, sensitivity, 1 - specificity)

    def serve(first):
        waited = np.zeros(films)
        free = [0.0] * queue.readers
        heapq.heapify(free)
        queued, next_film = [], 0
        while next_film < films or queued:
            now = heapq.heappop(free)
            while next_film < films and arrive[next_film] <= now:
                heapq.heappush(queued, (not first[next_film], next_film))
                next_film += 1
            if not queued:
                heapq.heappush(queued, (not first[next_film], next_film))
                now = arrive[next_film]
                next_film += 1
            _, film = heapq.heappop(queued)
            waited[film] = now - arrive[film]
            heapq.heappush(free, now + reading[film])
        return waited[films // 10 :]

    waited = serve(flagged)
    flagged, positive = flagged[films // 10 :], positive[films // 10 :]
    in_order = serve(np.zeros(films, bool))
    return (
        in_order.mean(),
        waited[flagged].mean(),
        waited[~flagged].mean(),
        waited[positive].mean(),
        waited[~positive].mean(),
    )


@pytest.mark.parametrize(
    ("queue", "rates"),
    [
        (Queue(10, 5, 1), (0.2, 0.9, 0.8)),
        (Queue(30, 5, 3), (0.05, 0.95, 0.7)),
        (Queue(40, 5, 4), (0.5, 0.8, 0.9)),
    ],
)
def test_the_closed_form_agrees_with_a_simulation(queue, rates):
    found = waiting(queue, *rates)
    expected = simulated(queue, *rates)
    got = (found.arrival_order, found.flagged, found.others, found.positives, found.negatives)
    assert got == pytest.approx(expected, rel=0.1)


def test_one_reader_is_the_queue_of_textbooks():
    queue = Queue(arrivals=6, minutes=5, readers=1)
    assert queue.load == pytest.approx(0.5)
    assert queue.delayed == pytest.approx(0.5)
    # Half the time busy, 5 minutes a film: 5 minutes of waiting on average.
    assert waiting(queue, 0.1, 0.9, 0.9).arrival_order == pytest.approx(5)


def test_erlang_c_of_two_readers():
    # Load a = 1 of 2 readers: C = (a^2/2 / (1 - a/2)) / (1 + a + a^2/2 / (1 - a/2)) = 1/3.
    assert Queue(arrivals=12, minutes=5, readers=2).delayed == pytest.approx(1 / 3)


def test_ranking_moves_waiting_and_saves_none():
    """The mean over all films is the same in any order that does not look at reading times."""
    found = waiting(Queue(11, 5, 1), 0.2, 0.9, 0.7)
    share = found.flagged_share
    assert share * found.flagged + (1 - share) * found.others == pytest.approx(found.arrival_order)
    assert 0.2 * found.positives + 0.8 * found.negatives == pytest.approx(found.arrival_order)
    assert found.positives < found.arrival_order < found.negatives


def test_a_score_that_says_nothing_gains_nothing():
    found = waiting(Queue(10, 5, 1), 0.3, 0.4, 0.6)
    assert found.positives == pytest.approx(found.arrival_order)


def test_readers_who_cannot_keep_up_may_keep_up_with_the_flagged_films():
    found = waiting(Queue(20, 5, 1), 0.1, 0.9, 0.8)
    assert found.load > 1
    assert found.arrival_order is None
    assert found.others is None
    assert found.positives is None
    assert found.flagged == pytest.approx(5 / (1 - found.load * found.flagged_share))


def test_nobody_keeps_up_with_far_too_many_films():
    found = waiting(Queue(1000, 5, 1), 0.9, 0.9, 0.1)
    assert found.flagged is None


def test_many_readers_do_not_overflow():
    assert 0 < Queue(11_000, 5, 1000).delayed < 1


@pytest.mark.parametrize("numbers", [(0, 5, 1), (10, 0, 1), (10, 5, 0), (float("nan"), 5, 1)])
def test_a_queue_needs_films_and_readers(numbers):
    with pytest.raises(ValueError, match="Expected"):
        Queue(*numbers)


def test_a_share_outside_its_range_is_an_error():
    with pytest.raises(ValueError, match="sensitivity"):
        waiting(Queue(10, 5, 1), 0.1, 1.1, 0.9)
