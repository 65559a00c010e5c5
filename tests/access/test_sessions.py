"""Sign-ins: when they end, and what is known of them then."""

from __future__ import annotations

import pytest

from cxr.access import Role, Sessions, SignedIn, sessions

WHO = SignedIn("0" * 32, Role.READER)


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
def made(now: Clock) -> Sessions:
    made = Sessions(idle=10, longest=100, now=now)
    made.begin("key", WHO)
    return made


def test_lasts_while_it_is_used_and_no_longer_than_the_longest(made, now):
    for _ in range(12):
        now.time += 8
        assert made.live("key") is WHO
        made.use("key")
    now.time += 5  # 101 seconds since it began, 5 since it was used
    assert made.live("key") is None
    assert made.ran_out("key")


def test_ends_without_use_and_no_use_brings_it_back(made, now):
    now.time += 10
    assert made.live("key") is None
    made.use("key")
    assert made.live("key") is None
    assert made.ran_out("key")


def test_looking_at_it_is_no_use(made, now):
    now.time += 9
    assert made.live("key")
    now.time += 9
    assert made.live("key") is None


def test_is_forgotten_with_a_sign_out(made):
    made.end("key")
    made.end("key")
    assert made.live("key") is None
    assert not made.ran_out("key")


@pytest.mark.parametrize("key", ["", "other", "ke", "key "])
def test_nobody_else_is_signed_in(made, key):
    assert made.live(key) is None
    assert not made.ran_out(key)


def test_old_ones_make_room(made, now, monkeypatch):
    monkeypatch.setattr(sessions, "ROOM", 3)
    for number in range(3):
        made.begin(str(number), WHO)
    assert made.live("key") is None
    assert all(made.live(str(number)) for number in range(3))
    now.time += 201
    made.begin("new", WHO)
    assert not made.ran_out("0")


def test_the_clock_is_not_that_of_the_day(monkeypatch):
    monkeypatch.setattr(sessions.time, "time", lambda: 1e12)
    assert sessions.clock() < 1e12
    before = sessions.clock()
    assert sessions.clock() >= before


def test_what_ran_out_is_told_once(made, now):
    made.begin("another", WHO)
    assert made.newly_over() == []
    now.time += 8
    made.use("another")
    now.time += 8
    assert made.newly_over() == [WHO]
    assert made.newly_over() == []
    assert made.ran_out("key")
    assert made.end_all() == [WHO]
    assert not made.live("another")
    assert made.end_all() == []
