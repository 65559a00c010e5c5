"""The private parts of Streamlit: that they are there, and that pages go on without them."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import streamlit
import streamlit as st
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from streamlit import net_util, runtime, user_info
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, memory_uploaded_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.session_manager import SessionClientDisconnectedError
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import WStates
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest
from streamlit.web import bootstrap
from streamlit.web.server import server_util
from streamlit.web.server.starlette import (
    starlette_auth_routes,
    starlette_routes,
    starlette_websocket,
)
from streamlit.web.server.starlette.starlette_app_utils import (
    create_signed_value,
    decode_signed_value,
)
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from cxr.web import streamlit_hooks as hooks
from tests.conftest import ROOT
from tests.ports import free_port


@pytest.fixture(autouse=True)
def untold() -> None:
    hooks._tell_missing.cache_clear()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A server of one open tab, with a real store of media files."""
    instance = SimpleNamespace(
        media_file_mgr=MediaFileManager(MemoryMediaFileStorage("/media")),
        is_active_session=lambda session: session == "open",
    )
    monkeypatch.setattr(runtime, "get_instance", lambda: instance)
    return instance


def parameters(function) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def upload_of(size: int) -> UploadFile:
    """What the server makes of a form with one file."""

    async def body():
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        yield b"x" * size
        yield b"\r\n--b--\r\n"

    headers = Headers({"Content-Type": "multipart/form-data; boundary=b"})
    # In a thread of its own, since a browser of another test may have a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        form = thread.submit(lambda: asyncio.run(MultiPartParser(headers, body()).parse())).result()
    upload = form["f"]
    assert isinstance(upload, UploadFile)
    return upload


class TestTheParts:
    def test_were_read_in_this_version(self):
        """On another: read every part named in the module again, then raise `VERSION`."""
        assert streamlit.__version__.split(".")[:2] == hooks.VERSION.split(".")

    def test_clear_keras_where_it_is_looked_up_by_name(self):
        source = inspect.getsource(script_runner)
        assert "def _clean_problem_modules() -> None:" in source
        assert "_log_if_error(_clean_problem_modules)" in source

    def test_say_whether_the_folder_of_pages_is_a_menu(self):
        assert "uses_pages_directory" in vars(PagesManager)
        assert "PagesManager.uses_pages_directory" in inspect.getsource(script_runner)

    def test_hold_an_upload_in_memory_up_to_a_limit_of_the_parser(self):
        source = inspect.getsource(MultiPartParser)
        assert "SpooledTemporaryFile(max_size=self.spool_max_size)" in source
        assert source.count("TemporaryFile(") == 1
        assert "limited_request.form()" in inspect.getsource(starlette_routes)

    def test_keep_media(self):
        assert parameters(MediaFileManager.add)[:4] == [
            *("path_or_data", "mimetype", "coordinates", "file_name"),
        ]
        assert parameters(MediaFileManager.read_file) == ["file_id"]
        assert isinstance(MediaFileManager.can_read_files, property)
        assert isinstance(runtime.Runtime.media_file_mgr, property)

    def test_free_what_a_session_had(self):
        assert parameters(MediaFileManager.clear_session_refs) == ["session_id"]
        assert "clear_session_refs()" in inspect.getsource(script_runner)  # a run begins
        assert "_files_by_session_and_coord" in inspect.getsource(MediaFileManager)
        assert parameters(MediaFileManager.remove_orphaned_files) == []
        assert parameters(MemoryUploadedFileManager.remove_session_files) == ["session_id"]
        assert parameters(MemoryUploadedFileManager.remove_file) == ["session_id", "file_id"]
        assert isinstance(runtime.Runtime.uploaded_file_mgr, property)
        assert parameters(MemoryUploadedFileManager.get_upload_urls) == ["session_id", "file_names"]
        assert parameters(MemoryUploadedFileManager.add_file) == ["session_id", "file"]
        source = inspect.getsource(MemoryUploadedFileManager.__init__)
        assert "self.file_storage" in source
        assert "self._lock" in source
        source = inspect.getsource(starlette_routes)
        assert 'get_option("server.maxUploadSize") * 1024 * 1024' in source
        assert "int(content_length) > max_size_bytes" in source

    def test_know_the_open_tabs(self):
        assert parameters(runtime.Runtime.is_active_session) == ["session_id"]


