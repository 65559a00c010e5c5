"""Every private part of Streamlit, and of the server below it, that the pages use.

Streamlit may change these from one minor version to the next. Where a part is missing, the log
says so once and the pages continue with what Streamlit does by itself. The tests fail on every
other minor version than `VERSION`, so that somebody reads the parts again and raises it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

import streamlit

__all__ = [
    "VERSION",
    "ask_nobody_outside",
    "close_what_is_behind",
    "empty_no_cache",
    "end_in_time",
    "forget_media",
    "forget_old_widgets",
    "forget_session",
    "forget_uploads",
    "hold_media",
    "host_allowed",
    "keep_keras_session",
    "keep_media",
    "keep_uploads_in_memory",
    "kept_secrets",
    "leave_folder_mode",
    "leave_uploads",
    "lose_no_press",
    "media",
    "most_uploaded",
    "note_uploads",
    "run_through_navigation",
    "session_id",
    "session_is_open",
    "sign_in_parts",
    "tab_mark",
    "tell_media",
    "uploads_kept",
    "went_back",
]

#: The minor version of Streamlit that the parts were read in.
VERSION = "1.67"
#: Seconds between two looks whether the server is told to end.
BEAT = 0.5
MEDIA = "Runtime.media_file_mgr"
#: Seconds after which a click on what a page no longer shows does not come any more.
LATE = 30.0
GONE = "widgets_gone"
#: What marks a tab, among its uploads.
TAB_FILE = "cxr-tab"
#: Of a websocket that is closed: try again later.
TRY_AGAIN = 1013
#: Runs of a tab after which a place on its page is taken to be there no more.
RUNS = 5

_log = logging.getLogger(__name__)


def keep_uploads_in_memory() -> None:
    """Keep the web server from writing large uploads to a temporary file.

    Starlette's parser of forms holds a part of up to 1 MB in memory and moves a larger one to a
    file in the temporary folder, without a name but on the disk. Without a limit it stays in
    memory; how much may come is the matter of Streamlit's ``server.maxUploadSize``. To be called
    before anything else, since a browser may upload as soon as the server answers it.
    """
    if module := _part("starlette.formparsers", "MultiPartParser.spool_max_size"):
        module.MultiPartParser.spool_max_size = 0  # what SpooledTemporaryFile takes for no limit


def ask_nobody_outside() -> None:
    """Keep Streamlit from asking a server on the internet for this machine's address there.

    It does so of each websocket that a page of another name opens, which all others wait for up to
    two seconds. At its start it does not, since ``browser.serverAddress`` is set. Without this part
    it does so.
    """
    if module := _part("streamlit.net_util", "get_external_ip"):
        module.get_external_ip = lambda: None


def keep_keras_session() -> None:
    """Keep Streamlit from clearing Keras's session after each run of a page.

    It does so for all threads at once: compiled kernels go, and a network that is being built or
    scored in the background starts anew each time. Ours are kept, and bounded. Without this part
    everything works, slower.
    """
    if runner := _part("streamlit.runtime.scriptrunner.script_runner", "_clean_problem_modules"):
        runner._clean_problem_modules = _leave_keras_alone


def _leave_keras_alone() -> None:
    """Replace what Streamlit does after each run."""


def empty_no_cache() -> None:
    """Have no browser empty what all tabs share: models, tables, the tabs that may come back.

    Any browser may send what Streamlit's menu sends for that. Without this part it does so.
    """
    module = _part("streamlit.runtime.app_session", "AppSession._handle_clear_cache_request")
    if module:
        module.AppSession._handle_clear_cache_request = _leave_caches_alone


def _leave_caches_alone(session: Any) -> None:
    """Replace what Streamlit does where a browser asks for empty caches."""


def leave_folder_mode() -> bool:
    """Have Streamlit run ``streamlit_app.py`` whatever the address; say whether that is news.

    Until `st.navigation` was called once in a server's life, Streamlit takes a folder named
    ``pages`` for a menu of its own and runs an address like ``/training`` alone. Without this part
    the first page of a server's life is shown without the menu.

    Returns
    -------
    bool
        Whether the page was run alone, and has to be run again.
    """
    module = _part("streamlit.runtime.pages_manager", "PagesManager.uses_pages_directory")
    if module is None or not module.PagesManager.uses_pages_directory:
        return False
    module.PagesManager.uses_pages_directory = False
    return True


def run_through_navigation() -> None:
    """Have no page run but through ``streamlit_app.py``, from the first request on.

    So nobody reaches a page by its address that the navigation would not give them. Without this
    part `leave_folder_mode` is what there is.
    """
    if module := _part("streamlit.runtime.pages_manager", "PagesManager.uses_pages_directory"):
        module.PagesManager.uses_pages_directory = False


@dataclass
class _Place:
    """A place on a tab's page: the media file that it shows, the one before, runs since then."""

    now: str
    before: str = ""
    runs: int = 0

    @property
    def files(self) -> list[str]:
        return list(filter(None, (self.now, self.before)))


