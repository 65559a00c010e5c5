"""Nothing of an upload is written to disk: what the server writes while a large film arrives."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from tests.conftest import ROOT
from tests.ports import free_port

TRACED = "openat,open,creat,write,writev,pwrite64,pwritev,pwritev2,sendfile,splice,copy_file_range"
#: A call that names the file it writes to, and how many bytes it wrote.
WRITTEN = re.compile(r"(?:write|writev|pwrite64|pwritev2?)\(\d+<(/[^>]*)>.* = (\d+)$")
FILM = np.random.default_rng(1).bytes(12_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A dashboard that has not been looked at yet; gives its port and the trace of its writes."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("wants strace: apt-get install strace")
    port = free_port()
    trace = tmp_path / "trace"
    calls = [strace, "-f", "-y", "-s", "0", "--seccomp-bpf", "-e", f"trace={TRACED}", "-o", trace]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    settings = ["--server.headless", "true", "--server.port", str(port)]
    env = dict(os.environ) | {"TMPDIR": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    log = tmp_path / "log"
    with log.open("w") as file:
        started = subprocess.Popen(
            [*calls, *command, *settings],
            cwd=ROOT,
            env=env,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        for _ in range(180):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield f"127.0.0.1:{port}", trace
    finally:
        os.killpg(started.pid, signal.SIGTERM)  # strace alone would leave the server behind
        started.wait(30)


def upload(address: str, data: bytes) -> None:
    """Open a tab and upload a film as soon as the page's first run has begun."""
    ask, begin = BackMsg(), BackMsg()
    ask.file_urls_request.request_id = "1"
    ask.file_urls_request.file_names.append("film.dcm")
    begin.rerun_script.is_auto_rerun = False
    protocols = [Subprotocol("streamlit")]
    with connect(f"ws://{address}/_stcore/stream", subprotocols=protocols) as tab:
        tab.send(ask.SerializeToString())
        (place,) = answer(tab, "file_urls_response").file_urls_response.file_urls
        tab.send(begin.SerializeToString())
        answer(tab, "new_session")
        time.sleep(0.3)  # `cxr` is being imported, which takes seconds
        put(f"http://{address}{place.upload_url}", data)
        answer(tab, "script_finished")


def answer(tab: ClientConnection, kind: str) -> ForwardMsg:
    """Wait for a message of a kind."""
    while True:
        told = ForwardMsg.FromString(bytes(tab.recv(timeout=90)))
        if told.WhichOneof("type") == kind:
            return told


def put(address: str, data: bytes) -> None:
    health = address.partition("/_stcore")[0] + "/_stcore/health"
    with urllib.request.urlopen(health, timeout=60) as response:
        cookie = response.headers["Set-Cookie"].partition(";")[0]
    form = b'--b\r\nContent-Disposition: form-data; name="f"; filename="film.dcm"\r\n\r\n'
    request = urllib.request.Request(
        address,
        method="PUT",
        data=form + data + b"\r\n--b--\r\n",
        headers={
            "Content-Type": "multipart/form-data; boundary=b",
            "Cookie": cookie,
            "X-Xsrftoken": cookie.partition("=")[2],
        },
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 204


def test_a_film_of_12_mb_reaches_no_file(server):
    address, trace = server
    upload(address, FILM)
    calls = trace.read_text().splitlines()
    assert calls
    assert not [call for call in calls if "O_TMPFILE" in call or "(deleted)" in call]
    written: dict[str, int] = {}
    for call in calls:
        if (found := WRITTEN.search(call)) and not found[1].startswith("/dev/"):
            written[found[1]] = written.get(found[1], 0) + int(found[2])
    assert sum(written.values()) < len(FILM) / 10, written
