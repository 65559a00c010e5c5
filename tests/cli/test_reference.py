"""The reference of the command line in the documentation, and the help text of every option."""

from __future__ import annotations

import argparse

import pytest

from cxr.cli.parser import EXIT_STATUSES, build_parser
from cxr.cli.reference import as_markdown
from tests.conftest import ROOT


def _parsers() -> dict[str, argparse.ArgumentParser]:
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("no commands")


PARSERS = _parsers()


def test_the_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXR_MODELS", raising=False)
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run: python -m cxr.cli.reference > docs/reference/cli.md"


@pytest.mark.parametrize("name", PARSERS)
def test_every_option_says_what_it_does_and_its_default(name: str) -> None:
    for action in PARSERS[name]._actions:
        assert action.help, action.dest
        if action.option_strings and action.dest != "help":
            expected = "(required)" if action.required else "(default: "
            assert expected in action.help, f"{name} {action.option_strings[0]}"


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_gives_its_exit_statuses(name: str) -> None:
    text = PARSERS[name].format_help()
    assert "Exit status: 0 done; " in " ".join(text.split())


def test_the_program_gives_all_exit_statuses() -> None:
    text = " ".join(build_parser().format_help().split())
    assert all(f"{status} {words}" in text for status, words in EXIT_STATUSES.items())


def test_one_option_means_one_thing() -> None:
    """`--store`, `--json` and `--resume` are switches wherever they occur."""
    for parser in PARSERS.values():
        for action in parser._actions:
            if {"--store", "--json", "--resume"} & set(action.option_strings):
                assert action.nargs == 0
