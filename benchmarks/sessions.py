"""A browser session of Triage without a browser: what one says and fetches, and nothing drawn.

It speaks the protocol between Streamlit and its pages as the installed version does: messages over
a websocket with the cookies and tokens that a browser has, uploads, timers of parts that draw
themselves anew, and what the pages' own scripts tell and fetch: `tab.js`, `worklist.js`,
`choice.js`, `film.js` and `film_load.js`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.FileUploader_pb2 import FileUploader
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

__all__ = ["Session", "Shown"]

#: As `film_load.js`: how often a film is asked for, and how many are kept at least.
TRIES, FILMS_KEPT = 6, 3
#: As `worklist.js`: seconds after which thumbnails that are missing are asked for.
PATIENCE = 0.3


class Shown(NamedTuple):
    """What a session has of a film.

    Attributes
    ----------
    sha256 : str
        Hash of its pixels, as the server says.
    levels : str
        Hash of what was fetched.
    """

    sha256: str
    levels: str


class Session:
    """One tab of one browser.

    Parameters
    ----------
    address : str
        Of the dashboard.
    lag : float, default: 0
        Seconds after which the browser does what a message asks of it.

    Attributes
    ----------
    rows : list of dict
        Of the worklist, as last told.
    chosen : int or None
        Number of the film that is marked.
    film : dict
        The film that the page shows, as last told; empty where it shows none.
    films : dict of str to Shown
        All that were fetched, by the name on screen.
    heatmaps : dict of tuple to list
        All that were told, by the film's name and the method.
    errors : list of str
        What went wrong: answers of 400 and more, errors on the page.
    """

    def __init__(self, address: str, *, lag: float = 0.0) -> None:
        self.address, self.lag = address, lag
        self.rows: list[dict[str, Any]] = []
        self.chosen: int | None = None
        self.film: dict[str, Any] = {}
        self.films: dict[str, Shown] = {}
        self.heatmaps: dict[tuple[str, str], list[list[float]]] = {}
        self.errors: list[str] = []
        self.is_empty = False
        """Whether the page asks for films."""
        self.reconnected = 0
        """How often the connection broke, and was made anew."""
        self.is_coming = False
        """Whether the heatmap of the film is on its way."""
        self.names: set[str] = set()
        """Of all films that the page showed, in the list or by themselves, since it was cleared."""
        self.told: dict[str, set[str]] = {}
        """All scores that were shown of a film, by its name, since the list was cleared."""
        # The server closes connections that nobody uses after 5 seconds; a browser asks again then.
        unused = httpx.Limits(keepalive_expiry=2.0)
        self._web = httpx.AsyncClient(base_url=address, timeout=120, limits=unused)
        self._socket: ClientConnection
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = self._page = self._query = self._token = ""
        self._states: dict[str, WidgetState] = {}
        self._ids: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self._uploaders: dict[str, FileUploader] = {}
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._urls: dict[str, asyncio.Future[Any]] = {}
        self._key, self._told = secrets.token_hex(16), ""
        self._pictures: set[str] = set()
        self._asking: asyncio.Task[None] | None = None
        self._turn, self._asks, self._heard = 0, False, 0.0
        self._kept: dict[str, bytes] = {}
        self._load: tuple[str, asyncio.Task[None]] | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open the page, as a browser does, and wait until it asks for films."""
        await self._web.get("/", headers={"Accept": "text/html"})
        await self._web.get("/_stcore/health")
        self._token = self._web.cookies["_streamlit_xsrf"]
        await self._connect()
        self._do(self._listen())
        await self._rerun()
        await self.until(lambda: self.is_empty, 120)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the tab, as a browser does: it says so."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._told:
            await self._web.delete(self._told, headers={"X-Xsrftoken": self._token})
        await self._socket.close()
        await self._web.aclose()

    # What a reader does.

    async def drop(self, files: Sequence[Path]) -> None:
        """Drop films into the field in the middle of the page, or into that of the list."""
        uploader = self._uploaders["uploads"]
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = secrets.token_hex(8), self._session
        request.file_names.extend(file.name for file in files)
        answer = self._urls[request.request_id] = asyncio.get_running_loop().create_future()
        await self._send(message)
        places = (await answer).file_urls
        pairs = list(zip(files, places, strict=True))
        contents = {file: file.read_bytes() for file in files}
        await asyncio.gather(
            *(self._upload(file.name, contents[file], place.upload_url) for file, place in pairs)
        )
        state = WidgetState(id=uploader.id)
        for file, place in pairs:
            told = state.file_uploader_state_value.uploaded_file_info.add()
            told.name, told.size, told.file_id = file.name, len(contents[file]), place.file_id
            told.file_urls.CopyFrom(place)
        self.is_empty = self._asks = False
        self._states[uploader.id] = state
        await self._rerun()

    async def choose(self, number: int) -> None:
        """Open a film of the list."""
        self._turn += 1
        self.chosen = number
        self._say("choice_view", {"chosen": [number, self._turn]})
        await self._rerun()

    async def clear(self) -> None:
        """Clear the list, and wait until the page asks for films."""
        await self._rerun(pressed=self._ids["Clear the list"])
        await self.until(lambda: self.is_empty, 120)
        self.names, self.told = set(), {}

    async def status(self, address: str) -> int:
        """Ask for something with this browser's cookies; return the answer's status."""
        return (await self._web.get(address, headers={"Range": "bytes=0-"})).status_code

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds, which is asked after each message.

        Raises
        ------
        TimeoutError
            If it does not in time.
        """
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def __str__(self) -> str:
        """Say how far the page is, without any name."""
        silent = asyncio.get_running_loop().time() - self._heard
        waiting = len(self.rows) - len(self.scores)
        return (
            f"{len(self.rows)} rows, {waiting} waiting, {len(self._timers)} timers, "
            f"heatmap coming: {self.is_coming}, silent for {silent:.0f} s"
        )

    @property
    def scores(self) -> dict[str, str]:
        """The scores of the films that have all of theirs, as on screen, by name."""
        return {
            row["name"]: " ".join(cell["score"] or "" for cell in row["cells"])
            for row in self.rows
            if all(cell["state"] != "waiting" for cell in row["cells"])
        }

    # What a browser does.

    def _do(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.errors.append(f"{type(error).__name__}: {error}"[:200])
        self._changed.set()

    async def _send(self, message: BackMsg) -> None:
        with suppress(ConnectionClosed):  # the listener tells of it
            await self._socket.send(message.SerializeToString())

    async def _rerun(self, *, fragment: str = "", auto: bool = False, pressed: str = "") -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.widget_states.widgets.extend(self._states.values())
        if pressed:
            asked.widget_states.widgets.add(id=pressed, trigger_value=True)
        asked.page_script_hash, asked.fragment_id, asked.is_auto_rerun = self._page, fragment, auto
        asked.query_string = self._query
        asked.context_info.timezone, asked.context_info.locale = "UTC", "en-US"
        asked.context_info.url = f"{self.address}/"
        await self._send(message)

    def _say(self, key: str, value: object) -> None:
        """Set what a component tells."""
        self._states[self._ids[key]] = WidgetState(id=self._ids[key], json_value=json.dumps(value))

    async def _upload(self, name: str, content: bytes, place: str) -> None:
        answer = await self._web.put(
            place,
            files={"file": (name, content, "image/jpeg")},
            headers={"X-Xsrftoken": self._token},
        )
        self._note(answer.status_code, place)

    def _note(self, status: int, address: str) -> None:
        if status >= 400:
            self.errors.append(f"{status} {re.sub('[0-9a-f-]{20,}', '...', address)}")

    async def _connect(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self._web.cookies.items())
        told = ["streamlit", self._token, *filter(None, [self._session])]
        self._socket = await connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            origin=self.address,  # type: ignore[arg-type]
            subprotocols=[Subprotocol(part) for part in told],
            additional_headers={"Cookie": cookies},
            max_size=None,
        )

    async def _listen(self) -> None:
        while True:
            with suppress(ConnectionClosed):
                async for data in self._socket:
                    message = ForwardMsg.FromString(data)  # type: ignore[arg-type]
                    # In order: each takes as long.
                    asyncio.get_running_loop().call_later(self.lag, self._take, message)
            self.reconnected += 1
            await self._connect()
            await self._rerun()

    def _take(self, message: ForwardMsg) -> None:
        try:
            self._read(message)
        except (KeyError, TypeError, ValueError, asyncio.InvalidStateError) as error:
            self.errors.append(f"A message was not understood: {type(error).__name__} {error}")
        self._heard = asyncio.get_running_loop().time()
        self._changed.set()

    def _read(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
            if not message.metadata.run.fragment_ids:  # parts that draw themselves say so anew
                for fragment in list(self._timers):
                    self._stop(fragment)
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._draw(message.delta.new_element, message.delta.fragment_id)
        elif kind == "auto_rerun":
            self._beat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop(fragment)
        elif kind == "file_urls_response":
            self._urls.pop(message.file_urls_response.response_id).set_result(
                message.file_urls_response
            )
        elif kind == "script_finished" and message.script_finished not in (
            ForwardMsg.FINISHED_SUCCESSFULLY,
            ForwardMsg.FINISHED_EARLY_FOR_RERUN,
            ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
        ):
            self.errors.append(f"A run ended with {message.script_finished}")

    def _draw(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "bidi_component":
            component = element.bidi_component
            name = component.id.rpartition("-")[2]
            self._ids[name], self._fragments[name] = component.id, fragment
            show = {"cxr_tab": self._tab, "cxr_worklist": self._list, "cxr_film": self._film}
            if component.component_name in show:
                show[component.component_name](json.loads(component.json))
        elif kind == "button":
            self._ids[element.button.label] = element.button.id
        elif kind == "file_uploader":
            key = element.file_uploader.id.rpartition("-")[2].partition("_")[0]
            self._uploaders[key] = element.file_uploader
            if key == "uploads" and self._asks:
                self.is_empty, self.film, self.rows = True, {}, []
        elif kind == "markdown" and "Drop chest radiographs here" in element.markdown.body:
            self._asks = True
        elif kind == "exception":
            self.errors.append(f"On the page: {element.exception.message}"[:200])
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.errors.append(f"On the page: {element.alert.body}"[:200])

    def _beat(self, fragment: str, seconds: float) -> None:
        if fragment in self._timers and self._timers[fragment][0] == seconds:
            return
        self._stop(fragment)

        async def beat() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._rerun(fragment=fragment, auto=True)

        self._timers[fragment] = seconds, self._do(beat())

    def _stop(self, fragment: str) -> None:
        if fragment in self._timers:
            self._timers.pop(fragment)[1].cancel()

    # What the pages' own scripts do.

    def _tab(self, data: dict[str, Any]) -> None:
        if self._told != data["mark"] and data["films"]:
            self._told = data["mark"]
            said = {"key": self._key, "films": 0, "cut": False, "at": self._turn}
            self._say("tab_probe", {"said": said})
            self._do(self._rerun())

    def _list(self, data: dict[str, Any]) -> None:
        self.rows, self.chosen = data["rows"], data["chosen"]
        self.names |= {row["name"] for row in self.rows}
        for name, score in self.scores.items():
            self.told.setdefault(name, set()).add(score)
        pictures = {row["picture"] for row in self.rows}
        self._pictures = {
            name for name in self._pictures | set(data["pictures"]) if name in pictures
        }
        if pictures - self._pictures - {""} and self._asking is None:
            self._asking = self._do(self._ask(data["made"]))

    async def _ask(self, made: object) -> None:
        await asyncio.sleep(PATIENCE)
        self._asking = None
        if {row["picture"] for row in self.rows} - self._pictures - {""}:
            self._say("worklist_view", {"lacking": made})
            await self._rerun(fragment=self._fragments["worklist_view"])

    def _film(self, data: dict[str, Any]) -> None:
        self.film, self.is_coming = data["films"][0], data["coming"]
        film = self.film
        self.names.add(film["name"])
        if film["heatmap"]:
            self.heatmaps[film["name"], film["heatmap"]["method"]] = film["heatmap"]["grid"]
        key = film["key"]
        if self._load and self._load[0] != key:
            self._load[1].cancel()
            self._load = None
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)
            self._see(film, self._kept[key])
        elif self._load is None or self._load[1].done():
            self._load = key, self._do(self._fetch(film))

    async def _fetch(self, film: dict[str, Any]) -> None:
        size = film["width"] * film["height"] * (film["scale"]["bits"] // 8)
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self._web.get(film["url"], headers={"Range": "bytes=0-"})
            except httpx.TransportError:  # as in `film_load.js`
                answer = httpx.Response(503)
            self._note(answer.status_code, film["url"])
            if answer.is_success and len(answer.content) >= size:
                self._kept[film["key"]] = answer.content
                while len(self._kept) > FILMS_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._see(film, answer.content)
                return
            await asyncio.sleep(0.06 * 2**attempt)
        self.errors.append("A film did not arrive")

    def _see(self, film: dict[str, Any], levels: bytes) -> None:
        self.films[film["name"]] = Shown(film["sha256"], hashlib.sha256(levels).hexdigest())