#: By tab and place; as Streamlit's own store, with whose lock it is read and written.
_held: dict[str, dict[str, _Place]] = {}
HELD = "cxr_held"


@cache
def hold_media() -> None:
    """Have what `keep_media` took stay as long as a page shows it, and until the next but one.

    Streamlit lets go of a tab's media when a run of it begins, and drops them when a run of any tab
    ends: in a server with many readers a film is gone while its page is only drawn anew. And a
    browser that is behind asks for a film when the next one is on its way. Without this part it is
    told that there is none, and asks again.
    """
    module = _part("streamlit.runtime.media_file_manager", "MediaFileManager.clear_session_refs")
    own = _part("streamlit.runtime.media_file_manager", "_get_session_id")
    if module is None or own is None:
        return
    clear = module.MediaFileManager.clear_session_refs

    @wraps(clear)
    def cleared(self: Any, session_id: str | None = None) -> None:
        if session_id is not None:
            with self._lock:
                _held.pop(session_id, None)
            clear(self, session_id)
            return
        tab = own._get_session_id()
        with self._lock:
            places = _held.get(tab, {})
            for name, place in list(places.items()):
                place.runs += 1
                if place.runs > RUNS:
                    del places[name]
            self._files_by_session_and_coord.pop(tab, None)
            _tell_held(self, tab)

    module.MediaFileManager.clear_session_refs = cleared


def _tell_held(store: Any, tab: str) -> None:
    """Have the store know what is held for a tab; its lock is held."""
    files = store._files_by_session_and_coord
    others = {place: file for place, file in files.get(tab, {}).items() if HELD not in place}
    held = {
        f"{HELD}.{name}.{i}": file
        for name, place in _held.get(tab, {}).items()
        for i, file in enumerate(place.files)
    }
    if others or held:
        files[tab] = others | held


def _hold(store: Any, place: str, file: str) -> None:
    own = _part("streamlit.runtime.media_file_manager", "_get_session_id")
    if own is None or not hasattr(store, "_files_by_session_and_coord"):
        return
    tab = own._get_session_id()
    with store._lock:
        held = _held.setdefault(tab, {}).setdefault(place, _Place(file))
        if held.now != file:
            held.now, held.before = file, held.now
        held.runs = 0
        _tell_held(store, tab)


def forget_media() -> None:
    """Let go of what `keep_media` took of this run's tab, as when its films are gone."""
    store = _store()
    own = _part("streamlit.runtime.media_file_manager", "_get_session_id")
    if store is not None and own is not None:
        store.clear_session_refs(own._get_session_id())


