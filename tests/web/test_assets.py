"""The files that the browser fetches: that they are served, and in one state together."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import streamlit as st

from cxr.web import assets
from cxr.web.assets import STATIC, component, showing

LIMIT = 1_000  # bytes


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What Streamlit is told of a component and of the folder."""
    told: dict = {"shown": 0}

    def declare_component(name, path):
        told.update(folder=name, path=path)
        return SimpleNamespace(name=f"cxr.web.assets.{name}")

    def define(name, **parts):
        told.update(name=name, **parts)
        return lambda **arguments: told.update(arguments, shown=told["shown"] + 1)

    monkeypatch.setattr(assets, "declare_component", declare_component)
    monkeypatch.setattr(st.components.v2, "component", define)
    assets._version.cache_clear()
    return told


def test_a_component_sends_an_address_and_not_its_files(defined) -> None:
    show = component("name", "film.js")
    assert "name" not in defined, "nothing is defined before a run of the script"
    show(key="k")
    show(key="k")
    assert (defined["name"], defined["key"], defined["shown"]) == ("name", "k", 2)
    assert defined["path"] == STATIC
    assert set(defined) == {"shown", "folder", "path", "name", "js", "key"}
    assert f"component/cxr.web.assets.{defined['folder']}/film.js" in defined["js"]
    assert len(defined["js"]) < LIMIT


def test_other_files_have_another_address(defined, monkeypatch, tmp_path) -> None:
    show = component("name", "film.js")
    show()
    first = defined["js"]
    for path in STATIC.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    assets._version.cache_clear()
    show()
    assert defined["js"] == first
    (tmp_path / "film_heat.js").write_text("changed")
    assets._version.cache_clear()
    show()
    assert defined["js"] != first
    assets._version.cache_clear()


def test_a_component_without_its_module_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.js"):
        component("name", "none.js")


def test_every_module_finds_what_it_imports() -> None:
    exported = {
        path.name: set(
            re.findall(
                r"^export (?:async )?(?:function|class|const) (\w+)", path.read_text(), re.MULTILINE
            )
        )
        for path in STATIC.glob("*.js")
    }
    for name in exported:
        text = (STATIC / name).read_text()
        for names, origin in re.findall(r'^import \{([^}]*)\} from "\./(.*)";', text, re.MULTILINE):
            wanted = {each.strip() for each in names.split(",")} - {""}
            assert wanted <= exported[origin], f"{name} from {origin}"
        for origin in re.findall(r'^import "(.*)";', text, re.MULTILINE):  # for what it does
            assert origin.removeprefix("./") in exported, f"{name} imports {origin}"
        assert not re.search(r'^import [^{"].*|from "[^.]', text, re.MULTILINE), name


def test_every_file_is_used() -> None:
    sources = [
        *STATIC.iterdir(),
        *STATIC.parent.glob("*.py"),
        STATIC.parents[2] / "streamlit_app.py",
    ]
    for path in STATIC.iterdir():
        others = (each.read_text() for each in sources if each.is_file() and each != path)
        assert any(path.name in text for text in others), path.name


def test_each_showing_is_told_from_those_before_it() -> None:
    """By a count: a clock may be set back."""
    first, second = showing(), showing()
    assert first["by"] == second["by"]
    assert second["number"] > first["number"]