class TestWithThem:
    def test_keras_is_left_alone(self, monkeypatch):
        monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: pytest.fail("cleared"))
        hooks.keep_keras_session()
        script_runner._clean_problem_modules()

    def test_a_large_part_of_a_form_stays_in_memory(self, monkeypatch):
        monkeypatch.setattr(MultiPartParser, "spool_max_size", 1000)
        assert not upload_of(5000)._in_memory
        hooks.keep_uploads_in_memory()
        upload = upload_of(5_000_000)
        assert upload._in_memory
        assert upload.file.read() == b"x" * 5_000_000

    def test_nobody_outside_is_asked(self, monkeypatch):
        """Neither of what a page of elsewhere sends, nor at the start."""
        monkeypatch.setattr(
            net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked")
        )
        monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
        hooks.ask_nobody_outside()
        assert not server_util.is_url_from_allowed_origins("https://elsewhere.example")
        assert "net_util.get_external_ip" in inspect.getsource(server_util)
        # This is asked first, and the page's file is read later.
        set_first = 'if config.is_manually_set("browser.serverAddress")'
        assert set_first in inspect.getsource(bootstrap._print_url)
        config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
        assert config["browser"]["serverAddress"] == "127.0.0.1"

    def test_what_a_closed_tab_had_is_freed(self, server, monkeypatch):
        uploads: list[str] = []
        server.uploaded_file_mgr = SimpleNamespace(remove_session_files=uploads.append)
        refs: list[str] = []
        monkeypatch.setattr(runtime, "exists", lambda: True)
        monkeypatch.setattr(MediaFileManager, "clear_session_refs", lambda _, s: refs.append(s))
        context = SimpleNamespace(session_id="gone")
        monkeypatch.setattr(runtime.scriptrunner, "get_script_run_ctx", lambda: context)
        forget = hooks.forget_session()
        assert not refs
        forget()
        assert refs == uploads == ["gone"]

    def test_uploads_that_were_taken_are_freed_and_no_others(self, server, monkeypatch):
        store = server.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")
        for session, file_id in (("mine", "1"), ("mine", "2"), ("other", "1")):
            store.add_file(session, UploadedFileRec(file_id, "film.png", "image/png", b"film"))
        monkeypatch.setattr(runtime, "exists", lambda: True)
        context = SimpleNamespace(session_id="mine")
        monkeypatch.setattr(runtime.scriptrunner, "get_script_run_ctx", lambda: context)
        assert hooks.uploads_kept() == 3 * len(b"film")
        hooks.forget_uploads(["1", "unknown"])
        assert hooks.uploads_kept() == 2 * len(b"film")
        kept = {session: list(files) for session, files in store.file_storage.items()}
        assert kept == {"mine": ["2"], "other": ["1"]}

    def test_uploads_that_nobody_takes_are_let_go(self, server, monkeypatch):
        names = ("get_upload_urls", "add_file", "remove_session_files")
        for name in names:  # back to these after the test
            function = inspect.unwrap(getattr(MemoryUploadedFileManager, name))
            monkeypatch.setattr(MemoryUploadedFileManager, name, function)
        hooks.note_uploads.__wrapped__()
        store = server.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")
        monkeypatch.setattr(runtime, "exists", lambda: True)
        context = SimpleNamespace(session_id="mine")
        monkeypatch.setattr(runtime.scriptrunner, "get_script_run_ctx", lambda: context)

        def asked(session: str = "mine") -> str:
            (place,) = store.get_upload_urls(session, ["film.png"])
            return place.file_id

        def ends(file_id: str, session: str = "mine") -> None:
            store.add_file(session, UploadedFileRec(file_id, "film.png", "image/png", b"film"))

        kept = partial(store.file_storage.__getitem__, "mine")
        hooks.tab_mark().put()
        has_come, on_its_way, stands, of_another = asked(), asked(), asked(), asked("other")
        ends(has_come)
        ends(stands)
        hooks.leave_uploads([stands])
        assert set(kept()) == {hooks.TAB_FILE, stands}
        ends(on_its_way)
        assert set(kept()) == {hooks.TAB_FILE, stands}
        of_next_page = asked()
        ends(of_next_page)
        ends(of_another, "other")
        assert set(kept()) == {hooks.TAB_FILE, stands, of_next_page}
        assert hooks.uploads_kept("mine") == 2 * len(b"film")
        assert hooks.uploads_kept("other") == len(b"film")
        assert hooks.uploads_kept("unknown") == 0
        hooks.leave_uploads()
        assert set(kept()) == {hooks.TAB_FILE}
        asked()
        hooks.leave_uploads()
        store.remove_session_files("mine")
        assert "mine" not in hooks._asked | hooks._left

    def test_widgets_that_are_gone_for_long_are_forgotten(self, monkeypatch):
        app = AppTest.from_string(SHOWS_ANOTHER).run()
        for _ in range(3):
            app.button[0].click().run()
        assert widgets_of(app) == ["button 0", "button 1", "button 2", "button 3", "kept"]
        monkeypatch.setattr(hooks, "LATE", -1.0)
        app.run()
        assert widgets_of(app) == ["button 3", "kept"]
        assert app.text_input[0].value == "as it was"
        app.button[0].click().run()
        assert app.session_state["clicks"] == 4

    def test_a_tab_that_takes_nothing_is_told_to_connect_anew(self, monkeypatch):
        client = starlette_websocket.StarletteSessionClient
        # A page that another test has run may have taken the part's place already.
        monkeypatch.setattr(client, "write_forward_msg", inspect.unwrap(client.write_forward_msg))
        hooks.close_what_is_behind.__wrapped__()
        closed: list[int] = []

        async def never(data: bytes) -> None:
            await asyncio.Event().wait()

        async def close(code: int) -> None:
            closed.append(code)

        async def tell() -> None:
            socket = SimpleNamespace(
                headers=Headers(), cookies={}, client=None, send_bytes=never, close=close
            )
            behind = client(socket)
            for _ in range(starlette_websocket.WEBSOCKET_MAX_SEND_QUEUE_SIZE):
                behind.write_forward_msg(ForwardMsg())
            for _ in range(2):
                with pytest.raises(SessionClientDisconnectedError):
                    behind.write_forward_msg(ForwardMsg())
            await asyncio.sleep(0)
            await behind.aclose()

        # In a thread of its own, since a browser of another test may have a loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(tell())).result()
        assert closed == [hooks.TRY_AGAIN]

    def test_a_tab_takes_its_mark_away(self, server, monkeypatch):
        server.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")
        monkeypatch.setattr(runtime, "exists", lambda: True)
        context = SimpleNamespace(session_id="mine")
        monkeypatch.setattr(runtime.scriptrunner, "get_script_run_ctx", lambda: context)
        mark = hooks.tab_mark()
        assert mark.address.startswith("/_stcore/upload_file/mine/")
        mark.put()
        assert not mark.is_removed()
        server.uploaded_file_mgr.remove_file("mine", mark.address.rsplit("/", 1)[1])
        assert mark.is_removed()

    def test_a_page_run_alone_is_told_once(self, monkeypatch):
        monkeypatch.setattr(PagesManager, "uses_pages_directory", True)
        assert hooks.leave_folder_mode()
        assert not hooks.leave_folder_mode()

    @pytest.mark.parametrize("value", [None, False])
    def test_others_are_not(self, monkeypatch, value):
        monkeypatch.setattr(PagesManager, "uses_pages_directory", value)
        assert not hooks.leave_folder_mode()

    def test_media_stay_until_they_are_let_go(self, server):
        address = hooks.keep_media(b"levels", "place", "name")
        assert address.startswith("/media/")
        assert "name" not in address
        assert hooks.media(address) == b"levels"
        hooks.forget_media()
        server.media_file_mgr.remove_orphaned_files()
        assert hooks.media(address) is None

    @pytest.mark.parametrize(("session", "expected"), [("open", True), ("closed", False)])
    def test_a_tab_is_open_or_not(self, server, monkeypatch, session, expected):
        context = SimpleNamespace(session_id=session)
        monkeypatch.setattr(runtime.scriptrunner, "get_script_run_ctx", lambda: context)
        assert hooks.session_is_open()() is expected

    def test_a_script_run_by_itself_goes_on(self):
        assert hooks.session_is_open()()