def lose_no_press() -> None:
    """Have Streamlit do what a press asks for before it looks for the next one.

    A run that begins with a press gives way to a newer request at each of Streamlit's calls, those
    in the press's own callback among them, and the newer one does not tell of the press, which is
    lost then, or half done. With ``runner.fastReruns`` another run of the same tab may still undo
    it. Without this part a press is lost now and then.
    """
    name = "SafeSessionState.on_script_will_rerun"
    states = _part("streamlit.runtime.state.safe_session_state", name)
    name = "ScriptRunner._maybe_handle_execution_control_request"
    runner = _part("streamlit.runtime.scriptrunner.script_runner", name)
    if states is None or runner is None:
        return
    state, script = states.SafeSessionState, runner.ScriptRunner
    take, give_way = state.on_script_will_rerun, script._maybe_handle_execution_control_request
    if hasattr(take, "__wrapped__"):
        return
    here = threading.local()

    @wraps(take)
    def take_at_once(*said: Any, **named: Any) -> None:
        here.takes = True
        try:
            take(*said, **named)
        finally:
            here.takes = False

    @wraps(give_way)
    def give_way_later(self: Any) -> None:
        if not getattr(here, "takes", False):
            give_way(self)

    state.on_script_will_rerun = take_at_once
    script._maybe_handle_execution_control_request = give_way_later


def keep_media(data: bytes, place: str, name: str) -> str | None:
    """Put bytes where the browser can fetch them: see `hold_media` for how long.

    Parameters
    ----------
    data : bytes
        The bytes.
    place : str
        Where on the page they are shown; unique within it.
    name : str
        Tells large files apart, of which Streamlit compares the ends and the middle alone; it is
        told to nobody.

    Returns
    -------
    str or None
        The address, below that of the dashboard; None if this Streamlit has no such store.
    """
    store = _store()
    if store is None:
        return None
    address: str = store.add(data, "application/octet-stream", place, file_name=name)
    _hold(store, place, _name(address))
    return address


def media(address: str) -> bytes | None:
    """Return what lies under an address that `keep_media` gave, as long as it is there."""
    store = _store()
    if store is None or not store.can_read_files:
        return None
    file = store.read_file(address.rsplit("/", 1)[-1])
    return None if file is None else file.content


def _store() -> Any:
    module = _part("streamlit.runtime", MEDIA)
    return None if module is None else module.get_instance().media_file_mgr


def went_back() -> bool:
    """Whether this run was asked for by the browser's back or forward."""
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    context = contexts.get_script_run_ctx() if contexts else None
    return bool(getattr(context, "is_history_navigation", False))


class Mark(NamedTuple):
    """What a browser tab removes from the server when it is closed.

    Attributes
    ----------
    address : str
        What the browser sends DELETE to, below the address of the dashboard; "" if this Streamlit
        has nothing of the kind.
    put : callable
        Puts it there, again where it was removed.
    is_removed : callable
        Returns whether the browser removed it; may be called from any thread.
    """

    address: str
    put: Callable[[], None]
    is_removed: Callable[[], bool]


def tab_mark() -> Mark:
    """Return this run's tab's mark: an empty file among the tab's uploads.

    A connection that ends does not tell a closed tab from a laptop that sleeps; a request does, and
    Streamlit takes this one from the tab alone.
    """
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    module = _part("streamlit.runtime", "Runtime.uploaded_file_mgr")
    files = _part("streamlit.runtime.uploaded_file_manager", "UploadedFileRec")
    has_parts = None not in (contexts, module, files)
    context = contexts.get_script_run_ctx() if has_parts and module.exists() else None
    if context is None:
        return Mark("", lambda: None, lambda: False)
    session, store = context.session_id, module.get_instance().uploaded_file_mgr
    file = files.UploadedFileRec(TAB_FILE, "", "", b"")

    def is_removed() -> bool:
        return not store.get_files(session, [file.file_id])

    address = f"/_stcore/upload_file/{session}/{file.file_id}"
    return Mark(address, lambda: store.add_file(session, file), is_removed)


