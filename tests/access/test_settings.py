"""The settings of the sign-in: what is wrong or half there keeps the server from starting."""

from __future__ import annotations

import importlib.util

import pytest

from cxr.access import AccessError, Role, check_address, read_settings
from cxr.access.settings import AUTH, SIGN_IN

AUTH_SECTION = {
    "server_metadata_url": "https://idp.example/.well-known/openid-configuration",
    "client_id": "cxr",
    "client_secret": "sesame-sesame",
    "redirect_uri": "https://cxr.example/oauth2callback",
    "cookie_secret": "c" * 40,
}
KEPT = {"auth": AUTH_SECTION, "sign_in": {"readers": ["xray"], "administrators": ["pacs"]}}


def with_changes(section: str, **changes: object) -> dict:
    return {**KEPT, section: {**KEPT[section], **changes}}


def test_nothing_configured_is_no_sign_in():
    assert read_settings({}, {}) is None
    assert read_settings({"other": 1}, {"CXR_PSEUDONYM_KEY": "k" * 40}) is None


def test_the_defaults():
    settings = read_settings(KEPT, {})
    assert settings is not None
    assert settings.claim == "groups"
    assert settings.groups[Role.READER] == {"xray"}
    assert settings.groups[Role.REVIEWER] == frozenset()
    assert (settings.idle, settings.longest) == (1800, 36_000)
    assert settings.is_https
    assert not settings.key_is_lasting
    other = read_settings(KEPT, {})
    assert other is not None
    assert settings.pseudonym_key != other.pseudonym_key


def test_the_environment_goes_before_the_file():
    environ = {
        "CXR_SIGN_IN_CLAIM": "roles",
        "CXR_SIGN_IN_READERS": "a, b ,",
        "CXR_PSEUDONYM_KEY": "k" * 32,
    }
    settings = read_settings(with_changes("sign_in", claim="groups", hours=2), environ)
    assert settings is not None
    assert (settings.claim, settings.longest) == ("roles", 7200)
    assert settings.groups[Role.READER] == {"a", "b"}
    assert settings.key_is_lasting


def test_the_environment_is_enough():
    values = AUTH_SECTION | {"reviewers": "physics"}
    settings = read_settings({}, {(AUTH | SIGN_IN)[name]: v for name, v in values.items()})
    assert settings is not None
    assert settings.auth == AUTH_SECTION


def test_no_secret_is_shown():
    settings = read_settings(with_changes("sign_in", pseudonym_key="hush" * 10), {})
    for secret in ("sesame", "ccc", "hush"):
        assert secret not in repr(settings)


@pytest.mark.parametrize("name", sorted(AUTH))
def test_what_is_missing_is_named(name):
    with pytest.raises(AccessError, match=f"{name} .{AUTH[name]}") as error:
        read_settings(with_changes("auth", **{name: ""}), {})
    assert error.value.code == "sign_in_incomplete"
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize(
    "kept", [{"sign_in": {"readers": ["x"]}}, {"auth": {"google": AUTH_SECTION}}]
)
def test_half_a_sign_in_is_none_that_starts(kept):
    with pytest.raises(AccessError) as error:
        read_settings(kept, {})
    assert error.value.code == "sign_in_incomplete"


@pytest.mark.parametrize("groups", [{}, {"readers": []}, {"readers": " , "}])
def test_somebody_must_be_let_in(groups):
    with pytest.raises(AccessError) as error:
        read_settings({"auth": AUTH_SECTION, "sign_in": groups}, {})
    assert error.value.code == "sign_in_incomplete"


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("auth", "redirect_uri", "http://cxr.example/oauth2callback"),
        ("auth", "redirect_uri", "https://cxr.example/"),
        ("auth", "redirect_uri", "cxr.example/oauth2callback"),
        ("auth", "server_metadata_url", "http://idp.example/.well-known/openid-configuration"),
        ("auth", "server_metadata_url", "ftp://idp.example/x"),
        ("auth", "cookie_secret", "short"),
        ("auth", "cookie_secret", 12345678901234567890123456789012),
        ("sign_in", "pseudonym_key", "short"),
        ("sign_in", "idle_minutes", 0),
        ("sign_in", "idle_minutes", "soon"),
        ("sign_in", "hours", -1),
        ("sign_in", "hours", "nan"),
        ("sign_in", "hours", "inf"),
        ("sign_in", "audit_required", "yes, please"),
        ("sign_in", "audit_required", 2),
        ("sign_in", "claim", " "),
        ("sign_in", "readers", [1]),
        ("sign_in", "readers", {"xray": 1}),
    ],
)
def test_what_makes_no_sense_is_named_and_not_quoted(section, name, value):
    with pytest.raises(AccessError, match=name) as error:
        read_settings(with_changes(section, **{name: value}), {})
    assert error.value.code == "sign_in_setting"
    assert "short" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "meant"), [("1", True), ("true", True), ("0", False), ("False", False), ("", False)]
)
def test_a_trail_is_required_where_it_is_said(said, meant):
    environ = {"CXR_AUDIT_REQUIRED": said}
    settings = read_settings(KEPT, environ)
    assert settings is not None
    assert settings.audit_required is meant
    kept = read_settings(with_changes("sign_in", audit_required=True), {})
    assert kept is not None
    assert kept.audit_required
    # Of whom, where nobody signs in?
    if meant:
        with pytest.raises(AccessError) as error:
            read_settings({}, environ)
        assert error.value.code == "sign_in_incomplete"
    else:
        assert read_settings({}, environ) is None


def test_this_machine_may_do_without_tls():
    here = "http://localhost:8501/oauth2callback"
    settings = read_settings(with_changes("auth", redirect_uri=here), {})
    assert settings is not None
    assert not settings.is_https


def test_without_authlib_nothing_starts(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "authlib" else found(name)
    )
    with pytest.raises(AccessError, match="requirements-signin") as error:
        read_settings(KEPT, {})
    assert error.value.code == "authlib_missing"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "unix://run/cxr"]
)
def test_this_machine_alone_wants_no_sign_in(address):
    assert not check_address(address, None, {})


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.168.1.2", "cxr.example", "127.0.0.1.example"]
)
def test_a_network_wants_one_or_a_word(address):
    for environ in ({}, {"CXR_OPEN_WITHOUT_SIGN_IN": "0"}, {"CXR_OPEN_WITHOUT_SIGN_IN": "yes"}):
        with pytest.raises(AccessError) as error:
            check_address(address, None, environ)
        assert error.value.code == "open_to_network"
    assert check_address(address, None, {"CXR_OPEN_WITHOUT_SIGN_IN": "1"})
    assert not check_address(address, read_settings(KEPT, {}), {})
