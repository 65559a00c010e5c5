"""The dashboard in a process of its own, as the benchmarks of pages and of load need it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["SCORED", "Dashboard", "Process", "dashboard"]

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
#: Selects the rows of the worklist that have their score or their refusal.
SCORED = "li.above, li.near, li.below, li.refused"


class Process(NamedTuple):
    """A running process, by its number."""

    pid: int

    def memory(self) -> float:
        """Return its resident memory, MB."""
        return self._field("VmRSS") / 1024

    def peak(self) -> float:
        """Return the most resident memory that it had so far, MB."""
        return self._field("VmHWM") / 1024

    def threads(self) -> int:
        """Return how many threads it has."""
        return self._field("Threads")

    def files(self) -> int:
        """Return how many file descriptors it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def processor(self) -> float:
        """Return the processor's seconds that it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _field(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+)", status)
        assert found
        return int(found[1])


class Dashboard(NamedTuple):
    """A dashboard that runs.

    Attributes
    ----------
    address : str
        Of its first page.
    process : Process
        The server.
    """

    address: str
    process: Process


@contextmanager
def dashboard(log: IO[str] | None = None) -> Iterator[Dashboard]:
    """Run the dashboard without a log of readings.

    Parameters
    ----------
    log : file, optional
        Takes what the server says (default: this process's output does).
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    server = subprocess.Popen(
        [sys.executable, "-m", *words, "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "CXR_READINGS_URL": "off"},
        stdout=log,
        stderr=log and subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)  # noqa: S310
                break
            except OSError:
                time.sleep(0.5)
        yield Dashboard(address, Process(server.pid))
    finally:
        server.terminate()
        server.wait(20)
