"""The way of a film into a network: size, resampling, margin, levels."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from cxr.films.preprocessing import LEVELS, Preprocessing, without_margin
from cxr.films.radiograph import read
from tests.conftest import chest_like
from tests.film_files import encode, scene


def pixels(height: int = 48, width: int = 64) -> np.ndarray:
    """A scene as a film's pixels: every level is a whole one."""
    return (scene(height, width) / 255).astype(np.float32)


class TestSize:
    def test_levels_stay_as_they_are_at_the_inputs_size(self):
        got = Preprocessing(48, 64, 3)(pixels())
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, np.dstack([scene()] * 3))

    @pytest.mark.parametrize("channels", [1, 3])
    def test_shape_is_height_by_width_by_equal_channels(self, channels):
        got = Preprocessing(20, 30, channels)(pixels())
        assert got.shape == (20, 30, channels)
        assert all((got[..., 0] == got[..., channel]).all() for channel in range(channels))

    def test_nearest_takes_the_middle_of_each_cell(self):
        got = Preprocessing(20, 30, 1)(pixels(60, 90))
        np.testing.assert_array_equal(got[..., 0], scene(60, 90)[1::3, 1::3])

    def test_bilinear_averages_over_the_cell(self):
        checks = (np.indices((64, 64)).sum(0) % 2).astype(np.float32)
        got = Preprocessing(16, 16, 1, "bilinear")(checks)
        assert np.abs(got[2:-2, 2:-2].astype(int) - 128).max() <= 2

    def test_bilinear_is_pillows(self):
        values = pixels(60, 90)
        want = Image.fromarray(values).resize((30, 20), Image.Resampling.BILINEAR)
        got = Preprocessing(20, 30, 1, "bilinear")(values)
        np.testing.assert_array_equal(got[..., 0], np.rint(np.asarray(want) * 255))

    @pytest.mark.parametrize("shape", [(4, 4), (4, 40), (40, 4)])
    def test_a_film_smaller_than_the_input_is_enlarged_smoothly(self, shape):
        step = np.zeros(shape, np.float32)
        step[:, shape[1] // 2 :] = 1
        across = Preprocessing(16, 16, 1)(step)[8, :, 0]
        assert ((across > 0) & (across < 255)).any()
        assert (np.diff(across.astype(int)) >= 0).all()

    def test_the_film_stays_as_it_was(self):
        values = pixels()
        before = values.copy()
        for margin in (0.0, 0.1):
            Preprocessing(48, 64, 1, margin=margin)(values)[:] = 0
            Preprocessing(20, 20, 1, margin=margin, levels="equalized")(values)[:] = 0
        np.testing.assert_array_equal(values, before)

    @pytest.mark.data
    def test_makes_the_small_copy_of_the_kermany_films(self, data_dir):
        """The copy was compressed once more: so is what is compared with it."""
        folder = data_dir / "kermany_originals"
        differences: dict[str, list[float]] = {"nearest": [], "bilinear": []}
        for path in sorted(folder.glob("*/*/*"))[::3]:
            copy = Image.open(data_dir / "kermany" / path.relative_to(folder))
            film = read(path).pixels
            for resample, found in differences.items():
                levels = Preprocessing(224, 224, 1, resample)(film)[..., 0]
                again = encode(Image.fromarray(levels), "JPEG", qtables=copy.quantization)
                again = np.asarray(Image.open(io.BytesIO(again)), np.float32)
                found.append(float(np.abs(again - np.asarray(copy)).mean()))
        assert np.mean(differences["nearest"]) < 1 < 2 < np.mean(differences["bilinear"])


class TestMargin:
    def test_is_cut_at_each_edge_as_a_share_of_each_side(self):
        got = Preprocessing(40, 60, 1, margin=0.1)(pixels(50, 75))
        # 5 of 50 rows; 7.5 of 75 columns are 8, as Python rounds, and 59 are stretched to 60.
        inside = np.ascontiguousarray(pixels(50, 75)[5:45, 8:67])
        np.testing.assert_array_equal(got, Preprocessing(40, 60, 1)(inside))

    def test_nothing_of_it_is_seen(self):
        film = np.ones((100, 200), np.float32)
        film[8:92, 16:184] = 0.5
        for resample in ("nearest", "bilinear"):
            got = Preprocessing(30, 30, 1, resample, margin=0.08)(film)
            np.testing.assert_array_equal(got, 128)

    def test_zero_cuts_nothing(self):
        framed = np.zeros((40, 40), np.float32)
        framed[[0, -1]] = framed[:, [0, -1]] = 1
        got = Preprocessing(40, 40, 1, margin=0.0)(framed)[..., 0]
        np.testing.assert_array_equal(got, framed * 255)

    def test_levels_are_spread_over_what_is_left_alone(self):
        """White shutters would otherwise push all of the chest down."""
        chest = chest_like(1, size=100).astype(np.float32) / 255
        shut = np.pad(chest, 25, constant_values=1.0)
        plain = Preprocessing(100, 100, 1, levels="equalized")(chest)
        inside = Preprocessing(100, 100, 1, margin=1 / 6, levels="equalized")(shut)
        np.testing.assert_array_equal(inside, plain)


class TestEqualized:
    """On a film whose levels are all between 0.2 and 0.5."""

    SIDE = 128
    EQUALIZED = Preprocessing(SIDE, SIDE, 1, levels="equalized")

    @pytest.fixture(scope="class")
    def dim(self) -> np.ndarray:
        rng = np.random.default_rng(4)
        smooth = pixels(self.SIDE, self.SIDE) + rng.normal(0, 0.02, (self.SIDE, self.SIDE))
        return (0.2 + 0.3 * smooth.clip(0, 1)).astype(np.float32)

    def test_the_histogram_becomes_flat(self, dim):
        got = self.EQUALIZED(dim)
        counts, _ = np.histogram(got, bins=8, range=(0, 256))
        np.testing.assert_allclose(counts / got.size, 1 / 8, atol=0.03)
        before, _ = np.histogram(Preprocessing(self.SIDE, self.SIDE, 1)(dim), 8, (0, 256))
        assert before.max() / got.size > 0.3  # so there was something to do

    def test_uses_the_whole_range(self, dim):
        got = self.EQUALIZED(dim)
        assert got.min() <= 5
        assert got.max() == 255

    def test_keeps_the_order_of_levels(self, dim):
        plain = Preprocessing(self.SIDE, self.SIDE, 1)(dim).ravel()
        got = self.EQUALIZED(dim).ravel()
        mapped = [np.unique(got[plain == level]) for level in np.unique(plain)]
        assert {len(values) for values in mapped} == {1}  # a level goes to one level
        assert (np.diff(np.concatenate(mapped).astype(int)) >= 0).all()

    @pytest.mark.parametrize("gamma", [0.6, 0.8, 1.3, 1.8])
    def test_a_tone_curve_before_it_changes_nothing_but_rounding(self, dim, gamma):
        curved = (dim / dim.max()) ** gamma
        got, want = (self.EQUALIZED(film).astype(int) for film in (curved, dim))
        # Levels that fall on one another before cannot be told apart after: 77 levels were there.
        assert np.abs(got - want).mean() < 3
        assert np.abs(got - want).max() <= 16
        plain = Preprocessing(self.SIDE, self.SIDE, 1)
        assert np.abs(plain(curved).astype(int) - plain(dim)).mean() > 30

    def test_comes_after_the_resizing(self, dim):
        small = Preprocessing(32, 32, 1, "bilinear")(dim)
        again = Preprocessing(32, 32, 1, levels="equalized")(small[..., 0] / np.float32(255))
        got = Preprocessing(32, 32, 1, "bilinear", levels="equalized")(dim)
        np.testing.assert_array_equal(got, again)

    def test_an_even_film_stays_even(self):
        got = self.EQUALIZED(np.full((self.SIDE, self.SIDE), 0.4, np.float32))
        assert len(np.unique(got)) == 1


class TestFields:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"height": 0}, "height and width.*0 x 64"),
            ({"width": -1}, "height and width.*48 x -1"),
            ({"channels": 2}, "1 or 3 channels.*2"),
            ({"resample": "bicubic"}, "'nearest' or 'bilinear'.*'bicubic'"),
            ({"margin": -0.01}, r"\[0, 0\.4\].*-0\.01"),
            ({"margin": 0.41}, r"\[0, 0\.4\].*0\.41"),
            ({"margin": float("nan")}, r"\[0, 0\.4\].*nan"),
            ({"levels": "clahe"}, "plain.*equalized.*'clahe'"),
        ],
    )
    def test_out_of_range_are_named(self, change, words):
        with pytest.raises(ValueError, match=f"Expected .*{words}"):
            Preprocessing(**({"height": 48, "width": 64, "channels": 1} | change))

    @pytest.mark.parametrize("shape", [(4, 4, 1), (4,), ()])
    def test_pixels_of_another_shape_are_refused(self, shape):
        with pytest.raises(ValueError, match=r"\(height, width\)\. Received: \("):
            Preprocessing(2, 2, 1)(np.zeros(shape, np.float32))

    def test_come_back_from_json(self):
        whole = Preprocessing(48, 64, 3, "bilinear", 0.08, "equalized")
        assert Preprocessing(**json.loads(json.dumps(whole.to_json()))) == whole

    def test_cannot_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Preprocessing(2, 2, 1).margin = 0.2

    def test_levels_have_one_meaning_each(self):
        film = 0.5 * pixels()
        results = [Preprocessing(48, 64, 1, levels=levels)(film) for levels in LEVELS]
        assert len({result.tobytes() for result in results}) == len(LEVELS)