def host_allowed() -> Callable[[str | None], bool]:
    """Return what tells whether a Host header is among ``server.allowedHosts``.

    Streamlit asks it of websockets alone. Without this part no request is answered.
    """
    module = _part("streamlit.web.server.starlette.starlette_websocket", "is_host_allowed")
    if module is None:
        return lambda host: False
    allowed: Callable[[str | None], bool] = module.is_host_allowed
    return allowed


def kept_secrets() -> dict[str, Any]:
    """Return what the files of secrets hold; nothing where there is no such file.

    Raises
    ------
    Exception
        Whatever Streamlit raises of a file that it cannot read.
    """
    if not any(Path(file).exists() for file in streamlit.get_option("secrets.files")):
        return {}
    loaded: dict[str, Any] = streamlit.secrets.to_dict()
    return loaded


class SignInParts(NamedTuple):
    """What the sign-in of Streamlit is made of.

    Attributes
    ----------
    identity : callable
        Returns what ``st.login`` wrote into a browser's cookies, if this server signed it.
    cookies : callable
        Reads a Cookie header as the server does.
    login : callable
        Returns the address that sends a browser to the identity provider.
    signed : callable
        Signs what `identity` returns.
    ended_with : callable
        Returns, signed, what the provider is told of a sign-out with, of the cookies that
        ``st.login`` wrote: the ID token, without the access token, which nothing here asks for.
        None where there is none.
    leads_to : callable
        Returns the message that has the browser of a websocket open an address.
    is_use : callable
        Whether a message of a websocket is a person's doing; not a beat, nor a page that draws
        itself anew.
    """

    identity: Callable[[Mapping[str, str]], bytes | None]
    cookies: Callable[[str], Mapping[str, str]]
    login: Callable[[], str]
    signed: Callable[[bytes], bytes]
    ended_with: Callable[[Mapping[str, str]], bytes | None]
    leads_to: Callable[[str], bytes]
    is_use: Callable[[bytes], bool]


def sign_in_parts() -> SignInParts | None:
    """Return what a sign-in wants of Streamlit; None, and a word in the log, if any is missing."""
    sockets = _part(
        "streamlit.web.server.starlette.starlette_websocket", "_get_signed_cookie_with_chunks"
    )
    routes = _part(
        "streamlit.web.server.starlette.starlette_auth_routes", "_create_signed_value_wrapper"
    )
    names = _part("streamlit.web.server.starlette.starlette_server_config", "TOKENS_COOKIE_NAME")
    requests = _part("starlette.requests", "cookie_parser")
    users = _part("streamlit.user_info", "generate_login_redirect_url")
    forward = _part("streamlit.proto.ForwardMsg_pb2", "ForwardMsg.AUTH_REDIRECT_FIELD_NUMBER")
    back = _part("streamlit.proto.BackMsg_pb2", "BackMsg.RERUN_SCRIPT_FIELD_NUMBER")
    faults = _part("google.protobuf.message", "DecodeError")
    if None in (sockets, routes, names, requests, users, forward, back, faults):
        return None

    def identity(cookies: Mapping[str, str]) -> bytes | None:
        said: bytes | None = sockets._get_signed_cookie_with_chunks(cookies, names.USER_COOKIE_NAME)
        return said

    def signed(said: bytes) -> bytes:
        value: bytes = routes._create_signed_value_wrapper(names.USER_COOKIE_NAME, said.decode())
        return value

    def ended_with(cookies: Mapping[str, str]) -> bytes | None:
        said = sockets._get_signed_cookie_with_chunks(cookies, names.TOKENS_COOKIE_NAME)
        token = json.loads(said).get("id_token") if said else None
        if not token:
            return None
        kept = json.dumps({"id_token": token})
        value: bytes = routes._create_signed_value_wrapper(names.TOKENS_COOKIE_NAME, kept)
        return value

    def leads_to(address: str) -> bytes:
        message = forward.ForwardMsg()
        message.auth_redirect.url = address
        told: bytes = message.SerializeToString()
        return told

    def is_use(data: bytes) -> bool:
        try:
            message = back.BackMsg.FromString(data)
        except faults.DecodeError:
            return False
        asked = message.WhichOneof("type") == "rerun_script"
        return asked and not message.rerun_script.is_auto_rerun

    return SignInParts(
        identity,
        requests.cookie_parser,
        lambda: users.generate_login_redirect_url("default"),
        signed,
        ended_with,
        leads_to,
        is_use,
    )


