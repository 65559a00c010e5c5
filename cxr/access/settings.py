"""The settings of the sign-in, and whether a server may start with them.

They come from Streamlit's secrets, the sections ``[auth]`` and ``[sign_in]``, and from the
environment, which goes before. What is wrong or half there keeps the server from starting: it
never comes up open because of a slip.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import AccessError
from .roles import Role

__all__ = [
    "OPEN",
    "Settings",
    "answers_others",
    "check_address",
    "is_of_this_machine",
    "read_settings",
]

#: Lets a server be reached by others without sign-in.
OPEN = "CXR_OPEN_WITHOUT_SIGN_IN"
#: What the identity provider and Streamlit want, and the variable for each.
AUTH = {
    "server_metadata_url": "CXR_SIGN_IN_METADATA_URL",
    "client_id": "CXR_SIGN_IN_CLIENT_ID",
    "client_secret": "CXR_SIGN_IN_CLIENT_SECRET",
    "redirect_uri": "CXR_SIGN_IN_REDIRECT_URI",
    "cookie_secret": "CXR_SIGN_IN_COOKIE_SECRET",
}
#: What is this project's own.
SIGN_IN = {
    "claim": "CXR_SIGN_IN_CLAIM",
    "readers": "CXR_SIGN_IN_READERS",
    "reviewers": "CXR_SIGN_IN_REVIEWERS",
    "administrators": "CXR_SIGN_IN_ADMINISTRATORS",
    "idle_minutes": "CXR_SIGN_IN_IDLE_MINUTES",
    "hours": "CXR_SIGN_IN_HOURS",
    "pseudonym_key": "CXR_PSEUDONYM_KEY",
    "audit_required": "CXR_AUDIT_REQUIRED",
}
GROUPS = {Role.READER: "readers", Role.REVIEWER: "reviewers", Role.ADMINISTRATOR: "administrators"}
#: Letters of a secret, at least: 128 bits where they are random hexadecimal digits.
SECRET = 32
MINUTE, HOUR = 60, 3600
#: Headers with which proxies tell of whom they pass something on.
PASSED_ON = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip", b"x-client-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How people sign in, and who may.

    Attributes
    ----------
    auth : mapping of str to object
        What Streamlit takes as the section ``[auth]`` of its secrets.
    claim : str
        The claim that holds somebody's groups.
    groups : mapping of Role to frozenset of str
        The groups that give each role.
    idle, longest : float
        Seconds after which a sign-in is over: without use, and in any case.
    pseudonym_key : bytes
        Of the pseudonyms of readers.
    key_is_lasting : bool
        Whether that key was given; one made at the start gives new pseudonyms each time.
    audit_required : bool
        Whether a film is shown only once the audit trail holds that it is.
    """

    auth: Mapping[str, Any] = field(repr=False)
    claim: str
    groups: Mapping[Role, frozenset[str]]
    idle: float
    longest: float
    pseudonym_key: bytes = field(repr=False)
    key_is_lasting: bool
    audit_required: bool = False

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the dashboard through TLS."""
        return urlsplit(str(self.auth["redirect_uri"])).scheme == "https"


def read_settings(kept: Mapping[str, Any], environ: Mapping[str, str]) -> Settings | None:
    """Read the settings; None where no sign-in is configured.

    Parameters
    ----------
    kept : mapping
        Streamlit's secrets.
    environ : mapping of str to str
        The environment.

    Raises
    ------
    AccessError
        If something is missing or makes no sense, or Authlib is not installed.
    """
    auth = _merged(kept.get("auth"), AUTH, environ)
    own = _merged(kept.get("sign_in"), SIGN_IN, environ)
    required = _flag("audit_required", own.pop("audit_required", False))
    # A key for pseudonyms alone asks for no sign-in; a trail does, since it is of who signed in.
    if not auth and not required and not own.keys() - {"pseudonym_key"}:
        return None
    missing = [f"{name} ({AUTH[name]})" for name in AUTH if not auth.get(name)]
    if missing:
        raise AccessError(
            f"The sign-in is configured in part. Missing of [auth]: {', '.join(missing)}.",
            code="sign_in_incomplete",
        )
    _check_addresses(auth)
    _check_secret("cookie_secret", AUTH, auth["cookie_secret"])
    groups = {role: _names(name, own.get(name)) for role, name in GROUPS.items()}
    if not any(groups.values()):
        raise AccessError(
            "The sign-in is configured, but nobody may come in: name groups as readers, reviewers "
            "or administrators in [sign_in].",
            code="sign_in_incomplete",
        )
    if missing := [m for m in ("authlib", "httpx") if importlib.util.find_spec(m) is None]:
        raise AccessError(
            f"The sign-in is configured, but {' and '.join(missing)} is not installed: "
            "pip install -r requirements-signin.txt",
            code="authlib_missing",
        )
    key = own.get("pseudonym_key")
    if key:
        _check_secret("pseudonym_key", SIGN_IN, key)
    return Settings(
        auth=auth,
        claim=_text("claim", own.get("claim", "groups")),
        groups=groups,
        idle=_number("idle_minutes", own.get("idle_minutes", 30)) * MINUTE,
        longest=_number("hours", own.get("hours", 10)) * HOUR,
        pseudonym_key=str(key).encode() if key else secrets.token_bytes(32),
        key_is_lasting=bool(key),
        audit_required=required,
    )


def check_address(
    address: str | None, settings: Settings | None, environ: Mapping[str, str]
) -> bool:
    """Refuse to be reached by others while nobody is asked who they are, unless that is meant.

    Parameters
    ----------
    address : str or None
        Where the server listens; None or "" for everywhere.
    settings : Settings or None
        Of the sign-in.
    environ : mapping of str to str
        The environment.

    Returns
    -------
    bool
        Whether everybody who reaches the server is let in, beyond this machine, as `OPEN` says.

    Raises
    ------
    AccessError
        If the address is not of this machine alone and no sign-in is configured.
    """
    if settings or _is_here(address or ""):
        return False
    if answers_others(settings, environ):
        return True
    raise AccessError(
        "The server would be open to everybody on the network: it listens beyond this machine "
        f"(server.address is {address or 'not set'}), and no sign-in is configured. Configure one, "
        f"see docs/how-to/sign_in.md; or set {OPEN}=1 where a proxy before it asks who comes in.",
        code="open_to_network",
    )


def answers_others(settings: Settings | None, environ: Mapping[str, str]) -> bool:
    """Whether people beyond this machine are answered: they sign in, or `OPEN` lets them in.

    Parameters
    ----------
    settings : Settings or None
        Of the sign-in.
    environ : mapping of str to str
        The environment.
    """
    return settings is not None or environ.get(OPEN, "").strip() == "1"


def is_of_this_machine(scope: Mapping[str, Any]) -> bool:
    """Whether a request or a websocket is of somebody at this machine.

    Where a server listens is what it was told, and not by whom: this asks each connection which
    address it came to. Through a proxy on this machine everybody comes to that address, so that a
    request which says of itself that it was passed on is of elsewhere, and so is one to a name of
    elsewhere.

    Parameters
    ----------
    scope : mapping
        Of ASGI. Its ``server`` is the host and port, or the path of a socket in the file system and
        None; one that says nothing is of elsewhere.
    """
    match scope.get("server"):
        case [str(path), None]:
            reached = path.startswith("/")
        case [str(host), int()]:
            reached = _is_here(host)
        case _:
            reached = False
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    passed_on = any(name.startswith(PASSED_ON) for name, _ in headers)
    names = [value.decode("latin-1") for name, value in headers if name == b"host"]
    return reached and not passed_on and all(map(_names_this_machine, names))


def _names_this_machine(host: str) -> bool:
    """Whether a Host header is one that leads to this machine from itself alone."""
    try:
        return _is_here(urlsplit(f"//{host}").hostname or "")
    except ValueError:  # no address at all
        return False


def _is_here(address: str) -> bool:
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        number = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    # A socket for both kinds of addresses tells one of the old kind as one of the new.
    return (getattr(number, "ipv4_mapped", None) or number).is_loopback


def _merged(
    section: object, names: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, Any]:
    given = dict(section) if isinstance(section, Mapping) else {}
    said = {name: environ[v].strip() for name, v in names.items() if environ.get(v, "").strip()}
    return given | said


def _check_addresses(auth: Mapping[str, Any]) -> None:
    for name in ("redirect_uri", "server_metadata_url"):
        parts = urlsplit(_text(name, auth[name]))
        host = parts.hostname or ""
        if not host or parts.scheme not in ("http", "https"):
            raise _wrong(name, AUTH, "an address that begins with https://")
        # What says who somebody is does not cross a network in the clear.
        if parts.scheme == "http" and not _is_here(host):
            raise _wrong(name, AUTH, "https:// for any machine but this one")
    if not str(auth["redirect_uri"]).endswith("/oauth2callback"):
        raise _wrong("redirect_uri", AUTH, "to end in /oauth2callback")


def _check_secret(name: str, names: Mapping[str, str], value: object) -> None:
    if not isinstance(value, str) or len(value) < SECRET:
        raise _wrong(name, names, f"a random text of at least {SECRET} letters")


def _names(name: str, value: object) -> frozenset[str]:
    """Return names of groups, given as a list or with commas between them."""
    given = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise _wrong(name, SIGN_IN, "a list of names")
    return frozenset(filter(None, (each.strip() for each in given)))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, AUTH | SIGN_IN, "a text")
    return value.strip()


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number < 10_000:
        raise _wrong(name, SIGN_IN, "a number above 0")
    return number


def _flag(name: str, value: object) -> bool:
    said = {"1": True, "true": True, "0": False, "false": False}
    flag = said.get(str(value).lower())
    if flag is None:
        raise _wrong(name, SIGN_IN, "true or false")
    return flag


def _wrong(name: str, names: Mapping[str, str], expected: str) -> AccessError:
    # Not quoted: it may be a secret that was put in the wrong place.
    return AccessError(f"{name} ({names[name]}): expected {expected}.", code="sign_in_setting")
