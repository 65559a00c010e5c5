"""Uploads on their way, bounded together with the lists: what finds no room is not kept.

Streamlit holds a file while it arrives, and until a page takes it, and counts none of it. This is
one layer of ASGI around it, within that of `cxr.web.gate`:

- What is on its way, as much as it says that it is, and what Streamlit keeps that no list has taken
  yet count with the films of all lists (`cxr.reading_room.budget`). One tab's find no room beyond
  what a list takes, and nobody's list gives way to them then.
- What would go beyond that bound is received and let go. In its place the page gets `NO_ROOM`, with
  the file's name, and has a row that says so (`cxr.web.uploads`): of a request that is refused,
  Streamlit's page tells a number, and where films are dropped on the page nothing.
- What stops arriving is given up, and no longer counted.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cxr.reading_room import budget

__all__ = ["NO_ROOM", "Arrivals"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("cxr.web.arrivals")  # by which name it is run besides

#: Below any base path.
UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/[^/]+$")
BOUNDARY = re.compile(rb'boundary="?([^";,]+)"?', re.IGNORECASE)
#: What a page is given in place of a file that found no room: no film, and no file of anybody.
NO_ROOM = b"cxr: no room for this file\n"
#: Bytes in which a form has named its file.
NAMED = 65_536
#: Seconds after which what stopped arriving is given up.
PATIENCE = 60.0


class Arrivals:
    """The layer.

    Parameters
    ----------
    app : callable
        The ASGI application within.
    kept : callable
        Returns the bytes of the uploads that Streamlit keeps: of a session, or without one of all.
    most : callable
        Returns the bytes above which Streamlit refuses an upload before any of it has come.
    """

    def __init__(
        self, app: App, *, kept: Callable[[str | None], int], most: Callable[[], int]
    ) -> None:
        self._app = app
        self._kept, self._most = kept, most
        #: Bytes, by session.
        self._under_way: Counter[str] = Counter()
        #: Held from where an upload is counted until it has found room or is counted no more: two
        #: at once of which one finds room would refuse each other.
        self._counts = asyncio.Lock()
        self._total = 0
        budget.count_also(lambda: self._total + kept(None))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; of an upload that finds no room, its name."""
        is_upload = scope["type"] == "http" and scope["method"] == "PUT"
        if is_upload and (place := UPLOAD.search(scope["path"])):
            await self._upload(place["session"], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        said = headers.get(b"content-length", b"")
        boundary = BOUNDARY.search(headers.get(b"content-type", b""))
        if not said.isdigit() or boundary is None:  # no browser sends a file so
            await _refuse(send)
            return
        receive = _in_time(receive)
        size = int(said)
        if size > self._most():  # Streamlit answers that it is too large: nobody makes room for it
            await self._app(scope, receive, send)
            return
        counted = 0

        def count(now: int) -> None:
            nonlocal counted
            self._under_way[session] += now - counted
            self._total += now - counted
            counted = now
            if not self._under_way[session]:
                del self._under_way[session]

        async def answer(message: Message) -> None:
            count(0)  # it is among what Streamlit keeps by now, or nowhere
            await send(message)

        try:
            async with self._counts:
                count(size)
                own = self._under_way[session] + self._kept(session)
                # In a thread: to make room, lists of tabs that are away are let go.
                if full := await asyncio.to_thread(budget.beyond, own):
                    count(0)
            if full:
                logger.warning("An upload found no room. %s", full)
                receive = _named_alone(receive, boundary[1])
            await self._app(scope, receive, answer)
        finally:
            count(0)


def _in_time(receive: Receive) -> Receive:
    """Return what receives a request, and takes one that stops for one that is broken off."""

    async def received() -> Message:
        try:
            return await asyncio.wait_for(receive(), PATIENCE)
        except TimeoutError:
            return {"type": "http.disconnect"}

    return received


def _named_alone(receive: Receive, boundary: bytes) -> Receive:
    """Return what receives a form to its end, and gives its file's name with `NO_ROOM` in it."""
    is_given = False

    async def received() -> Message:
        nonlocal is_given
        if is_given:
            return {"type": "http.request", "body": b"", "more_body": False}
        head, is_over = b"", False
        while not is_over:
            message = await receive()
            if message["type"] != "http.request":
                return message
            if len(head) < NAMED:
                head += message.get("body", b"")
            is_over = not message.get("more_body", False)
        is_given = True
        named = head[: head.find(b"\r\n\r\n") + 4]
        body = named + NO_ROOM + b"\r\n--" + boundary + b"--\r\n"
        return {"type": "http.request", "body": body, "more_body": False}

    return received


async def _refuse(send: Send) -> None:
    body = b"An upload is a form with one file, and says how long it is."
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
