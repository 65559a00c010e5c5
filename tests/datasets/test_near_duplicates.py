"""Films that are alike without being equal: found through changes, told from other films."""

from __future__ import annotations

import io
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.datasets import table as dataset
from cxr.datasets.folders import scan
from cxr.datasets.near_duplicates import (
    SIDE,
    WITHIN,
    across,
    alike,
    fingerprint,
    near_duplicates,
)
from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import read
from tests.conftest import chest_like

COLUMNS = ["group", "path", "split", "label", "subtype", "patient", "distance"]


def jpeg(film: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(film).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def crop(film: np.ndarray, share: float) -> np.ndarray:
    rows, columns = (round(side * share) for side in film.shape)
    return film[rows:-rows, columns:-columns]


def resize(film: np.ndarray, times: float) -> np.ndarray:
    size = round(film.shape[1] * times), round(film.shape[0] * times)
    return np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BILINEAR))


def brighter(film: np.ndarray, times: float) -> np.ndarray:
    return np.rint(film * times).clip(0, 255).astype(np.uint8)


def textured(seed: int) -> np.ndarray:
    """A made film with detail of every size, as a real one has; uint8 (224, 224)."""
    rng = np.random.default_rng(seed)
    film = chest_like(seed, size=224).astype(np.float32)
    for cells in (7, 14, 28, 56):
        coarse = Image.fromarray(rng.normal(0, 15, (cells, cells)).astype(np.float32))
        film += np.asarray(coarse.resize((224, 224), Image.Resampling.BICUBIC))
    return film.clip(0, 255).astype(np.uint8)


CHANGES = {
    "recompressed": lambda film: jpeg(film, 60),
    "brighter": lambda film: brighter(film, 1.1),
    "darker": lambda film: brighter(film, 0.9),
    "cropped": lambda film: crop(film, 0.01),
    "halved": lambda film: resize(film, 0.5),
    "doubled": lambda film: resize(film, 2),
    "all": lambda film: jpeg(brighter(crop(film, 0.01), 0.9), 60),
}


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def hashed(bits: np.ndarray) -> str:
    return np.packbits(bits).tobytes().hex()


@pytest.fixture(scope="module")
def hashes() -> list[str]:
    """Fingerprints of 40 films that have nothing in common."""
    rng = np.random.default_rng(0)
    return [hashed(rng.integers(0, 2, 256, dtype=np.uint8)) for _ in range(40)]


def flipped(text: str, bits: int, start: int = 0) -> str:
    """Change some bits of a fingerprint, one after the other from `start`."""
    return f"{int(text, 16) ^ (((1 << bits) - 1) << start):064x}"


def films(hashes: list[str], **columns: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "path": [f"{k:03}.png" for k in range(len(hashes))],
            "split": "train",
            "label": "normal",
            "subtype": "",
            "patient": [f"p{k}" for k in range(len(hashes))],
            "sha256": [f"sha{k}" for k in range(len(hashes))],
            "phash": hashes,
        }
    )
    return table.assign(**columns)


class TestFingerprint:
    def test_is_64_hex_digits_and_the_same_each_time(self):
        film = chest_like(1, size=SIDE)
        text = fingerprint(film)
        assert len(text) == 64
        assert int(text, 16) > 0
        assert fingerprint(film[:, :, None]) == text

    def test_of_another_size_is_that_of_the_squashed_film(self):
        film = chest_like(1, size=200)
        small = Preprocessing(SIDE, SIDE, 1, "bilinear")(film.astype(np.float32) / 255)
        assert fingerprint(film) == fingerprint(small)

    @pytest.mark.parametrize("change", CHANGES)
    def test_of_a_changed_copy_is_near(self, change):
        for seed in range(5):
            film = textured(seed)
            assert distance(fingerprint(film), fingerprint(CHANGES[change](film))) <= WITHIN

    def test_of_an_empty_picture(self):
        assert fingerprint(np.full((SIDE, SIDE), 9, np.uint8)) == fingerprint(
            np.full((SIDE, SIDE), 200, np.uint8)
        )

    @pytest.mark.parametrize(
        "pixels",
        [
            np.zeros((8, 8), np.float32),
            np.zeros((8, 8, 3), np.uint8),
            np.zeros(64, np.uint8),
            np.zeros((0, 8), np.uint8),
        ],
    )
    def test_of_something_else(self, pixels):
        with pytest.raises(ValueError, match=r"Expected uint8 pixels of shape .* Received: "):
            fingerprint(pixels)


