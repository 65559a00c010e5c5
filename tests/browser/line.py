"""A line between browsers and a dashboard that can be cut, and led to another dashboard."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Line:
    """Passes bytes on; `address` is where the browser finds the dashboard."""

    def __init__(self, dashboard: str) -> None:
        self._target = _port(dashboard)
        self._ends: list[socket.socket] = []
        self._is_cut = False
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and let none through."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self, dashboard: str = "") -> None:
        """Let connections through again, to another dashboard if one is named."""
        with self._lock:
            self._target = _port(dashboard) if dashboard else self._target
            self._is_cut = False

    def close(self) -> None:
        self._door.close()
        self.cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._door.accept()
                with self._lock:
                    if self._is_cut:
                        one.close()
                        continue
                    other = socket.create_connection(("127.0.0.1", self._target))
                    self._ends += [one, other]
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _port(address: str) -> int:
    port = urlsplit(address).port
    assert port
    return port
