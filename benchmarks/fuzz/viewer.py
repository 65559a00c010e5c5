"""The viewer's side: damaged answers, run by Node (``viewer.js``) in a process that is watched."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from pathlib import Path

from .watch import MEMORY_MB, STUCK, Find, Seen

__all__ = ["NAME", "in_node"]

NAME = "viewer"
SCRIPT = Path(__file__).with_suffix(".js")


def in_node(first: int, count: int, seconds: float) -> tuple[int, Seen]:
    """Run inputs ``first``, ``first + 1``, ... for so many seconds.

    Returns
    -------
    end : int
        The number after the last input that was run.
    Seen
        Of memory what Node has in all.
    """
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("There is no Node: apt-get install nodejs")
    command = [node, f"--max-old-space-size={MEMORY_MB}", str(SCRIPT)]
    command += [str(first), str(count), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # What runs without end writes nothing any more.
    end = threading.Timer(seconds + STUCK, process.kill)
    end.start()
    assert process.stdout is not None
    assert process.stderr is not None
    seen, at, whole = Seen(), first, False
    for line in process.stdout:
        number, kind, what = line.rstrip("\n").split("\t", 2)
        at = int(number)
        if kind == "outcome" and what.startswith("!"):
            seen.finds.append(Find(at, re.sub(r"file:\S*/", "", what[1:]), number.encode()))
        elif kind == "outcome":
            seen.outcomes.add(what)
        elif kind == "end":
            slowest, kilobytes = what.split(" ")
            seen.slowest, seen.grown_mb, whole = float(slowest), int(kilobytes) / 1024, True
    said = process.stderr.read()
    process.wait()
    end.cancel()
    if not whole:
        what = f"Node ended with {process.returncode} at one of 100 inputs: {said[-300:]}"
        seen.finds.append(Find(at, what, str(at).encode()))
    elif seen.grown_mb > MEMORY_MB:
        seen.finds.append(Find(at, f"large: more than {MEMORY_MB} MB", b""))
    seen.inputs = at - first
    return at, seen
