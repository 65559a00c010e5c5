"""Films of a table, small: pictures where they are at hand, the table in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxr.web.messages import NOT_SHOWN
from tests.conftest import chest_like, png


def shown(folder: Path | None, names: list[str], captions: list[str]) -> AppTest:
    def script(folder, names, captions):
        from pathlib import Path

        import pandas as pd

        from cxr.web import film_list

        film_list(Path(folder) if folder else None, pd.DataFrame({"path": names}), captions)

    where = str(folder) if folder else None
    app = AppTest.from_function(script, args=(where, names, captions), default_timeout=60).run()
    assert not app.exception
    return app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(chest_like(1)))
    return tmp_path


def test_films_that_are_at_hand_are_pictures_with_what_is_said_of_them(folder: Path) -> None:
    app = shown(folder, ["a.png", "none.png", "b.png"], ["*normal*\n0.02", "x", "y"])
    first, second = (image.proto.imgs[0] for image in app.get("image"))
    assert first.caption == "\\*normal\\*  \n0\\.02"
    assert first.alt == "Film: *normal*, 0.02"
    assert "y" in second.caption
    assert len(app.dataframe[0].value) == 3
    assert app.expander[0].label.startswith("All 3 films")


@pytest.mark.parametrize("known", [True, False])
def test_the_table_has_the_place_of_pictures_that_are_not_at_hand(
    known: bool, tmp_path: Path
) -> None:
    app = shown(tmp_path if known else None, ["a.png"], ["x"])
    assert "CXR_DATA" in app.caption[0].value
    assert len(app.dataframe[0].value) == 1
    assert not app.expander


def test_no_films_is_said(tmp_path: Path) -> None:
    app = shown(tmp_path, [], [])
    assert [caption.value for caption in app.caption] == ["No films."]
    assert not app.dataframe


def test_a_film_whose_file_is_damaged_is_told_among_the_others(folder: Path) -> None:
    whole = (folder / "a.png").read_bytes()
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "c.png").write_bytes(whole[: len(whole) // 2])
    app = shown(folder, ["b.png", "a.png", "c.png"], ["one", "two", "three"])
    assert "two" in app.get("image")[0].proto.imgs[0].caption
    told = [caption.value for caption in app.caption if NOT_SHOWN in caption.value]
    assert "one" in told[0]