class TestNearDuplicates:
    def test_groups_are_films_that_links_connect(self, hashes):
        # 3 is near 0, 7 near 3 but not near 0; 5 and 9 are near each other.
        table = hashes.copy()
        table[3] = flipped(table[0], 30)
        table[7] = flipped(table[3], 40, start=100)
        table[9] = flipped(table[5], 1)
        found = near_duplicates(films(table))
        assert list(found.columns) == COLUMNS
        assert found["path"].tolist() == ["000.png", "003.png", "007.png", "005.png", "009.png"]
        assert found["group"].tolist() == [1, 1, 1, 2, 2]
        assert found["distance"].tolist() == [30, 30, 40, 1, 1]

    def test_up_to_the_distance_and_no_further(self, hashes):
        table = films([hashes[0], flipped(hashes[0], 12), *hashes[1:]])
        assert len(near_duplicates(table, within=12)) == 2
        assert near_duplicates(table, within=11).empty
        assert list(near_duplicates(table, within=11).columns) == COLUMNS

    def test_it_is_told_how_far_the_comparison_is(self, monkeypatch):
        monkeypatch.setattr("cxr.datasets.near_duplicates.CHUNK", 2)
        rng, told = np.random.default_rng(0), []
        facts = {name: [f"{name}{i}" for i in range(5)] for name in COLUMNS if name != "distance"}
        table = pd.DataFrame(
            facts | {"sha256": "", "phash": [rng.bytes(32).hex() for _ in range(5)]}
        )
        near_duplicates(table, progress=lambda done, total: told.append((done, total)))
        assert told == [(0, 5), (2, 5), (4, 5)]

    def test_equal_pixels_alone_are_no_near_duplicates(self, hashes):
        table = films([hashes[0], hashes[0], *hashes[1:]])
        table.loc[1, "sha256"] = table.loc[0, "sha256"]
        assert near_duplicates(table).empty
        # With a third film that is alike, all three belong together.
        table.loc[2, "phash"] = flipped(hashes[0], 3)
        assert near_duplicates(table)["distance"].tolist() == [3, 3, 3]

    def test_films_without_a_fingerprint_are_left_out(self, hashes):
        table = films([hashes[0], flipped(hashes[0], 2), "", ""])
        table.loc[3, "phash"] = None
        assert near_duplicates(table)["path"].tolist() == ["000.png", "001.png"]
        assert near_duplicates(films(["", ""])).empty

    def test_films_of_unknown_pixels_are_not_all_equal(self, hashes):
        assert len(near_duplicates(films([hashes[0], hashes[0]], sha256=""))) == 2

    def test_across_keeps_the_groups_of_two_splits(self, hashes):
        same, torn = hashes[0], hashes[1]
        table = films([same, flipped(same, 1), torn, flipped(torn, 1), *hashes[2:]])
        table.loc[3, "split"] = "test"
        found = near_duplicates(table)
        assert found["group"].nunique() == 2
        leaks = across(found)
        assert leaks["path"].tolist() == ["002.png", "003.png"]
        assert across(leaks.head(0)).empty

    def test_counts_what_is_alike_and_shows_leaks_first(self, hashes):
        one, other = hashes[:2]
        split = ["train", "train", "train", "test", "test"]
        table = films([one, flipped(one, 2), other, flipped(other, 3), ""], split=split)
        found = alike(table)
        assert (found.groups, found.leaks, found.without) == (2, 1, 1)
        assert found.splits == ("test", "train")
        assert len(found.leaks_first) == len(found.films) == 4
        assert set(found.leaks_first["split"][:2]) == {"test", "train"}
        assert set(found.leaks_first["split"][2:]) == {"train"}

    def test_counts_nothing_where_no_films_are_alike(self, hashes):
        found = alike(films(hashes[:1]))
        assert (found.groups, found.leaks, found.splits, found.without) == (0, 0, (), 0)

    def test_agrees_with_every_pair_looked_at(self):
        rng = np.random.default_rng(3)
        core = rng.integers(0, 2, 256, dtype=np.uint8)
        rows = [core ^ (rng.random(256) < 0.12).astype(np.uint8) for _ in range(600)]
        table = films([hashed(row) for row in rows])
        found = near_duplicates(table, within=40).set_index("path")["distance"]
        whole = np.array(rows)
        apart = (whole[:, None] != whole[None]).sum(axis=2) + 257 * np.eye(600, dtype=int)
        nearest = pd.Series(apart.min(axis=1), table["path"])
        assert 50 < len(found) < 550
        pd.testing.assert_series_equal(
            found.sort_index(), nearest[nearest <= 40], check_names=False, check_dtype=False
        )

    def test_six_thousand_films_take_seconds(self):
        rng = np.random.default_rng(0)
        rows = rng.integers(0, 2, (6000, 256), dtype=np.uint8)
        rows[5999] = rows[0]
        table = films([hashed(row) for row in rows])
        start = time.process_time()
        assert near_duplicates(table)["path"].tolist() == ["000.png", "5999.png"]
        assert time.process_time() - start < 5

    @pytest.mark.parametrize(
        ("table", "within", "words"),
        [
            (films(["zz"]), 3, "of 64 hex digits. Received: 'zz'"),
            (films(["0" * 63]), 3, "of 64 hex digits"),
            (films(["0" * 64]), 257, "0 to 256 bits. Received: 257"),
            (films(["0" * 64]), -1, "Received: -1"),
            (films(["0" * 64]).drop(columns="phash"), 3, "column phash. Received: columns path"),
        ],
    )
    def test_what_cannot_be_compared(self, table, within, words):
        with pytest.raises(ValueError, match=words):
            near_duplicates(table, within)


