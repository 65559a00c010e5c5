"""The command line as a page of the documentation: ``python -m cxr.cli.reference``.

Written from the parser, so that ``docs/reference/cli.md`` and ``cxr --help`` cannot differ; a test
compares the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from .parser import EXIT_STATUSES, build_parser

__all__ = ["as_markdown"]

_INTRODUCTION = """\
# Command line

<!-- Written by `python -m cxr.cli.reference > docs/reference/cli.md`; do not edit. -->

`cxr COMMAND` and `python -m cxr COMMAND` are the same. Figures and rows go to standard output,
progress and messages to standard error. `cxr --version` shows the version.
"""


def as_markdown() -> str:
    """Return the reference of all commands as Markdown."""
    parser = build_parser()
    rows = "\n".join(f"| {status} | {text} |" for status, text in EXIT_STATUSES.items())
    parts = [_INTRODUCTION, f"| exit status | means |\n|---|---|\n{rows}\n"]
    parts += [_command(name, sub) for name, sub in _commands(parser)]
    return "\n".join(parts)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    actions = [action for action in parser._actions if action.dest != "help"]
    usage = " ".join(["cxr", name, *map(_usage, actions)])
    rows = "\n".join(f"| `{_words(action)}` | {_help(parser, action)} |" for action in actions)
    return (
        f"## {name}\n\n{parser.description}\n\n```text\n{usage}\n```\n\n"
        f"| argument | means |\n|---|---|\n{rows}\n\n{parser.epilog}\n"
    )


def _usage(action: argparse.Action) -> str:
    words = _words(action)
    return words if action.required else f"[{words}]"


def _words(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f"{action.metavar}{' ...' * (action.nargs == '+')}"
    return " ".join(filter(None, [*action.option_strings[-1:], value]))


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter(parser.prog)
    return formatter._expand_help(action).replace("|", "\\|")


if __name__ == "__main__":
    print(as_markdown(), end="")
