"""Ports for the servers that tests start."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

#: Below those that a system hands out by itself, to a browser's connections among others: one of
#: those that was found free may be taken before the server that is started has it. Above those
#: that Ray gives its workers.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of this machine that nothing has, and that nothing is given by chance."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
