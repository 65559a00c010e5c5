import numpy as np
import pytest
from keras import ops

from cxr.training.variation import Amounts, Variation

SIDE = 64


@pytest.fixture
def films():
    random = np.random.default_rng(0)
    pixels = random.uniform(60, 120, (4, SIDE, SIDE, 1)).astype(np.float32)
    lungs = np.zeros_like(pixels)
    lungs[:, 10:50, 8:28] = lungs[:, 10:50, 36:56] = 1
    return pixels * (1 - 0.5 * lungs), lungs


def vary(films, seed=0, training=True, **amounts):
    layer = Variation(Amounts(**amounts), seed)
    return [ops.convert_to_numpy(part) for part in layer(*films, training=training)]


def test_nothing_is_varied_outside_training_or_with_no_amounts(films):
    for training, amounts in ((False, {"opacities": 1.0, "noise": 0.5}), (True, {})):
        varied, lungs, drawn = vary(films, training=training, **amounts)
        np.testing.assert_allclose(varied, films[0], atol=0.01)
        np.testing.assert_allclose(lungs, films[1], atol=1e-5)
        assert not drawn.any()


def test_the_lungs_move_with_the_film(films):
    lungs = films[1]
    varied, moved, _ = vary((lungs * 255, lungs), rotation=20, scale_low=0.7, shift=0.1, flip=0.5)
    assert np.abs(moved - lungs).mean() > 0.02
    np.testing.assert_allclose(varied / 255, moved, atol=1e-3)


def test_opacities_are_white_and_lie_in_the_lungs(films):
    varied, lungs, drawn = vary(films, opacities=1.0)
    assert (drawn.max(axis=(1, 2, 3)) > 0.2).all()
    inside = (drawn * lungs).sum() / drawn.sum()
    assert inside > 0.8
    there = drawn > 0.3
    assert (varied - films[0])[there].mean() > 5
    np.testing.assert_allclose(varied[drawn == 0], films[0][drawn == 0], atol=0.01)


@pytest.mark.parametrize("change", ["devices", "shutters", "soft"])
def test_each_change_shows_and_keeps_to_the_range(films, change):
    varied, _, _ = vary(films, **{change: 1.0})
    assert np.abs(varied - films[0]).max() > 5
    assert varied.min() >= 0
    assert varied.max() <= 255


def test_grey_levels_are_never_inverted(films):
    ramp = np.tile(np.linspace(0, 255, SIDE, dtype=np.float32)[None, :, None], (4, 1, SIDE))
    varied, _, _ = vary((ramp[..., None], films[1]), tone=0.5, gamma=0.4, contrast=0.3)
    assert (np.diff(varied, axis=1) >= -1e-3).all()


def test_other_amounts_are_taken_later(films):
    layer = Variation(Amounts(), 0)
    layer.set_amounts(Amounts(brightness=0.5))
    assert np.abs(ops.convert_to_numpy(layer(*films, training=True)[0]) - films[0]).max() > 5
