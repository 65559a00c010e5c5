"""The sign-in of a server: who its browsers are."""

from __future__ import annotations

import json

import pytest

from cxr.access import Access, Role, Sessions, is_guarded, read_settings, running, start
from tests.access.test_settings import KEPT

CLAIMS = {"iss": "https://idp.example", "sub": "42", "nonce": "n1", "groups": ["xray"]}


def cookies(**changes: object) -> dict[str, str]:
    return {"user": json.dumps(CLAIMS | changes)}


@pytest.fixture
def access() -> Access:
    settings = read_settings(KEPT, {})
    assert settings is not None
    sessions = Sessions(idle=10, longest=100)
    return Access(
        settings, sessions, lambda held: held["user"].encode() if "user" in held else None
    )


def test_nobody_is_signed_in_who_did_not_sign_in_here(access):
    assert access.live({}) is None
    assert access.live(cookies()) is None


def test_somebody_who_signs_in_is_known_by_a_pseudonym_and_a_role(access):
    held = access.begin(cookies(name="Rosa Reader"))
    assert held is not None
    assert json.loads(held) == {name: CLAIMS[name] for name in ("iss", "sub", "nonce")}
    who = access.live({"user": held.decode()})
    assert who is not None
    assert who.role is Role.READER
    assert who.pseudonym == access.pseudonym(CLAIMS)
    for changes in ({"nonce": "n2"}, {"groups": ["pacs"]}, {}):
        assert access.live(cookies(**changes)) is None


def test_somebody_outside_the_groups_has_no_role(access):
    held = access.begin(cookies(groups=["canteen"]))
    assert held is not None
    who = access.live({"user": held.decode()})
    assert who is not None
    assert who.role is None


@pytest.mark.parametrize("changes", [{"sub": None}, {"iss": 3}, {"nonce": None}])
def test_without_a_name_or_a_nonce_it_is_no_sign_in(access, changes):
    assert access.begin(cookies(**changes)) is None
    assert access.live(cookies(**changes)) is None


def test_no_cookie_is_no_sign_in(access):
    assert access.begin({}) is None
    assert access.sessions.live("") is None


def test_pages_find_it(access, monkeypatch):
    monkeypatch.setattr("cxr.access.server._running", [])
    assert running() is None
    assert not is_guarded()
    assert start(access) is access
    assert running() is access
    start(None)
    assert running() is None
    assert is_guarded()
