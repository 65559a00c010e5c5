"""Run families in turn until the time is over, or so many inputs were read."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

from . import run
from .families import FAMILIES
from .record import TABLE, Record, total
from .viewer import NAME as VIEWER
from .viewer import in_node
from .watch import Seen

#: Seconds of one part: what a kill loses at most.
PART = 20.0
ALL = 10**12
#: Seconds of a turn that each family has; those not named have one part. A reader of sheets answers
#: in milliseconds, one of pictures in a tenth of one.
PARTS = {"png": 2, "jpeg": 2, "dicom": 4, "zip": 2}


def main() -> int:
    """Run; return 1 if there was a find."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inputs", type=int, default=ALL, help="of each family and way")
    parser.add_argument("--family", nargs="*", choices=[*FAMILIES, VIEWER], default=None)
    parser.add_argument("--way", choices=["mutation", "atheris"])
    parser.add_argument("--first", type=int, help="first number (default: the first not yet run)")
    parser.add_argument("--part", type=float, default=PART, help="seconds of one part")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--finds", type=Path, help="folder in which inputs that are finds are kept")
    parser.add_argument("--corpus", type=Path, help="folder of atheris, kept from run to run")
    options = parser.parse_args()
    record = Record(options.table)
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="cxr-fuzz-"))
    jobs = _jobs(options.family or [*FAMILIES, VIEWER], options.way)
    until = time.monotonic() + options.seconds
    done = dict.fromkeys(jobs, 0)
    begun = dict.fromkeys(jobs, options.first)
    found = False
    while time.monotonic() < until and any(done[job] < options.inputs for job in jobs):
        for job in jobs:
            seconds = min(options.part * PARTS.get(job[0], 1), until - time.monotonic())
            count = options.inputs - done[job]
            if seconds <= 0 or count <= 0:
                continue
            first = record.next_number(*job) if begun[job] is None else begun[job]
            end, seen = _part(job, first, count, seconds, corpus)
            begun[job] = end
            done[job] += seen.inputs
            record.add(*job, first, end, seen)
            found |= bool(seen.finds)
            _tell(job, first, seen, options.finds)
    facts = total(options.table)
    print(
        f"In all runs: {facts['inputs']:,.0f} inputs, {facts['finds']:.0f} finds, at most "
        f"{facts['seconds']:.2f} s of a processor and {facts['mb']:.0f} MB for one"
    )
    return int(found)


def _jobs(families: list[str], way: str | None) -> list[tuple[str, str]]:
    jobs = [(family, "mutation") for family in families]
    if importlib.util.find_spec("atheris") is None:
        print("Without atheris, by mutation alone: pip install atheris", file=sys.stderr)
    else:
        guided = [family for family in families if family != VIEWER and FAMILIES[family].seeds]
        jobs += [(family, "atheris") for family in guided]
    return [job for job in jobs if way in (None, job[1])]


def _part(
    job: tuple[str, str], first: int, count: int, seconds: float, corpus: Path
) -> tuple[int, Seen]:
    family, way = job
    if family == VIEWER:
        return in_node(first, count, seconds)
    if way == "mutation":
        return run.by_mutation(family, first, count, seconds)
    seen = run.guided(family, first, count, seconds, corpus / family)
    return first + seen.inputs, seen


def _tell(job: tuple[str, str], first: int, seen: Seen, finds: Path | None) -> None:
    print(
        f"{job[0]:13} {job[1]:9} from {first:,}: {seen.inputs:,} inputs, "
        f"{len(seen.outcomes)} outcomes, {seen.slowest:.2f} s, {seen.grown_mb:.0f} MB, "
        f"{len(seen.finds)} finds",
        flush=True,
    )
    for find in seen.finds:
        print(f"  number {find.number}: {find.what}", flush=True)
        if finds:
            run.keep(finds, *job, find)


if __name__ == "__main__":
    sys.exit(main())