class TestTheSignIn:
    @pytest.fixture
    def parts(self) -> hooks.SignInParts:
        parts = hooks.sign_in_parts()
        assert parts is not None
        return parts

    def test_identity_is_what_this_server_signed(self, parts, monkeypatch):
        monkeypatch.setattr(starlette_websocket, "get_cookie_secret", lambda: "s" * 40)
        signed = create_signed_value("s" * 40, "_streamlit_user", '{"sub": "42"}').decode()
        assert parts.identity({"_streamlit_user": signed}) == b'{"sub": "42"}'
        forged = create_signed_value("t" * 40, "_streamlit_user", '{"sub": "42"}').decode()
        other = create_signed_value("s" * 40, "_streamlit_user_tokens", '{"sub": "42"}').decode()
        for value in (forged, other, signed[:-1], signed + "a", "", "é"):
            assert parts.identity({"_streamlit_user": value}) is None
        assert parts.identity({}) is None

    def test_identity_of_many_groups_is_put_together(self, parts, monkeypatch):
        monkeypatch.setattr(starlette_websocket, "get_cookie_secret", lambda: "s" * 40)
        chunks = {"": "chunks-2", "_1": '{"sub": ', "_2": '"42"}'}
        held = {
            name: create_signed_value("s" * 40, name, value).decode()
            for name, value in ((f"_streamlit_user{end}", value) for end, value in chunks.items())
        }
        assert parts.identity(held) == b'{"sub": "42"}'
        assert parts.identity({k: v for k, v in held.items() if not k.endswith("_2")}) is None

    def test_a_sign_out_is_told_with_the_id_token_alone(self, parts, monkeypatch):
        for module in (starlette_websocket, starlette_auth_routes):
            monkeypatch.setattr(module, "get_cookie_secret", lambda: "s" * 40)
        name = "_streamlit_user_tokens"

        def held(said: str) -> dict[str, str]:
            return {name: create_signed_value("s" * 40, name, said).decode()}

        kept = parts.ended_with(held('{"id_token": "i", "access_token": "a"}'))
        assert decode_signed_value("s" * 40, name, kept.decode()) == b'{"id_token": "i"}'
        assert parts.ended_with(held('{"access_token": "a"}')) is None
        assert parts.ended_with({name: "forged"}) is parts.ended_with({}) is None

    def test_use_is_what_a_person_does(self, parts):
        asked, anew, beat = BackMsg(), BackMsg(), BackMsg()
        asked.rerun_script.query_string = ""
        anew.rerun_script.is_auto_rerun = True
        beat.app_heartbeat = True
        assert parts.is_use(asked.SerializeToString())
        for data in (anew.SerializeToString(), beat.SerializeToString(), b"", b"\xff\xff\xff"):
            assert not parts.is_use(data)

    def test_a_message_leads_to_an_address(self, parts):
        assert ForwardMsg.FromString(parts.leads_to("/x/")).auth_redirect.url == "/x/"

    def test_a_file_of_secrets_is_read_or_told(self, tmp_path, monkeypatch):
        file = tmp_path / "secrets.toml"
        monkeypatch.setattr(streamlit, "get_option", lambda name: [str(file)])
        assert hooks.kept_secrets() == {}
        file.write_text("[auth\n")
        monkeypatch.setattr(
            streamlit, "secrets", SimpleNamespace(to_dict=lambda: 1 / 0)
        )  # whatever it raises
        with pytest.raises(ZeroDivisionError):
            hooks.kept_secrets()