def session_id() -> str:
    """Return what tells this run's browser tab from all others; empty where no server runs."""
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    context = contexts.get_script_run_ctx() if contexts else None
    return str(context.session_id) if context else ""


@cache
def tell_media(tell: Callable[[str, str], None]) -> None:
    """Have each media file told with the browser tab that it is shown in, from now on.

    Without this part no tab is known to show a file, and nobody is given one.

    Parameters
    ----------
    tell : callable
        Called with the file's name in its address, without its ending, and the tab's `session_id`.
    """
    module = _part("streamlit.runtime.media_file_manager", "MediaFileManager.add")
    handlers = _part("streamlit.runtime.backend_operation_handler", "DeferredFileHandler.handle")
    if module is not None:
        add = module.MediaFileManager.add

        @wraps(add)
        def added(self: Any, *arguments: Any, **named: Any) -> str:
            address: str = add(self, *arguments, **named)
            tell(_name(address), session_id())
            return address

        module.MediaFileManager.add = added
    if handlers is not None:
        handle = handlers.DeferredFileHandler.handle

        @wraps(handle)
        async def handled(self: Any, request: Any, session_id: str) -> Any:
            response = await handle(self, request, session_id)
            tell(_name(response.deferred_file.url), session_id)
            return response

        handlers.DeferredFileHandler.handle = handled


def _name(address: str) -> str:
    return address.rsplit("/", 1)[-1].partition(".")[0]


def session_is_open() -> Callable[[], bool]:
    """Return what tells, from any thread, whether this run's browser tab is still open.

    Always true where no server runs, and where this Streamlit cannot tell.
    """
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    module = _part("streamlit.runtime", "Runtime.is_active_session")
    if contexts is None or module is None:
        return lambda: True
    context = contexts.get_script_run_ctx()
    session = context.session_id if context else ""

    def is_open() -> bool:
        try:
            return bool(module.get_instance().is_active_session(session))
        except RuntimeError:  # no server: a script that is run by itself has no tabs
            return True

    return is_open


def forget_session() -> Callable[[], None]:
    """Return what frees, from any thread, the media and the uploads of this run's browser tab.

    Streamlit does so when it shuts a session down, and forgets to where the time ran out in which
    a closed tab may come back. Nothing is freed where this Streamlit cannot.
    """
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    module = _part("streamlit.runtime", "Runtime.uploaded_file_mgr")
    if contexts is None or module is None or _part("streamlit.runtime", MEDIA) is None:
        return lambda: None
    context = contexts.get_script_run_ctx()
    session = context.session_id if context else ""

    def forget() -> None:
        if not module.exists():
            return
        server = module.get_instance()
        server.uploaded_file_mgr.remove_session_files(session)
        server.media_file_mgr.clear_session_refs(session)
        server.media_file_mgr.remove_orphaned_files()

    return forget


def forget_uploads(file_ids: Iterable[str]) -> None:
    """Let go of uploads of this run's tab that were taken out of their uploader.

    Streamlit keeps what was uploaded until the browser deletes it, which it does for none whose
    uploader is gone, or the tab ends. Without this part it stays so long.

    Parameters
    ----------
    file_ids : iterable of str
        As the uploader tells them.
    """
    module = _part("streamlit.runtime", "Runtime.uploaded_file_mgr")
    if module is None or not module.exists():
        return
    store, session = module.get_instance().uploaded_file_mgr, session_id()
    for file_id in file_ids:
        store.remove_file(session_id=session, file_id=file_id)
        with _uploads:
            _asked.get(session, set()).discard(file_id)


