"""What lists keep in memory: bounded for each and for all, and given back."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cxr.films.radiograph import RadiographError, read
from cxr.reading_room import entry as entry_module
from cxr.reading_room.budget import Share
from cxr.reading_room.worklist import Worklist
from tests.conftest import chest_like, png

MB = 1_000_000


pytestmark = pytest.mark.usefixtures("no_other_lists")


def refused(share: Share, size: int) -> str:
    before = share.used
    with pytest.raises(RadiographError) as caught:
        share.take(size)
    assert share.used == before
    return caught.value.reason


def test_a_list_has_its_bound(monkeypatch):
    monkeypatch.setenv("CXR_MAX_LIST_MB", "10")
    share = Share()
    share.take(6 * MB)
    assert "CXR_MAX_LIST_MB" in refused(share, 5 * MB)
    share.take(4 * MB)
    share.give_back(5 * MB)
    share.take(5 * MB)


def test_all_lists_together_have_theirs(monkeypatch):
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "10")
    one, two = Share(), Share()
    one.take(6 * MB)
    assert "CXR_MAX_ALL_LISTS_MB" in refused(two, 5 * MB)
    one.close()
    two.take(10 * MB)


def test_a_list_that_is_forgotten_gives_back(monkeypatch):
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "10")
    gone = Share()
    gone.take(10 * MB)
    del gone
    gc.collect()
    Share().take(10 * MB)


class TestInAList:
    def test_a_film_too_many_has_a_row_that_says_so(self, made_bundle, monkeypatch):
        monkeypatch.setenv("CXR_MAX_LIST_MB", "1")
        worklist = Worklist(made_bundle)
        worklist.add("a", bytes(900_000))
        worklist.add("b", bytes(200_000))
        worklist.add("c", bytes(50_000))
        assert [entry.band for entry in worklist.entries] == ["waiting", "refused", "waiting"]
        assert worklist.entries[1].source == b""
        assert "CXR_MAX_LIST_MB" in worklist.entries[1].prediction.refusal.reason

    def test_what_cannot_be_read_is_not_kept(self, made_bundle):
        worklist = Worklist(made_bundle)
        film = png(chest_like(1))
        worklist.add("a.png", b"\x89PNG\r\n\x1a\n" + bytes(500_000))
        worklist.add("b.png", film)
        list(worklist.score())
        assert worklist.entries[0].source == b""
        assert worklist._share.used == len(film)
        worklist.rescore(made_bundle)
        assert worklist.waiting == []

    def test_a_closed_list_keeps_nothing(self, made_bundle):
        worklist = Worklist(made_bundle)
        worklist.add("a.png", png(np.zeros((200, 200), np.uint8)))
        worklist.close()
        assert len(worklist) == worklist._share.used == 0
        assert worklist.open() is None


def test_films_are_decoded_one_at_a_time(made_bundle, monkeypatch):
    """What is worked out in between would add up, one tab beside the other."""
    at_once, most = [0], [0]

    def reads(source):
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.02)
        at_once[0] -= 1
        return read(source)

    monkeypatch.setattr(entry_module, "read", reads)
    worklist = Worklist(made_bundle)
    for seed in range(6):
        worklist.add(f"{seed}.png", png(chest_like(seed)))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda entry: entry.film(), worklist.entries))
    assert most == [1]
