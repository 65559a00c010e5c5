"""A process of its own that reads damaged inputs, watched from outside: time, memory, its end."""

from __future__ import annotations

import faulthandler
import logging
import mmap
import os
import re
import resource
import signal
import struct
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["MEMORY_MB", "SECONDS", "Board", "Find", "Reader", "Seen", "watched"]

#: Seconds of a processor that an input may take, and MB that the process may grow by.
SECONDS, MEMORY_MB = 5.0, 600
#: Seconds on the clock after which an input that takes no processor is given up.
STUCK = 60.0
BROKEN = "this benchmark itself: "
#: Bytes of an input that are kept where the process ends.
LARGEST = 4_000_000
_NUMBER = re.compile(r"\d[\d,.]*")
_FORM = struct.Struct("<QQddQQ")


class Board:
    """Memory that both processes see: how far the inner one is, and what it reads now."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _FORM.size + LARGEST)
        self.write(0, 0, 0.0, 0.0, 0, 0)

    def write(
        self, number: int, done: int, begun: float, slowest: float, grown: int, length: int
    ) -> None:
        """Note the input's number, inputs done, when it was begun, the worst so far, its size."""
        _FORM.pack_into(self._memory, 0, number, done, begun, slowest, grown, length)

    def read(self) -> tuple[int, int, float, float, int, int]:
        """Return what `write` was given."""
        return _FORM.unpack_from(self._memory, 0)  # type: ignore[return-value]

    def keep(self, data: bytes) -> int:
        """Keep an input, so that it outlives the process; return its length."""
        kept = data[:LARGEST]
        self._memory[_FORM.size : _FORM.size + len(kept)] = kept
        return len(kept)

    def kept(self) -> bytes:
        """Return the input that was kept last."""
        length = self.read()[5]
        return self._memory[_FORM.size : _FORM.size + length]


@dataclass(frozen=True)
class Find:
    """An input that was not answered as it should be.

    Attributes
    ----------
    number : int
        Of the input; of a guided one its place in the run.
    what : str
        What happened, the same for the same fault.
    data : bytes
        The input.
    """

    number: int
    what: str
    data: bytes


@dataclass
class Seen:
    """What came of some inputs.

    Attributes
    ----------
    inputs : int
        How many were read.
    outcomes : set of str
        The different answers.
    finds : list of Find
        Each fault once.
    slowest : float
        Seconds of a processor that the slowest input took.
    grown_mb : float
        What the process grew by at most.
    """

    inputs: int = 0
    outcomes: set[str] = field(default_factory=set)
    finds: list[Find] = field(default_factory=list)
    slowest: float = 0.0
    grown_mb: float = 0.0

    def add(self, other: Seen) -> None:
        """Take in what came of further inputs."""
        self.inputs += other.inputs
        self.outcomes |= other.outcomes
        known = {find.what for find in self.finds}
        self.finds += [find for find in other.finds if find.what not in known]
        self.slowest = max(self.slowest, other.slowest)
        self.grown_mb = max(self.grown_mb, other.grown_mb)


class Reader:
    """Read one input after another in the inner process, and tell what comes of each.

    Parameters
    ----------
    read : callable
        Takes an input.
    errors : tuple of str
        Names of the errors that it may raise.
    board : Board
    tell : callable
        Takes a line, each outcome and each find once.
    """

    def __init__(
        self,
        read: Callable[[bytes], str],
        errors: tuple[str, ...],
        board: Board,
        tell: Callable[[str], None],
    ) -> None:
        self._read, self._errors, self._board, self._tell = read, errors, board, tell
        self._told: set[str] = set()
        self._done, self._slowest, self._grown = 0, 0.0, 0
        self._base = 0

    def __call__(self, number: int, data: bytes) -> None:
        """Read an input."""
        length = self._board.keep(data)
        # The first inputs load libraries, which is no memory of theirs.
        self._base = self._base or _most_memory()
        begun = time.process_time()
        self._board.write(number, self._done, begun, self._slowest, self._grown, length)
        try:
            outcome = self._read(data)
        except BaseException as error:  # noqa: BLE001 - panics of Rust are no Exception
            name = type(error).__name__
            reason = _NUMBER.sub("#", getattr(error, "reason", ""))
            outcome = f"{name} {getattr(error, 'code', '')} {reason}"
            if name not in self._errors:
                outcome = f"!{_where(error)}"
        spent = time.process_time() - begun
        grown = _most_memory() - self._base
        if spent > SECONDS:
            outcome = f"!slow: more than {SECONDS:g} s"
        if grown > MEMORY_MB * 1024 > self._grown:
            outcome = f"!large: more than {MEMORY_MB} MB"
        self._done += 1
        self._slowest, self._grown = max(self._slowest, spent), max(self._grown, grown)
        self._board.write(number, self._done, 0.0, self._slowest, self._grown, length)
        if outcome not in self._told:
            self._told.add(outcome)
            hexed = data.hex() if outcome.startswith("!") else ""
            self._tell(f"{number}\t{outcome}\t{hexed}")

    def warm(self, inputs: list[bytes]) -> None:
        """Read inputs that do not count, so that all libraries are loaded."""
        for data in inputs:
            try:
                self._read(data)
            except Exception:  # noqa: BLE001, S112 - they are told when they count
                continue
        self._base = _most_memory()


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/fuzz/" not in f.filename]
    return f"{type(error).__name__} at {' '.join(lines[-3:])}"


