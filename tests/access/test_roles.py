"""Roles: who has which, and what each opens."""

from __future__ import annotations

import pytest

from cxr.access import LOCAL, Act, Role, may, may_open, role_of
from cxr.access.roles import PAGES
from tests.conftest import ROOT

GROUPS = {Role.READER: {"xray"}, Role.REVIEWER: {"physics"}, Role.ADMINISTRATOR: {"pacs"}}


def test_the_table_names_every_page():
    assert set(PAGES) == {path.stem for path in (ROOT / "pages").glob("*.py")}


def test_each_role_opens_what_those_before_it_open():
    opened = [{page for page in PAGES if may_open(role, page)} for role in Role]
    assert opened[0] < opened[1] < opened[2] == set(PAGES)
    assert [may(role, Act.SET_THRESHOLD) for role in Role] == [False, False, True]


def test_a_page_that_is_not_in_the_table_is_nobodys():
    assert not may_open(Role.ADMINISTRATOR, "secrets")


def test_without_sign_in_one_person_is_all_roles():
    assert all(may_open(LOCAL.role, page) for page in PAGES)
    assert all(may(LOCAL.role, act) for act in Act)
    assert LOCAL.pseudonym is None


@pytest.mark.parametrize(
    ("claims", "claim", "role"),
    [
        ({"groups": ["xray", "canteen"]}, "groups", Role.READER),
        ({"groups": ["pacs", "xray", "physics"]}, "groups", Role.ADMINISTRATOR),
        ({"groups": "physics"}, "groups", Role.REVIEWER),
        ({"realm_access": {"roles": ["physics"]}}, "realm_access.roles", Role.REVIEWER),
        ({"https://site.example/roles": ["xray"]}, "https://site.example/roles", Role.READER),
        ({"groups": ["canteen"]}, "groups", None),
        ({"groups": ["XRAY", " xray", "xrays"]}, "groups", None),
        ({"groups": "xray,pacs"}, "groups", None),
        ({"groups": {"pacs": True}}, "groups", None),
        ({"groups": [["pacs"], {"pacs": 1}, None, 3]}, "groups", None),
        ({"groups": []}, "groups", None),
        ({"groups": None}, "groups", None),
        ({"groups": True}, "groups", None),
        ({"roles": ["pacs"]}, "groups", None),
        ({"realm_access": "pacs"}, "realm_access.roles", None),
        ({}, "groups", None),
    ],
)
def test_the_highest_role_of_somebodys_groups(claims, claim, role):
    assert role_of(claims, claim, GROUPS) is role


def test_no_group_gives_a_role_that_has_none():
    assert role_of({"groups": [""]}, "groups", {Role.READER: set()}) is None
