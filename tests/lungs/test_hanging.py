import numpy as np
import pytest

from cxr.lungs.hanging import quarter_turns

#: A picture whose bright corner tells how it hangs: upright it is the upper left one.
UPRIGHT = np.zeros((32, 32), np.uint8)
UPRIGHT[:8, :8] = 255


def field(sure):
    """Logits whose mask the network would be so sure of."""
    logits = np.full((32, 32), -20.0, np.float32)
    # Dice expected of n pixels of chance c, all of them in the mask: 2c / (1 + c).
    chance = sure / (2 - sure)
    logits[8:24, 8:24] = np.log(chance / (1 - chance))
    return logits


class Network:
    """So sure of the upright picture, and so sure of any other."""

    def __init__(self, upright, other):
        self.upright, self.other, self.asked = upright, other, 0

    def __call__(self, picture):
        self.asked += 1
        return field(self.upright if picture[:8, :8].all() else self.other)


def told(network, picture):
    return quarter_turns(picture, network(picture), network)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_film_that_is_turned_is_told_with_the_way_back(turns):
    picture = np.rot90(UPRIGHT, -turns)
    answer = told(Network(0.97, 0.7), picture)
    assert answer == turns
    np.testing.assert_array_equal(np.rot90(picture, answer), UPRIGHT)


def test_of_an_upright_film_the_network_is_asked_once():
    network = Network(0.97, 0.7)
    assert told(network, UPRIGHT) == 0
    assert network.asked == 1


def test_an_upright_film_that_is_doubted_stays_upright():
    network = Network(0.9, 0.88)
    assert told(network, UPRIGHT) == 0
    assert network.asked == 4


@pytest.mark.parametrize(("upright", "other"), [(0.9, 0.8), (0.93, 0.92)])
def test_what_is_not_sure_in_any_position_is_not_called_turned(upright, other):
    assert told(Network(upright, other), np.rot90(UPRIGHT)) == 0