def watched(work: Callable[[Board, Callable[[str], None]], None], limit: float) -> Seen:
    """Run work in a process of its own until it ends, is ended, or its time is over.

    Parameters
    ----------
    work : callable
        Takes the board, and a function for lines as `Reader` tells them.
    limit : float
        Seconds on the clock.

    Returns
    -------
    Seen
        Inputs during which the process ended are among the finds.
    """
    board, seen = Board(), Seen()
    out, inner = os.pipe()
    base = _memory_mb(os.getpid())  # of which the inner process begins with a copy
    child = os.fork()
    if not child:
        os.close(out)
        _run(work, board, inner)
    os.close(inner)
    os.set_blocking(out, False)
    said, why, ended = bytearray(), "", 0
    begun = since = time.monotonic()
    last = (-1, -1)
    while not ended:
        time.sleep(0.05)
        _drain(out, said)
        ended, status = os.waitpid(child, os.WNOHANG)
        number, done, started, *_ = board.read()
        now = time.monotonic()
        if (number, done) != last:
            last, since = (number, done), now
        if ended:
            if os.waitstatus_to_exitcode(status):
                why = f"the process ended with {os.waitstatus_to_exitcode(status)}"
        elif started and _processor_time(child) - started > SECONDS + 1:
            why = f"slow: more than {SECONDS:g} s"
        elif started and now - since > STUCK:
            why = f"stuck: more than {STUCK:g} s without an end"
        elif _memory_mb(child) > base + 4 * MEMORY_MB:
            why = f"large: more than {MEMORY_MB} MB"
        if (why or now - begun > limit) and not ended:
            os.kill(child, signal.SIGKILL)
            ended, _ = os.waitpid(child, 0)
    _drain(out, said)
    os.close(out)
    number, done, started, slowest, grown, _ = board.read()
    # An input at which the time was over is not counted: it was not read to its end.
    seen.inputs, seen.slowest, seen.grown_mb = done + bool(why), slowest, grown / 1024
    for line in said.decode().splitlines():
        at, outcome, hexed = (*line.split("\t"), "", "")[:3]
        if outcome.startswith(BROKEN):
            raise RuntimeError(outcome)
        if outcome.startswith("!"):
            seen.finds.append(Find(int(at), outcome[1:], bytes.fromhex(hexed)))
        else:
            seen.outcomes.add(outcome)
    if why:
        seen.finds.append(Find(number, why, board.kept()))
    return seen


def _run(work: Callable[[Board, Callable[[str], None]], None], board: Board, out: int) -> None:
    """Do the work in the inner process, which never returns from here."""
    status = 1
    try:
        # Libraries write to both of what they cannot read.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        faulthandler.disable()
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work(board, lambda line: _say(out, line))
        status = 0
    except BaseException as error:  # noqa: BLE001 - a fault of this benchmark's own
        where = traceback.extract_tb(error.__traceback__)[-1]
        _say(out, f"0\t{BROKEN}{error!r} at {Path(where.filename).name}:{where.lineno}\t")
    finally:
        os._exit(status)


def _say(out: int, line: str) -> None:
    left = f"{line}\n".encode()
    while left:
        left = left[os.write(out, left) :]


def _drain(out: int, said: bytearray) -> None:
    try:
        while more := os.read(out, 2**16):
            said += more
    except BlockingIOError:
        return


def _processor_time(process: int) -> float:
    try:
        facts = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * mmap.PAGESIZE / 1e6