#: A page that shows another button after each click.
SHOWS_ANOTHER = """
import streamlit as st
from cxr.web.streamlit_hooks import forget_old_widgets
forget_old_widgets()
def click():
    st.session_state["clicks"] += 1
clicks = st.session_state.setdefault("clicks", 0)
st.button(f"button {clicks}", key=f"button {clicks}", on_click=click)
st.text_input("kept", "as it was", key="kept")
"""


def widgets_of(app: AppTest) -> list[str]:
    """Return the keys of the widgets that Streamlit knows how they were made."""
    made = app.session_state._state._state._new_widget_state.widget_metadata
    return sorted(widget.rpartition("-")[2] for widget in made)


def forgotten() -> None:
    forget = hooks.forget_session()
    forget()


def asked_whether_open() -> bool:
    is_open = hooks.session_is_open()
    return is_open()


@pytest.mark.parametrize(
    ("owner", "part", "use", "expected"),
    [
        (script_runner, "_clean_problem_modules", hooks.keep_keras_session, None),
        (runtime.Runtime, "uploaded_file_mgr", forgotten, None),
        (runtime.Runtime, "uploaded_file_mgr", lambda: hooks.tab_mark().address, ""),
        (runtime.Runtime, "uploaded_file_mgr", lambda: hooks.forget_uploads(["1"]), None),
        (runtime.Runtime, "uploaded_file_mgr", hooks.uploads_kept, 0),
        (runtime.Runtime, "uploaded_file_mgr", hooks.leave_uploads, None),
        (
            memory_uploaded_file_manager,
            "MemoryUploadedFileManager",
            hooks.note_uploads.__wrapped__,
            None,
        ),
        (MediaFileManager, "clear_session_refs", hooks.hold_media.__wrapped__, None),
        (runtime.Runtime, "media_file_mgr", hooks.forget_media, None),
        (
            starlette_websocket,
            "StarletteSessionClient",
            hooks.close_what_is_behind.__wrapped__,
            None,
        ),
        (WStates, "widget_metadata", hooks.forget_old_widgets, None),
        (MultiPartParser, "spool_max_size", hooks.keep_uploads_in_memory, None),
        (net_util, "get_external_ip", hooks.ask_nobody_outside, None),
        (SafeSessionState, "on_script_will_rerun", hooks.lose_no_press, None),
        (
            script_runner.ScriptRunner,
            "_maybe_handle_execution_control_request",
            hooks.lose_no_press,
            None,
        ),
        (PagesManager, "uses_pages_directory", hooks.leave_folder_mode, False),
        (runtime.Runtime, "media_file_mgr", lambda: hooks.keep_media(b"", "", ""), None),
        (runtime.Runtime, "media_file_mgr", lambda: hooks.media("/media/x"), None),
        (runtime.Runtime, "is_active_session", asked_whether_open, True),
        (runtime.scriptrunner, "get_script_run_ctx", asked_whether_open, True),
        (runtime, "Runtime", lambda: hooks.media("/media/x"), None),
        (PagesManager, "uses_pages_directory", hooks.run_through_navigation, None),
        (starlette_websocket, "_get_signed_cookie_with_chunks", hooks.sign_in_parts, None),
        (user_info, "generate_login_redirect_url", hooks.sign_in_parts, None),
        (app_session.AppSession, "_handle_clear_cache_request", hooks.empty_no_cache, None),
    ],
)
def test_without_a_part_the_log_says_so_once(monkeypatch, caplog, owner, part, use, expected):
    monkeypatch.delattr(owner, part)
    assert use() == expected
    assert use() == expected
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert part in caplog.text
    assert streamlit.__version__ in caplog.text
    assert hooks.VERSION in caplog.text
    if owner is script_runner:
        assert not hasattr(script_runner, part)


