import numpy as np
import pytest

from cxr.networks.lung_unet import lung_unet


def test_it_is_small_and_answers_pixel_by_pixel():
    network = lung_unet(64)
    assert network.count_params() <= 500_000
    films = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    assert network(films, training=False).shape == films.shape


@pytest.mark.parametrize("size", [0, 16, 100])
def test_a_size_that_cannot_be_halved_is_refused(size):
    with pytest.raises(ValueError, match="input_size"):
        lung_unet(size)
