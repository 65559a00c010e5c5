"""Tables of films: one for all bundles of a data set, named by its contents."""

from __future__ import annotations

import pandas as pd
import pytest

from cxr.scoring.bundle import Bundle, BundleError
from cxr.scoring.film_tables import FOLDER, film_table_bytes, store_film_table, text_table
from cxr.scoring.store import replace_film_table
from cxr.storage.atomic import ChangedError
from cxr.storage.hashes import file_hash
from tests.bundles import copy_bundle
from tests.cards import a_card

TABLE = pd.DataFrame({"path": ["a.png"], "patient": ["007"], "stat_mean": [0.12345678]})


def test_is_named_by_its_contents(tmp_path):
    stored = store_film_table(TABLE, tmp_path)
    path = tmp_path / FOLDER / stored.file
    assert stored.file == f"{stored.sha256[:16]}.csv"
    assert stored.sha256 == file_hash(path)
    assert path.read_text() == "path,patient,stat_mean\na.png,007,0.1235\n"


def test_the_same_is_stored_once(tmp_path):
    stored = store_film_table(TABLE, tmp_path)
    path = tmp_path / FOLDER / stored.file
    facts = path.stat()
    assert store_film_table(TABLE, tmp_path) == stored
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (facts.st_mtime_ns, facts.st_ino)
    assert len(list(path.parent.iterdir())) == 1


def test_a_damaged_one_is_mended(tmp_path):
    stored = store_film_table(TABLE, tmp_path)
    (tmp_path / FOLDER / stored.file).write_text("half")
    card = a_card(tables=type(a_card().tables)(films=stored))
    with pytest.raises(ChangedError):
        film_table_bytes(tmp_path / "pneumonia-made", card)
    store_film_table(TABLE, tmp_path)
    assert text_table(film_table_bytes(tmp_path / "pneumonia-made", card)).equals(
        pd.DataFrame({"path": ["a.png"], "patient": ["007"], "stat_mean": ["0.1235"]})
    )


def test_another_table_for_one_bundle_leaves_that_of_the_others(made_bundle, tmp_path):
    for name in ("one", "other"):
        copy_bundle(made_bundle.folder, tmp_path / name)
    replace_film_table(Bundle.load(str(tmp_path / "one")), lambda table: table.head(3))
    assert len(Bundle.load(str(tmp_path / "one")).films) == 3
    other = Bundle.load(str(tmp_path / "other"))
    pd.testing.assert_frame_equal(other.films, made_bundle.films)
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_bundle_copied_without_it_says_so(made_bundle, tmp_path):
    copy_bundle(made_bundle.folder, tmp_path / "one")
    for path in (tmp_path / FOLDER).iterdir():
        path.unlink()
    bundle = Bundle.load(str(tmp_path / "one"))
    assert len(bundle.predictions)
    with pytest.raises(BundleError, match=r"films\.csv of pneumonia-made is missing"):
        _ = bundle.films