#: By tab: the uploads that its page has asked an address for, and those whose uploader went before
#: they had come.
_asked: dict[str, set[str]] = {}
_left: dict[str, set[str]] = {}
_uploads = threading.RLock()


@cache
def note_uploads() -> None:
    """Have Streamlit's store keep none of the uploads that end after `leave_uploads`.

    A browser goes on with what it has begun to upload when the uploader is gone. Before it begins
    it asks for an address for each file, so that each is known. Without this part they stay until
    the tab ends.
    """
    name = "streamlit.runtime.memory_uploaded_file_manager"
    module = _part(name, "MemoryUploadedFileManager.get_upload_urls")
    if module is None:
        return
    stores = module.MemoryUploadedFileManager
    ask, add, end = stores.get_upload_urls, stores.add_file, stores.remove_session_files

    @wraps(ask)
    def asked(self: Any, session_id: str, file_names: Any) -> Any:
        places = ask(self, session_id, file_names)
        with _uploads:
            _asked.setdefault(session_id, set()).update(place.file_id for place in places)
        return places

    @wraps(add)
    def added(self: Any, session_id: str, file: Any) -> None:
        with _uploads:
            left = _left.get(session_id, set())
            if file.file_id in left:
                left.discard(file.file_id)
            else:
                add(self, session_id, file)

    @wraps(end)
    def ended(self: Any, session_id: str) -> None:
        with _uploads:
            _asked.pop(session_id, None)
            _left.pop(session_id, None)
        end(self, session_id)

    stores.get_upload_urls, stores.add_file, stores.remove_session_files = asked, added, ended


def leave_uploads(but: Iterable[str] = ()) -> None:
    """Let go of this run's tab's uploads, of those on their way too, but for the tab's mark.

    For when their uploaders go: nobody would take them. Without this part they stay until the tab
    ends.

    Parameters
    ----------
    but : iterable of str
        Uploads that stay, as those that stand in an uploader that stays.
    """
    module = _part("streamlit.runtime", "Runtime.uploaded_file_mgr")
    if module is None or not module.exists():
        return
    store, session, stay = module.get_instance().uploaded_file_mgr, session_id(), {TAB_FILE, *but}
    with _uploads:
        kept = _kept(store, session).keys()
        asked = _asked.pop(session, set())
        if on_their_way := asked - kept - stay:
            _left.setdefault(session, set()).update(on_their_way)
        if asked & stay:
            _asked[session] = asked & stay
        for file_id in kept - stay:
            store.remove_file(session_id=session, file_id=file_id)


def uploads_kept(session: str | None = None) -> int:
    """Return the bytes of the uploads that Streamlit keeps; 0 without this part.

    Parameters
    ----------
    session : str, optional
        Whose; without it those of all tabs.
    """
    module = _part("streamlit.runtime", "Runtime.uploaded_file_mgr")
    if module is None or not module.exists():
        return 0
    store = module.get_instance().uploaded_file_mgr
    if session is None:
        kept = store.get_stats()
        return sum(stat.byte_length for stats in kept.values() for stat in stats)
    return sum(_kept(store, session).values())


def _kept(store: Any, session: str) -> dict[str, int]:
    """Return the bytes of each upload of a tab; of none where the store does not tell."""
    if not (hasattr(store, "file_storage") and hasattr(store, "_lock")):
        _tell_missing(f"{type(store).__name__}.file_storage")
        return {}
    with store._lock:
        return {name: len(file.data) for name, file in store.file_storage.get(session, {}).items()}


def most_uploaded() -> int:
    """Return the bytes above which Streamlit refuses an upload by what it says of its length."""
    return int(streamlit.get_option("server.maxUploadSize")) * 1024 * 1024