@pytest.mark.data
class TestRealFilms:
    """What the distance was chosen by."""

    @pytest.fixture(scope="class")
    def sample(self, data_dir) -> tuple[pd.DataFrame, list[np.ndarray]]:
        """60 films of the Kermany set at the size of the file."""
        root = data_dir / "kermany"
        table = scan(root).sample(60, random_state=2).reset_index(drop=True)
        pixels = [
            np.rint(read(root / path).pixels * 255).astype(np.uint8) for path in table["path"]
        ]
        return table, pixels

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_changed_copy_is_near(self, sample, change):
        for film in sample[1]:
            assert distance(fingerprint(film), fingerprint(CHANGES[change](film))) <= WITHIN

    def test_other_films_are_not(self, sample):
        table, pixels = sample
        table = table.assign(phash=[fingerprint(film) for film in pixels])
        assert near_duplicates(table).empty
        assert not near_duplicates(table, within=128).empty

    def test_a_film_at_full_size_is_near_its_small_copy(self, data_dir):
        originals = scan(data_dir / "kermany_originals")
        side = {"prepare": Preprocessing(SIDE, SIDE, 1, "bilinear")}
        _, large = dataset.read_films(originals, data_dir / "kermany_originals", **side)
        _, small = dataset.read_films(originals, data_dir / "kermany", **side)
        apart = [
            distance(fingerprint(a), fingerprint(b)) for a, b in zip(large, small, strict=True)
        ]
        assert len(apart) == 20
        assert max(apart) <= WITHIN / 2
