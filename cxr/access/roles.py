"""The roles, and what each may open and do: the one table that navigation and addresses follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["LOCAL", "PAGES", "Act", "Reader", "Role", "may", "may_open", "role_of"]


class Role(StrEnum):
    """Who somebody is to the dashboard; each may also do what those before it may."""

    READER = "reader"
    REVIEWER = "reviewer"
    ADMINISTRATOR = "administrator"


class Act(StrEnum):
    """What is not a page of its own but is not for everybody."""

    SET_THRESHOLD = "set_threshold"
    """Make a site's file, which holds its threshold."""


_RANK = {role: rank for rank, role in enumerate(Role)}
#: The least role that opens a page, by the page's name in its address.
PAGES: Mapping[str, Role] = {
    "triage": Role.READER,
    "models": Role.READER,
    "dataset": Role.REVIEWER,
    "training": Role.REVIEWER,
    "evaluation": Role.REVIEWER,
    "validation": Role.REVIEWER,
    "monitoring": Role.ADMINISTRATOR,
}
_ACTS: Mapping[Act, Role] = {Act.SET_THRESHOLD: Role.ADMINISTRATOR}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a run of a page is for.

    Attributes
    ----------
    role : Role
        What they may open.
    pseudonym : str or None
        What readings know them by; None without sign-in, where nobody is told from anybody.
    """

    role: Role
    pseudonym: str | None = None


#: Without sign-in, on this machine alone: one person is all roles.
LOCAL = Reader(Role.ADMINISTRATOR)


def may_open(role: Role, page: str) -> bool:
    """Whether a role opens a page; a page that is not in the table is opened by nobody."""
    least = PAGES.get(page)
    return least is not None and _RANK[role] >= _RANK[least]


def may(role: Role, act: Act) -> bool:
    """Whether a role may do something."""
    return _RANK[role] >= _RANK[_ACTS[act]]


def role_of(
    claims: Mapping[str, Any], claim: str, groups: Mapping[Role, Collection[str]]
) -> Role | None:
    """Return the highest role that somebody's groups give, or None for somebody outside them.

    Parameters
    ----------
    claims : mapping
        What the identity provider says of somebody.
    claim : str
        The name of the claim that holds the groups, or a path to it with dots, as Keycloak's
        ``realm_access.roles``.
    groups : mapping of Role to collection of str
        The groups that give each role; compared letter by letter.
    """
    said = _claim(claims, claim)
    named = {said} if isinstance(said, str) else set(filter(_is_text, said or ()))
    return next((role for role in reversed(Role) if named & set(groups.get(role, ()))), None)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim's value where it is a text or a list, under its own name or a path to it."""
    found: Any = claims
    if name in claims:
        found = claims[name]
    else:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | list) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)