@cache
def close_what_is_behind() -> None:
    """Close the connection to a tab that does not take what it is told, so that it connects anew.

    Streamlit gives a tab up that is hundreds of messages behind, says nothing and keeps its
    connection: the tab hears nothing more until it is loaded anew. A browser whose connection is
    closed connects again, and has its session back. Without this part it is as with Streamlit.
    """
    module = _part(
        "streamlit.web.server.starlette.starlette_websocket",
        "StarletteSessionClient.write_forward_msg",
    )
    manager = _part("streamlit.runtime.session_manager", "SessionClientDisconnectedError")
    if module is None or manager is None:
        return
    write = module.StarletteSessionClient.write_forward_msg
    closing: set[asyncio.Task[None]] = set()

    @wraps(write)
    def written(self: Any, message: Any) -> None:
        was_open = not self._closed.is_set()
        try:
            write(self, message)
        except manager.SessionClientDisconnectedError:
            if was_open:
                task = asyncio.ensure_future(self._websocket.close(TRY_AGAIN))
                closing.add(task)
                task.add_done_callback(closing.discard)
                # Its browser may have gone in the same moment.
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    module.StarletteSessionClient.write_forward_msg = written


def forget_old_widgets() -> None:
    """Let go of what Streamlit keeps of widgets that this run's tab shows no more.

    It drops their values, and for as long as the tab is there it keeps how each was made: with
    whatever its callbacks and its words refer to, lists of films that were cleared among it. What
    is gone for no longer than `LATE` stays, since a click on it may be on its way. Without this
    part it stays so long.
    """
    contexts = _part("streamlit.runtime.scriptrunner", "get_script_run_ctx")
    states = _part("streamlit.runtime.state.session_state", "WStates.widget_metadata")
    safe = _part("streamlit.runtime.state.safe_session_state", "SafeSessionState")
    context = contexts.get_script_run_ctx() if contexts and states and safe else None
    if context is None or not isinstance(context.session_state, safe.SafeSessionState):
        return
    now, since = time.monotonic(), streamlit.session_state.get(GONE, {})
    with context.session_state._lock:
        state = context.session_state._state
        made = state._new_widget_state.widget_metadata
        shown = state._new_widget_state.states.keys() | state._old_state.keys()
        gone = {widget: since.get(widget, now) for widget in made.keys() - shown}
        for widget in [widget for widget, then in gone.items() if now - then > LATE]:
            del made[widget], gone[widget]
    streamlit.session_state[GONE] = gone


@cache
def end_in_time(seconds: float = 6.0) -> None:
    """Have the process end so many seconds after the server was told to, whatever is under way.

    Its status is 1 then, and else 0. Streamlit waits for nobody, but Python waits for films that a
    pool of threads still has to read, and for a network that is in the midst of a batch. The clock
    is one of C, which needs nothing of what may be stuck. Without this part the server ends when
    the work is done.
    """
    module = _part("streamlit.runtime", "Runtime.state")
    states = _part("streamlit.runtime.runtime", "RuntimeState.STOPPING")
    if module is None or states is None or not module.exists():
        return
    server, ends = (
        module.get_instance(),
        (states.RuntimeState.STOPPING, states.RuntimeState.STOPPED),
    )

    def watch() -> None:
        while server.state not in ends:
            time.sleep(BEAT)
        # Where the threads were would say which films were read: to nowhere.
        faulthandler.dump_traceback_later(seconds, exit=True, file=_nowhere())

    threading.Thread(target=watch, daemon=True).start()


@cache
def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w")  # open as long as the process is


def _part(module: str, name: str) -> Any:
    """Return the module that has a part; None, and a word in the log, where it has none."""
    try:
        loaded = import_module(module)
        attrgetter(name)(loaded)
    except (ImportError, AttributeError):
        _tell_missing(f"{module}.{name}")
        return None
    return loaded


@cache
def _tell_missing(part: str) -> None:
    _log.warning(
        "Streamlit %s has no %s, which these pages were written for with Streamlit %s. "
        "They go on without it.",
        streamlit.__version__,
        part,
        VERSION,
    )
