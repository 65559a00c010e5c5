"""Who gets in where people sign in: a real server, a real OpenID provider, and HTTP."""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import (
    create_signed_value,
    decode_signed_value,
)
from websockets import ConnectionClosed, Subprotocol
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from cxr.access import Access, Sessions, read_settings
from cxr.access.settings import AUTH, SIGN_IN
from cxr.monitoring import Readings
from cxr.web import sign_in
from tests.access.test_settings import KEPT
from tests.conftest import ROOT
from tests.openid_provider import Provider, provider
from tests.ports import free_port
from tests.sign_in_server import PEOPLE, answers, served, variables

HTML = {"accept": "text/html"}
MAY = {
    "reader": {"Triage", "Models"},
    "reviewer": {"Triage", "Models", "Dataset", "Training", "Evaluation", "Validation"},
    "administrator": {
        *("Triage", "Models", "Dataset", "Training", "Evaluation", "Validation", "Monitoring"),
    },
}


@pytest.fixture(scope="module")
def made() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture(scope="module")
def address(made: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(made, tmp_path_factory.mktemp("signs_in")) as at:
        yield at


class Visitor(httpx.Client):
    """A browser without a screen: its cookies, pages and websockets."""

    def __init__(self, address: str, made: Provider) -> None:
        super().__init__(base_url=address, headers=HTML, follow_redirects=True, timeout=60)
        self.address, self.made = address, made

    def sign_out(self) -> httpx.Response:
        """As a browser does, which says that a page of the dashboard leads it."""
        return self.get("/auth/logout", headers={"sec-fetch-site": "same-origin"})

    def sign_in(self, who: str) -> httpx.Response:
        self.made.person = PEOPLE[who]
        return self.get("/sign_in")

    @property
    def header(self) -> str:
        """Its cookies, as sent with a request; the names are once there."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies.jar)

    def socket(self, **headers: str) -> ClientConnection:
        token = self.cookies.get("_streamlit_xsrf") or "none"
        at = urlsplit(self.address)
        return connect(
            f"ws://{at.netloc}{at.path}/_stcore/stream",
            origin=Origin(f"http://{at.netloc}"),
            subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
            additional_headers={"Cookie": self.header, **headers},
            max_size=None,
        )


@pytest.fixture
def visitor(address: str, made: Provider) -> Iterator[Visitor]:
    with Visitor(address, made) as client:
        yield client


def shown(connection: ClientConnection, page: str = "", seconds: float = 120) -> list[ForwardMsg]:
    """Have a page drawn, and return all that comes of it."""
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = ""
    connection.send(message.SerializeToString())
    came, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        came.append(ForwardMsg.FromString(connection.recv(timeout=seconds)))
        if came[-1].WhichOneof("type") == "script_finished":
            return came
    raise AssertionError("The page was not drawn in time.")


def navigation(came: list[ForwardMsg]) -> set[str]:
    """The names of the pages in the menu."""
    (told,) = [m.navigation for m in came if m.WhichOneof("type") == "navigation"][-1:]
    return {page.page_name for page in told.app_pages if not page.is_hidden}


def last_word(connection: ClientConnection, most: int = 10_000) -> str | None:
    """Return what the last message of a websocket is about that the server ends, for a policy."""
    came: list[ForwardMsg] = []
    with suppress(ConnectionClosed):
        while True:
            came.append(ForwardMsg.FromString(connection.recv(timeout=30)))
    assert connection.close_code == 1008
    assert 0 < len(came) <= most
    return came[-1].WhichOneof("type")


def words(came: list[ForwardMsg]) -> str:
    return " ".join(str(message) for message in came)


class TestSignedOut:
    PATHS = (
        *("/", "/monitoring", "/validation?film=1", "/media/abc.bin", "/_stcore/metrics"),
        *("/static/js/main.js", "/_stcore/agent/interact", "/_stcore/agent/openapi.json"),
        *("/component/x", "/_stcore/bidi-components/cxr_film/film.js", "//media/abc.bin"),
        *("/_stcore/health/../../media/abc.bin", "/app/static/x", "/_stcore/stream"),
        *("/sign_in/", "/x/_stcore/health", "/media/%2e%2e/abc.bin"),
    )

    @pytest.mark.parametrize("path", PATHS)
    def test_a_page_asks_to_sign_in_and_nothing_else_is_answered(self, visitor, path):
        page = visitor.get(path)
        assert page.status_code in (400, 401, 404)
        assert "/static/" not in page.text
        bare = visitor.get(path, headers={"accept": "*/*"})
        assert bare.status_code in (400, 401, 404)
        assert len(bare.content) < 40

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "OPTIONS", "HEAD", "PATCH"])
    def test_no_upload_is_taken(self, visitor, method):
        for path in ("/_stcore/upload_file/session/file", "/", "/_stcore/agent/mcp"):
            answer = visitor.request(method, path, content=b"film" if method == "PUT" else None)
            assert answer.status_code == 401

    def test_a_websocket_leads_to_the_page_and_ends(self, visitor):
        visitor.get("/")
        with visitor.socket() as connection:
            assert last_word(connection, most=1) == "auth_redirect"

    def test_health_is_told(self, visitor):
        assert visitor.get("/_stcore/health").text == "ok"

    def test_the_page_is_framed_by_nobody_and_kept_by_nobody(self, visitor):
        page = visitor.get("/")
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"


class TestSignIn:
    def test_opens_the_dashboard(self, visitor, made):
        page = visitor.sign_in("reader")
        assert page.status_code == 200
        assert urlsplit(str(page.url)).path == "/"
        assert "/static/" in page.text
        asked = made.asked[-1]
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["nonce"]) >= 16
        assert len(asked["state"]) >= 16

    def test_lasts_no_longer_than_it_may_in_the_browser(self, visitor, made):
        made.person = PEOPLE["reader"]
        visitor.follow_redirects = False
        at = visitor.get("/sign_in")
        while not at.headers["location"].startswith(made.redirect_uri):
            at = visitor.get(at.headers["location"])
        given = visitor.get(at.headers["location"]).headers.get_list("set-cookie")
        cookies = [cookie for cookie in given if cookie.startswith("_streamlit_user")]
        assert len(cookies) == 2
        for cookie in cookies:
            assert "HttpOnly" in cookie
            assert "Max-Age=36000" in cookie
        # Nothing here asks for the access token, so that no browser keeps it.
        name = "_streamlit_user_tokens"
        said = decode_signed_value("c" * 40, name, visitor.cookies[name])
        assert json.loads(said).keys() == {"id_token"}

    def test_a_person_in_many_groups_is_let_in_and_holds_no_name(self, visitor, made):
        groups = ["xray", *(f"{number:040x}" for number in range(400))]
        made.person = {**PEOPLE["reader"], "groups": groups, "sub": secrets.token_hex(200)}
        assert visitor.get("/sign_in").status_code == 200
        visitor.get("/_stcore/health")
        assert len(visitor.header) < 4000
        said = decode_signed_value("c" * 40, "_streamlit_user", visitor.cookies["_streamlit_user"])
        assert "name" not in json.loads(said)
        with visitor.socket() as connection:
            assert navigation(shown(connection)) == MAY["reader"]
        assert visitor.sign_out().status_code == 401

    def test_leads_back_to_what_was_asked_for(self, visitor, made):
        wanted = "/evaluation?model=pneumonia-a&threshold=0.35&finding=a%20b"
        page = visitor.get(wanted)
        (link,) = re.findall('href="(/sign_in[^"]*)"', page.text)
        made.person = PEOPLE["reviewer"]
        back = visitor.get(link.replace("&amp;", "&"))
        assert str(back.url) == f"{visitor.address}{wanted}"
        assert back.status_code == 200
        assert visitor.cookies.get("cxr_wanted") is None

    @pytest.mark.parametrize(
        "wanted",
        [
            *("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"),
            *("/\nx", "evil.example", "/a\r\nSet-Cookie: a=b", "///evil.example", "/" + "a" * 3000),
        ],
    )
    def test_leads_nowhere_else(self, visitor, made, wanted):
        made.person = PEOPLE["reader"]
        page = visitor.get("/sign_in", params={"wanted": wanted})
        assert str(page.url) == f"{visitor.address}/"
        assert "a" not in visitor.cookies

    def test_somebody_outside_the_groups_is_told_so_and_gets_nothing(self, visitor):
        page = visitor.sign_in("outsider")
        assert page.status_code == 403
        assert "/auth/logout" in page.text
        assert PEOPLE["outsider"]["name"] not in page.text
        assert visitor.get("/media/a.bin", headers={"accept": "*/*"}).status_code == 404
        assert visitor.put("/_stcore/upload_file/s/f", content=b"x").status_code == 401
        with visitor.socket() as connection:
            assert last_word(connection, most=1) == "auth_redirect"

    def test_somebody_who_changes_their_mind_is_not_signed_in(self, visitor, made):
        made.person = None
        assert visitor.get("/sign_in").status_code == 403
        assert visitor.get("/").status_code == 401

    @pytest.mark.parametrize("state", ["forged", "", None])
    def test_a_forged_state_is_refused(self, visitor, made, state):
        """A code is somebody's, but this browser never asked for it."""
        with Visitor(visitor.address, made) as other:
            other.follow_redirects = False
            made.person = PEOPLE["administrator"]
            to = other.get(other.get("/sign_in").headers["location"]).headers["location"]
            back = httpx.get(to).headers["location"]
        query = parse_qs(urlsplit(back).query)
        said = {"code": query["code"][0]} | ({} if state is None else {"state": state})
        assert visitor.get("/oauth2callback", params=said).status_code == 403
        # The state of the other browser is as good as a forged one here.
        assert visitor.get(back).status_code == 403
        assert visitor.get("/").status_code == 401

    def test_a_cookie_that_this_server_did_not_give_is_none(self, visitor):
        """Signed with the right secret even: as one from before a restart, or of a thief."""
        claims = (
            '{"iss": "x", "sub": "a-1", "nonce": "n", "groups": ["pacs"], "is_logged_in": true}'
        )
        for secret in ("c" * 40, "d" * 40):
            value = create_signed_value(secret, "_streamlit_user", claims).decode()
            visitor.cookies.set("_streamlit_user", value)
            assert visitor.get("/").status_code == 401

    def test_signing_out_ends_it_here_and_at_the_provider(self, visitor, made):
        visitor.sign_in("reviewer")
        kept = visitor.header
        ended = len(made.ended)
        with visitor.socket() as tab:
            page = visitor.sign_out()
            assert made.ended[ended:] == ["v-1"]
            # A tab that is still open is shown out, whatever it was about to show.
            assert last_word(tab) == "auth_redirect"
        assert page.status_code == 401
        # A copy of the cookies opens nothing any more.
        again = httpx.get(visitor.address, headers={**HTML, "cookie": kept})
        assert again.status_code == 401


@pytest.mark.parametrize("who", sorted(MAY))
def test_each_role_opens_its_pages_and_no_other(visitor, who):
    visitor.sign_in(who)
    visitor.get("/_stcore/health")  # gives the token against requests of elsewhere
    with visitor.socket() as connection:
        came = shown(connection)
        assert navigation(came) == MAY[who]
        assert "triage_model" in words(came)
        came = shown(connection, "monitoring")
        assert navigation(came) == MAY[who]
        opened = "monitoring_model" in words(came)
        assert opened == (who == "administrator")
        assert f"**{who}**" in words(came) or opened
        assert PEOPLE[who]["name"] not in words(came)


def test_a_websocket_of_a_page_of_elsewhere_shows_nothing(visitor):
    """It has the cookies, since those of one machine's ports are shared, and no token."""
    visitor.sign_in("administrator")
    with visitor.socket() as connection:
        came = shown(connection)
    assert "triage_model" not in words(came)
    assert not [m for m in came if m.WhichOneof("type") == "navigation"]


def test_an_idle_session_ends_also_where_a_websocket_is_open(made, tmp_path):
    with served(made, tmp_path, idle_minutes="0.05") as at, Visitor(at, made) as visitor:
        assert visitor.sign_in("reader").status_code == 200
        with visitor.socket() as tab:
            assert last_word(tab) == "auth_redirect"
        page = visitor.get("/")
        assert page.status_code == 401
        assert "signed out" in page.text
        assert visitor.put("/_stcore/upload_file/s/f", content=b"x").status_code == 401
        # Not made good by using it: it is to be signed in anew.
        assert visitor.sign_in("reader").status_code == 200
    events = Readings(f"sqlite:///{tmp_path / 'log.sqlite3'}").sign_ins()["event"].tolist()
    assert events[:3] == ["signed_in", "timed_out", "signed_in"]
    assert events[3:] in (["server_stopped"], ["timed_out"])  # as soon as the test is


def test_what_waits_when_the_server_stops_is_told(made, tmp_path):
    file = tmp_path / "log.sqlite3"
    Readings(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with served(made, tmp_path) as at, Visitor(at, made) as visitor:
            assert visitor.sign_in("reader").status_code == 200
            with visitor.socket() as tab:
                shown(tab)  # so that the server has imported what writes
    said = re.findall("Not in the audit trail: ([a-z_]+) ", (tmp_path / "log.txt").read_text())
    assert said == ["signed_in", "server_stopped"]


class TestStart:
    """What keeps the server from starting; it would else be open to whom it should not be."""

    def started(self, tmp_path: Path, *words: str, **env: str) -> tuple[int | None, str]:
        port = free_port()
        kept = {k: v for k, v in os.environ.items() if k not in env}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *words]
        command += ["--server.headless", "true", "--server.port", str(port)]
        with (tmp_path / "log.txt").open("w+") as log:
            server = subprocess.Popen(
                command, cwd=ROOT, env=kept | env, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                end = time.monotonic() + 60
                while server.poll() is None and time.monotonic() < end:
                    if answers(f"http://127.0.0.1:{port}"):
                        return None, (tmp_path / "log.txt").read_text()
                    time.sleep(0.1)
                assert server.poll() is not None, "neither started nor ended"
                return server.returncode, (tmp_path / "log.txt").read_text()
            finally:
                server.kill()
                server.wait(20)

    def test_open_to_a_network_without_sign_in(self, tmp_path):
        status, said = self.started(tmp_path, "--server.address", "0.0.0.0")
        assert status == 1
        assert "CXR_OPEN_WITHOUT_SIGN_IN" in said
        assert "Traceback" not in said

    def test_but_where_a_proxy_asks(self, tmp_path):
        address = ("--server.address", "0.0.0.0")
        status, said = self.started(tmp_path, *address, CXR_OPEN_WITHOUT_SIGN_IN="1")
        assert status is None
        assert "Nobody is asked to sign in" in said

    def test_a_sign_in_that_is_configured_in_part(self, tmp_path):
        status, said = self.started(tmp_path, CXR_SIGN_IN_CLIENT_ID="cxr")
        assert status == 1
        assert re.search("redirect_uri", said)
        assert "Traceback" not in said

    def test_a_file_of_secrets_that_cannot_be_read(self, tmp_path):
        (tmp_path / "secrets.toml").write_text("[auth\nclient_secret = 'sesame'")
        words = ("--secrets.files", str(tmp_path / "secrets.toml"))
        status, said = self.started(tmp_path, *words)
        assert status == 1
        assert "sesame" not in said


class TestThePagesThemselves:
    """They ask once more, should the layer around the server be missing."""

    def app(self) -> AppTest:
        def page() -> None:
            import streamlit as st

            from cxr.web import signed_in

            st.write(f"inside, {signed_in().role}")

        return AppTest.from_function(page, default_timeout=60)

    @pytest.fixture(autouse=True)
    def _none_configured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cxr.access.server._running", [])
        for name in (AUTH | SIGN_IN).values():
            monkeypatch.delenv(name, raising=False)

    def test_without_sign_in_there_is_one_reader_of_all_roles(self):
        assert self.app().run().markdown[0].value == "inside, administrator"

    @pytest.mark.parametrize("guarded", [False, True])
    def test_a_page_that_is_served_by_itself_shows_nothing(self, monkeypatch, guarded):
        """As with ``streamlit run pages/triage.py``, around which nothing stands."""
        monkeypatch.setattr("cxr.access.server._running", [None] if guarded else [])
        browser = SimpleNamespace(headers={"Host": "localhost"}, cookies={})
        monkeypatch.setattr("streamlit.context", browser)
        app = self.app().run()
        assert bool(app.markdown) is guarded
        assert len(app.error) == (not guarded)

    @pytest.mark.parametrize("changes", [{}, {"client_id": ""}])
    def test_nothing_is_drawn_where_the_layer_is_missing(self, monkeypatch, changes):
        provided = Provider("http://localhost:1", "http://localhost:2/oauth2callback")
        for name, value in variables(provided, **changes).items():
            monkeypatch.setenv(name, value)
        app = self.app().run()
        assert not app.markdown
        assert len(app.error) == 1

    def test_nothing_is_drawn_for_nobody(self, monkeypatch):
        settings = read_settings(KEPT, {})
        assert settings is not None
        sessions = Sessions(idle=10, longest=100)
        monkeypatch.setattr(
            "cxr.access.server._running", [Access(settings, sessions, lambda cookies: None)]
        )
        app = self.app().run()
        assert not app.markdown
        assert len(app.error) == 1

    def test_a_sign_out_frees_what_is_held_and_a_sign_in_that_ran_out_does_not(self, monkeypatch):
        settings = read_settings(KEPT, {})
        assert settings is not None
        clock = {"now": 0.0}
        sessions = Sessions(idle=10, longest=100, now=lambda: clock["now"])
        access = Access(settings, sessions, lambda cookies: cookies["user"].encode())
        monkeypatch.setattr("cxr.access.server._running", [access])
        tellers = {}
        for who in ("leaves", "falls asleep"):
            claims = {"iss": "i", "sub": who, "nonce": who, "groups": ["xray"]}
            said = access.begin({"user": json.dumps(claims)})
            assert said is not None
            held = {"user": said.decode()}
            context = SimpleNamespace(cookies=held)
            monkeypatch.setattr("cxr.web.sign_in.st", SimpleNamespace(context=context))
            tellers[who] = sign_in.signed_out(), access.key(held)
        sessions.end(tellers["leaves"][1])
        assert [tell() for tell, _ in tellers.values()] == [True, False]
        clock["now"] = 11
        assert sessions.live(tellers["falls asleep"][1]) is None
        assert [tell() for tell, _ in tellers.values()] == [True, False]

    def test_the_button_tells_the_server_that_its_reader_leaves(self, monkeypatch):
        settings = read_settings(KEPT, {})
        assert settings is not None
        sessions = Sessions(idle=10, longest=100)
        access = Access(settings, sessions, lambda cookies: cookies["user"].encode())
        monkeypatch.setattr("cxr.access.server._running", [access])
        said = json.dumps({"iss": "i", "sub": "s", "nonce": "n", "groups": ["xray"]})
        held = {"user": (access.begin({"user": said}) or b"").decode()}
        left: list[bool] = []
        page = SimpleNamespace(
            context=SimpleNamespace(cookies=held),
            logout=lambda: left.append(sessions.leaves(access.key(held))),
        )
        monkeypatch.setattr("cxr.web.sign_in.st", page)
        assert not sessions.leaves(access.key(held))
        sign_in._sign_out()
        assert left == [True]

    def test_a_threshold_is_set_by_whom_it_is_for(self, monkeypatch):
        def page() -> None:
            from cxr.web import site_report
            from cxr.web.site_choices import Choices, Chosen

            site_report._file(Chosen(Choices(site=object())))  # type: ignore[arg-type]

        app = AppTest.from_function(page, default_timeout=60).run()
        assert len(app.text_input) == 1
        monkeypatch.setattr("cxr.web.site_report.can", lambda act: False)
        app.run()
        assert not app.text_input
        assert len(app.caption) == 1
