"""Uploads on their way: counted with the lists, and not kept where there is no room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from cxr.reading_room import budget
from cxr.reading_room.budget import Share
from cxr.web import arrivals, uploads
from cxr.web.arrivals import NO_ROOM, Arrivals

MB = 1_000_000
PATH = "/_stcore/upload_file/{}/file"
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a film.dcm"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


@pytest.fixture(autouse=True)
def ten_megabytes(no_other_lists: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "10")


class Server:
    """Keeps what is uploaded, as Streamlit does."""

    def __init__(self) -> None:
        self.files: list[tuple[str, bytes]] = []
        self.kept = 0
        self.of_tab: Counter[str] = Counter()
        self.layer = Arrivals(
            self.app,
            kept=lambda tab: self.kept if tab is None else self.of_tab[tab],
            most=lambda: 50 * MB,
        )

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if int(dict(scope["headers"])[b"content-length"]) > 50 * MB:
            await send({"type": "http.response.start", "status": 413, "headers": []})
            return
        async with Request(scope, receive).form() as form:
            file = form["f"]
            assert not isinstance(file, str)
            content = await file.read()
        self.files.append((file.filename or "", content))
        self.kept += len(content)
        self.of_tab[scope["path"].split("/")[3]] += len(content)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def upload(
        self,
        size: int,
        *,
        length: int | None = -1,
        before: Callable[[], Awaitable[None]] | None = None,
        tab: str = "tab",
    ) -> list[Any]:
        """Upload so many bytes in parts; ``before`` is waited for before the last."""
        body = HEAD + b"x" * size + TAIL
        headers = [(b"content-type", b"multipart/form-data; boundary=b")]
        if length is not None:
            headers.append((b"content-length", str(len(body) if length < 0 else length).encode()))
        parts = [body[k : k + 100_000] for k in range(0, len(body), 100_000)]
        sent: list[Any] = []

        async def receive() -> Any:
            if len(parts) == 1 and before:
                await before()
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "PUT", "path": PATH.format(tab), "headers": headers}
        await self.layer(scope, receive, send)
        return sent


def run(doing: Awaitable[Any]) -> Any:
    """In a thread, since a browser of another test may have a loop in this one."""

    async def awaited() -> Any:
        return await asyncio.wait_for(doing, 60)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(awaited())).result()


def room() -> int:
    """Bytes that a list could take now."""
    with budget._lock:
        return 10 * MB - budget._used()


@pytest.fixture
def server() -> Server:
    return Server()


def test_what_finds_room_is_passed_on_as_it_is_and_counts_until_it_is_taken(server) -> None:
    run(server.upload(3 * MB))
    assert server.files == [("a film.dcm", b"x" * 3 * MB)]
    assert room() == 7 * MB
    with pytest.raises(budget.NoRoomError, match="CXR_MAX_ALL_LISTS_MB"):
        Share().take(8 * MB)
    server.kept = 0
    Share().take(8 * MB)


def test_what_finds_none_is_let_go_and_leaves_its_name(server, caplog) -> None:
    share = Share()
    share.take(8 * MB)
    run(server.upload(3 * MB))
    assert server.files == [("a film.dcm", NO_ROOM)]
    assert room() == 2 * MB - len(NO_ROOM)
    (told,) = caplog.messages
    assert "CXR_MAX_ALL_LISTS_MB" in told
    assert "film.dcm" not in told
    share.close()
    run(server.upload(3 * MB))
    assert len(server.files[1][1]) == 3 * MB


def test_those_at_once_find_room_together(server) -> None:
    async def three() -> None:
        arrived, has_room = asyncio.Event(), asyncio.Event()

        async def arrives() -> None:
            has_room.set()
            await arrived.wait()

        first = asyncio.create_task(server.upload(6 * MB, before=arrives))
        await has_room.wait()
        await server.upload(6 * MB)
        await server.upload(3 * MB)
        arrived.set()
        await first

    run(three())
    assert [len(content) for _, content in server.files] == [len(NO_ROOM), 3 * MB, 6 * MB]


def test_of_two_at_once_one_finds_the_room_that_there_is_for_it(server, monkeypatch) -> None:
    """The first is checked while the second has come: each would count the other."""
    beyond = budget.beyond

    async def two() -> None:
        loop = asyncio.get_running_loop()
        has_come = asyncio.Event()

        def later(own: int) -> str:
            asyncio.run_coroutine_threadsafe(has_come.wait(), loop).result(30)
            return beyond(own)

        monkeypatch.setattr(budget, "beyond", later)
        both = [asyncio.create_task(server.upload(6 * MB)) for _ in range(2)]
        for _ in range(10):  # turns of the loop, in which both get as far as they can
            await asyncio.sleep(0)
        has_come.set()
        await asyncio.gather(*both)

    run(two())
    assert sorted(len(content) for _, content in server.files) == [len(NO_ROOM), 6 * MB]


class Away:
    """A list that nobody looks at."""

    def __init__(self) -> None:
        self.share = Share()
        self.share.take(9 * MB)
        budget.when_full(self.make_room)

    def make_room(self) -> bool:
        gone = self.share.used > 0
        self.share.close()
        return gone


def test_a_list_that_nobody_looks_at_gives_way(server) -> None:
    away = Away()
    run(server.upload(3 * MB))
    assert len(server.files[0][1]) == 3 * MB
    assert not away.share.used


def test_nobody_gives_way_to_more_of_a_tab_than_a_list_takes(server, monkeypatch, caplog) -> None:
    away = Away()
    monkeypatch.setenv("CXR_MAX_LIST_MB", "5")
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "13")
    run(server.upload(3 * MB))
    run(server.upload(3 * MB))
    assert [len(content) for _, content in server.files] == [3 * MB, len(NO_ROOM)]
    assert "CXR_MAX_LIST_MB" in caplog.text
    assert away.share.used
    run(server.upload(3 * MB, tab="another"))
    assert len(server.files[2][1]) == 3 * MB
    assert not away.share.used


def test_what_streamlit_refuses_for_its_length_takes_no_room(server) -> None:
    away = Away()
    (answer,) = run(server.upload(1, length=50 * MB + 1))
    assert answer["status"] == 413
    assert away.share.used
    assert room() == MB


class TestOneThatDoesNotEnd:
    """It is no longer counted."""

    def test_for_it_is_broken_off(self, server) -> None:
        async def gone() -> None:
            raise ClientDisconnect

        with pytest.raises(ClientDisconnect):
            run(server.upload(3 * MB, before=gone))
        assert room() == 10 * MB

    @pytest.mark.parametrize("size", [3, 30])
    def test_for_nothing_comes_any_more(self, server, monkeypatch, size) -> None:
        monkeypatch.setattr(arrivals, "PATIENCE", 0.05)

        async def never() -> None:
            await asyncio.Future()

        with pytest.raises(ClientDisconnect):
            run(server.upload(size * MB, before=never))
        assert room() == 10 * MB

    def test_for_the_server_ends(self, server) -> None:
        async def ended() -> None:
            uploading = asyncio.create_task(server.upload(3 * MB, before=asyncio.Event().wait))
            await asyncio.sleep(0.05)
            assert room() < 8 * MB
            uploading.cancel()
            await asyncio.gather(uploading, return_exceptions=True)

        run(ended())
        assert room() == 10 * MB


def test_one_that_does_not_say_how_long_it_is_is_refused(server) -> None:
    assert run(server.upload(10, length=None))[0]["status"] == 400
    assert not server.files


def test_what_found_no_room_has_a_row_that_says_so(monkeypatch) -> None:
    rows: list[Any] = []
    worklist = SimpleNamespace(
        begin_upload=rows.clear,
        add=lambda name, content: rows.append((name, content)),
        add_folder=rows.extend,
        refuse=lambda name, error: rows.append((name, error.reason)),
    )
    files = {"a.dcm": b"film", "cd/b.dcm": NO_ROOM, "cd/c.dcm": b"film"}
    came = [
        SimpleNamespace(name=name, file_id=name, getvalue=lambda content=content: content)
        for name, content in files.items()
    ]
    state: dict[str, Any] = {"key": came, "upload_turn": 0}
    monkeypatch.setattr(uploads, "st", SimpleNamespace(session_state=state))
    forgotten: list[str] = []
    monkeypatch.setattr(uploads, "forget_uploads", forgotten.extend)
    uploads._take(worklist, "upload", "key", False)  # type: ignore[arg-type]
    assert [name for name, _ in rows] == ["b.dcm", "a.dcm", "cd/c.dcm"]
    assert "CXR_MAX_ALL_LISTS_MB" in rows[0][1]
    assert forgotten == list(files)
