"""A dashboard of its own process where people sign in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from cxr.access.settings import AUTH, SIGN_IN
from tests.conftest import ROOT
from tests.openid_provider import CLIENT, SECRET, Provider
from tests.ports import free_port

PEOPLE = {
    "reader": {"sub": "r-1", "name": "Rosa Reader", "groups": ["xray", "canteen"]},
    "reviewer": {"sub": "v-1", "name": "Vera Reviewer", "groups": ["physics"]},
    "administrator": {"sub": "a-1", "name": "Ada Admin", "groups": ["pacs", "xray"]},
    "outsider": {"sub": "o-1", "name": "Otto Outside", "groups": ["canteen"]},
}


def variables(made: Provider, **changes: str) -> dict[str, str]:
    """The settings of a sign-in, as variables of the environment."""
    values = {
        "server_metadata_url": f"{made.issuer}/.well-known/openid-configuration",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": made.redirect_uri,
        "cookie_secret": "c" * 40,
        "readers": "xray, radiology",
        "reviewers": "physics",
        "administrators": "pacs",
        "pseudonym_key": "k" * 40,
    }
    names = AUTH | SIGN_IN
    return {names[name]: value for name, value in (values | changes).items()}


@contextmanager
def served(made: Provider, folder: Path, **changes: str) -> Iterator[str]:
    """Run the dashboard with a sign-in; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    made.redirect_uri = f"{address}/oauth2callback"
    env = {**os.environ, **variables(made, **changes), "TF_CPP_MIN_LOG_LEVEL": "3"}
    env["CXR_READINGS_URL"] = f"sqlite:///{folder / 'log.sqlite3'}"
    words = ["streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *words, "--server.port", str(port)],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + 90
            while not answers(address):
                assert time.monotonic() < end
                assert server.poll() is None, (folder / "log.txt").read_text()
                time.sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait(60)
    said = (folder / "log.txt").read_text()
    assert "Traceback" not in said, said[-3000:]
    for person in PEOPLE.values():
        assert person["name"] not in said


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/_stcore/health").status_code == 200
    except httpx.HTTPError:
        return False
