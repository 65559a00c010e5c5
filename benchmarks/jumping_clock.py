"""Commands under a clock that jumps: whether they write what they write under a right one.

    python -m benchmarks.jumping_clock

Commands: train, evaluate --store, and predict, killed half way and resumed. Each is run twice on a
small network and films that are made here: under the machine's clock, and under one that is set
three times a second, ten years ahead, a day back, an hour ahead, and right again. A library that is
built here (``cc``) and loaded before that of C tells it to Python, ``time`` and ``datetime``; what
the disk says of its files stays as it is. Prints a line per command: what it wrote, how often it
asked for the time, and whether both are equal; ends with status 1 if they are not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from .killed_commands import EXTERNAL, NAME, make_films, recipe

#: What is loaded before all else: the clock, and a count of those who asked, told at the end.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long asked;
static int (*real)(clockid_t, struct timespec *);

int clock_gettime(clockid_t kind, struct timespec *at)
{
    static const long offsets[] = {315576000, -86400, 3600, 0};
    struct timespec since;
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(kind, at);
    Dl_info who;
    if (kind != CLOCK_REALTIME || !dladdr(__builtin_return_address(0), &who))
        return failed;
    /* Libraries that wait until a time are woken by the machine's clock, which is not set here. */
    if (!strstr(who.dli_fname, "python3") || strstr(who.dli_fname, "-packages"))
        return failed;
    real(CLOCK_MONOTONIC, &since);
    at->tv_sec += offsets[(since.tv_sec * 3 + since.tv_nsec / 333333334) % 4];
    __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
    return failed;
}

__attribute__((destructor)) static void told(void)
{
    FILE *file = fopen(getenv("CLOCK_ASKED"), "a");
    if (file) {
        fprintf(file, "%ld\n", asked);
        fclose(file);
    }
}
"""
ROOT = Path(__file__).parent.parent


def started(words: list[str], folder: Path, *, jumps: bool) -> subprocess.Popen[bytes]:
    """Start a command."""
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "LD_PRELOAD": str(folder / "clock.so") if jumps else "",
        "CLOCK_ASKED": str(folder / "asked"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "cxr", *words]
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(command, cwd=folder, env=env, stdout=said, stderr=said)


def ended(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a command is done; films of a list may have been refused."""
    if process.wait() not in (0, 1):
        raise RuntimeError((folder / "said.txt").read_text()[-2000:])


def trained(folder: Path, out: Path, *, jumps: bool) -> pd.DataFrame:
    """Train, and return the training log without what is measured by a clock."""
    words = ["train", str(folder / "recipe.json"), "--data", str(folder / "data" / "kermany")]
    ended(started([*words, "--out", str(out), "--resume"], folder, jumps=jumps), folder)
    return pd.read_csv(out / NAME / "history.csv").drop(columns="seconds")


def evaluated(folder: Path, out: Path, *, jumps: bool) -> pd.DataFrame:
    """Evaluate and store, and return the stored predictions."""
    words = ["evaluate", str(out / NAME), "--data", str(folder / "data" / EXTERNAL)]
    ended(started([*words, "--split", EXTERNAL, "--store"], folder, jumps=jumps), folder)
    return pd.read_csv(out / NAME / "predictions.csv")


def predicted(folder: Path, model: Path, name: str, *, jumps: bool) -> pd.DataFrame:
    """Score films with a kill half way, go on, and return the rows."""
    out = folder / name
    words = ["predict", str(folder / "data" / "kermany"), "--model", str(model), "--out", str(out)]
    first = started(words, folder, jumps=jumps)
    until = time.monotonic() + 300
    # The rows that are there are in a file next to it until all are.
    while first.poll() is None and time.monotonic() < until:
        if any(f.stat().st_size > 2000 for f in folder.glob(f"*{name}*") if f.is_file()):
            break
        time.sleep(0.01)
    if first.poll() is not None:
        raise RuntimeError("predict was done before it could be killed")
    first.send_signal(signal.SIGKILL)
    first.wait()
    ended(started([*words, "--resume"], folder, jumps=jumps), folder)
    return pd.read_csv(out)


def main() -> int:
    """Run all of them; return the exit status."""
    failed = False
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "clock.c").write_text(CLOCK)
        build = ["cc", "-shared", "-fPIC", "-O2", "-o", "clock.so", "clock.c", "-ldl"]
        subprocess.run(build, cwd=folder, check=True)
        make_films(folder / "data")
        (folder / "recipe.json").write_text(json.dumps(recipe().to_json()))
        right, jumping = folder / "right", folder / "jumping"
        for what, run in (
            ("train", lambda out, jumps: trained(folder, out, jumps=jumps)),
            ("evaluate --store", lambda out, jumps: evaluated(folder, out, jumps=jumps)),
            (
                "predict --resume",
                lambda out, jumps: predicted(folder, right / NAME, f"{out.name}.csv", jumps=jumps),
            ),
        ):
            (folder / "asked").write_text("")
            tables = run(right, False), run(jumping, True)
            asked = sum(map(int, (folder / "asked").read_text().split()))
            same = tables[0].equals(tables[1]) and asked > 0
            failed |= not same
            told = "equal" if same else "DIFFERENT"
            print(f"{what:17} {len(tables[0])} rows, clock asked {asked} times, {told}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
