"""How long work tells what it has done."""

from cxr.cli.commands import counter
from cxr.progress import Progress, to_stderr


def test_messages_are_lines_on_standard_error(capsys):
    to_stderr("one")
    to_stderr("two")
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_a_counter_shows_every_hundredth_and_the_last(capsys):
    show: Progress = counter("passes")
    for done in range(226):
        show(done, 225)
    assert capsys.readouterr() == ("", "100 of 225 passes\n200 of 225 passes\n225 of 225 passes\n")


def test_a_counter_on_a_terminal_keeps_to_one_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = counter()
    for done in range(3):
        show(done, 2)
    assert capsys.readouterr().err == "\r1 of 2 films\r2 of 2 films\n"


def test_a_shorter_line_leaves_nothing_of_a_longer_one(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = counter(pace=True)
    for done in range(3):
        show(done, 2)
    first, last = capsys.readouterr().err.removeprefix("\r").removesuffix("\n").split("\r")
    assert "left" in first
    assert last.rstrip() == "2 of 2 films"
    assert len(last) == len(first)