class TestThrough:
    """A large film is first brought to the size of the training set's own copy."""

    def test_a_large_film_is_prepared_as_its_small_copy(self):
        film = np.random.default_rng(4).uniform(size=(500, 700)).astype(np.float32)
        to_input = Preprocessing(60, 60, 1, through=40)
        copy = Preprocessing(40, 40, 1)(film)[..., 0] / np.float32(255)
        expected = Preprocessing(60, 60, 1)(copy)
        # The copy was rounded to whole grey levels.
        assert np.abs(to_input(film).astype(int) - expected).max() <= 1
        assert np.abs(Preprocessing(60, 60, 1)(film).astype(int) - expected).mean() > 10

    def test_a_film_of_that_size_or_less_stays_as_it_is(self):
        for size in (40, 25):
            film = np.random.default_rng(5).uniform(size=(size, size)).astype(np.float32)
            plain, through = Preprocessing(60, 60, 1), Preprocessing(60, 60, 1, through=40)
            np.testing.assert_array_equal(through(film), plain(film))

    def test_below_zero(self):
        with pytest.raises(ValueError, match="Expected through in pixels, or 0"):
            Preprocessing(60, 60, 1, through=-1)


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.4])
def test_what_the_network_sees_is_what_is_prepared(margin):
    film = pixels(53, 71)
    inside = film[without_margin(film.shape, margin)]
    np.testing.assert_array_equal(
        Preprocessing(20, 20, 1, margin=margin)(film), Preprocessing(20, 20, 1)(inside)
    )
    assert inside.shape == tuple(side - 2 * round(side * margin) for side in film.shape)