def test_no_browser_empties_what_all_tabs_share(monkeypatch):
    handled = "_handle_clear_cache_request"
    monkeypatch.setattr(app_session.AppSession, handled, app_session.AppSession.__dict__[handled])
    shared = st.cache_resource(lambda: [0])
    kept = shared()
    hooks.empty_no_cache()
    asked = BackMsg(clear_cache=True)
    tab = Mock()
    tab._handle_clear_cache_request = partial(app_session.AppSession.__dict__[handled], tab)
    app_session.AppSession.handle_backmsg(tab, asked)
    assert shared() is kept
    tab._session_state.clear.assert_not_called()


class TestTheEnd:
    """A server under load ends soon after it was told to."""

    APP = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
import streamlit as st
from cxr.web.streamlit_hooks import end_in_time
end_in_time({seconds})
def work():
    open({begun!r}, "w").close()
    time.sleep(40)
ThreadPoolExecutor(1).submit(work)
st.write("done")
"""

    def test_comes_in_time_whatever_is_under_way(self, tmp_path):
        app, begun = tmp_path / "app.py", tmp_path / "begun"
        app.write_text(self.APP.format(seconds=1.0, begun=str(begun)))
        port = free_port()
        words = ["streamlit", "run", str(app), "--server.headless", "true"]
        server = subprocess.Popen(
            [sys.executable, "-m", *words, "--server.port", str(port)],
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with opened(f"ws://127.0.0.1:{port}/_stcore/stream") as tab:
                begin = BackMsg()
                begin.rerun_script.is_auto_rerun = False
                tab.send(begin.SerializeToString())
                wait_for(begun.exists)
                server.terminate()
                assert server.wait(30) is not None, "what is under way takes 40 s"
        finally:
            server.kill()
            server.wait()

    def test_is_left_alone_where_no_server_runs(self, monkeypatch):
        started = []
        monkeypatch.setattr(hooks.threading, "Thread", started.append)
        hooks.end_in_time.cache_clear()
        hooks.end_in_time()
        assert started == []


def wait_for(condition, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def opened(address: str) -> ClientConnection:
    """Open a tab as soon as the server is there."""
    until = time.monotonic() + 60
    while True:
        try:
            return connect(address, subprotocols=[Subprotocol("streamlit")])
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
