"""The short run of the benchmark that damages inputs by the million: nothing new is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.fuzz import damage, documents, films
from benchmarks.fuzz.families import FAMILIES
from benchmarks.fuzz.record import Record, total
from benchmarks.fuzz.run import by_mutation
from benchmarks.fuzz.viewer import in_node
from benchmarks.fuzz.watch import SECONDS, Board, Reader, Seen, watched
from tests.conftest import ROOT

#: Of each family; with the time that the processes take to start about 60 in all.
BUDGET = 3.0


@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_inputs_are_read_or_refused(family: str) -> None:
    _, seen = by_mutation(family, 0, 10**9, BUDGET)
    assert [(find.number, find.what) for find in seen.finds] == []
    assert seen.inputs >= 20
    assert len(seen.outcomes) > 1
    assert seen.slowest <= SECONDS


def test_damaged_answers_to_the_viewer() -> None:
    if shutil.which("node") is None:
        pytest.skip("wants Node: apt-get install nodejs")
    end, seen = in_node(0, 200, 30)
    assert [(find.number, find.what) for find in seen.finds] == []
    assert seen.inputs == end == 200
    assert {"film", "did not arrive", "heatmap", "habits"} == seen.outcomes


def test_a_number_gives_the_same_input_again() -> None:
    for name, family in FAMILIES.items():
        if name != "DICOM export":  # whose identifiers are new each time
            made = [family.make(damage.chance(name, number)) for number in range(5)]
            for kept in (films, documents):
                for each in vars(kept).values():
                    if hasattr(each, "cache_clear"):
                        each.cache_clear()
            assert [family.make(damage.chance(name, number)) for number in range(5)] == made


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.seeds])
def test_whole_films_are_read(family: str) -> None:
    assert FAMILIES[family].seeds
    for data in FAMILIES[family].seeds():
        assert " of " in FAMILIES[family].read(data) or "films" in FAMILIES[family].read(data)


def bad(data: bytes) -> str:
    """A reader with every fault that there is to be found."""
    import os
    import signal

    match data:
        case b"\0":
            raise KeyError
        case b"\1":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"\2":
            bytearray(700_000_000)[::4096] = bytes(170_899)
        case b"\3":
            while True:
                pass
        case b"\4":
            raise ValueError
    return "read"


class TestWatch:
    def seen(self, *inputs: bytes) -> Seen:
        def work(board: Board, tell) -> None:
            read = Reader(bad, ("ValueError",), board, tell)
            read.warm([b"9"])
            for number, data in enumerate(inputs):
                read(number, data)

        return watched(work, 60)

    def test_documented_errors_are_outcomes(self) -> None:
        seen = self.seen(b"8", b"\4", b"9")
        assert (seen.inputs, len(seen.outcomes), seen.finds) == (3, 2, [])

    @pytest.mark.parametrize(
        ("data", "what"),
        [(b"\0", "KeyError"), (b"\1", "ended with -11"), (b"\2", "large"), (b"\3", "slow")],
    )
    def test_finds_are_told_with_their_input(self, data: bytes, what: str, monkeypatch) -> None:
        monkeypatch.setattr("benchmarks.fuzz.watch.SECONDS", 0.5)
        seen = self.seen(b"9", data)
        assert seen.inputs == 2
        ((find),) = seen.finds
        assert (find.number, find.data) == (1, data)
        assert what in find.what


def test_the_table_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.csv"
    record = Record(path)
    assert record.next_number("png", "mutation") == 0
    record.add("png", "mutation", 0, 10, Seen(10, {"read"}, [], 0.5, 20.0))
    record.add("png", "mutation", 10, 15, Seen(5, {"refused"}, [], 0.2, 30.0))
    later = Record(path)
    assert later.next_number("png", "mutation") == 15
    assert later.next_number("png", "atheris") == 0
    later.add("jpeg", "mutation", 0, 4, Seen(4, set(), [], 0.1, 1.0))
    assert total(path) == {"inputs": 19, "finds": 0, "seconds": 0.5, "mb": 30.0}
    assert [row["outcomes"] for row in Record(path).before] == ["2", "0"]


def test_the_sum_that_is_told_is_that_of_the_table() -> None:
    facts = total()
    assert facts["inputs"] >= 1_000_000
    for name in ("SECURITY.md", "benchmarks/README.md"):
        assert f"{facts['inputs']:,} inputs in all" in (ROOT / name).read_text(encoding="utf-8")
