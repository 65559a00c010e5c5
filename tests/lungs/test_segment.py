import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import cxr
from cxr.lungs.segment import LungNetwork, LungsError, find_lungs, lungs_of
from cxr.lungs.share import share_in_lungs
from cxr.lungs.zones import ZONES
from tests.bundles import write_card


def logits(height=0.6):
    """A film of two lungs, as the network would put it."""
    field = np.full((224, 224), -6.0, np.float32)
    rows = slice(40, 40 + int(height * 224))
    field[rows, 30:95] = 6
    field[rows, 130:195] = 6
    return field


def codes(search):
    return [remark.code for remark in search.lungs.remarks]


def test_the_mask_has_the_size_of_the_film():
    search = lungs_of(logits(), (500, 700))
    assert search.remark is None
    lungs = search.lungs
    assert lungs.mask.shape == lungs.zones.shape == (500, 700)
    assert lungs.area == pytest.approx(0.6 * 130 / 224, rel=0.03)
    assert lungs.sure > 0.95
    assert codes(search) == []
    np.testing.assert_array_equal(lungs.zones > 0, lungs.mask)


def test_no_lungs_come_with_a_reason():
    search = lungs_of(np.full((224, 224), -6.0, np.float32), (300, 300))
    assert search.lungs is None
    assert search.remark.code == "none"
    assert search.remark.reason


def test_what_is_faint_is_not_taken_for_lungs():
    field = np.where(logits() > 0, 0.02, -0.4).astype(np.float32)
    search = lungs_of(field, (224, 224))
    assert search.lungs is None
    assert search.remark.code == "unsure"


def test_one_lung_small_lungs_and_cut_lungs_are_remarked_on():
    one = logits()
    one[:, 112:] = -6
    assert "one_lung" in codes(lungs_of(one, (224, 224)))
    assert "small" in codes(lungs_of(logits(0.1), (224, 224)))
    assert "cut_off" in codes(lungs_of(np.roll(logits(), -30, axis=1), (224, 224)))


def test_the_heat_is_shared_out_over_the_zones():
    lungs = lungs_of(logits(), (224, 224)).lungs
    heat = np.zeros((224, 224), np.float32)
    heat[50:60, 40:50] = 3
    heat[0:10, 0:10] = 1
    share = share_in_lungs(heat, lungs)
    assert share.peak_inside
    assert share.inside == pytest.approx(0.75)
    assert share.zones["right upper"] == pytest.approx(0.75)
    assert sum(share.zones.values()) == pytest.approx(share.inside)
    assert set(share.zones) == set(ZONES)
    assert share.area == pytest.approx(100 / lungs.mask.sum())


def test_a_map_without_heat_has_no_share_and_another_size_is_refused():
    lungs = lungs_of(logits(), (224, 224)).lungs
    assert share_in_lungs(np.zeros((224, 224), np.float32), lungs) is None
    with pytest.raises(ValueError, match="shape"):
        share_in_lungs(np.ones((100, 100), np.float32), lungs)


def test_changed_weights_and_other_cards_are_refused(tmp_path):
    film = cxr.Radiograph(np.zeros((224, 224), np.float32))
    with pytest.raises(LungsError):
        find_lungs(film, LungNetwork(tmp_path))
    card = {"kind": "lungs", "architecture": {"arguments": {"input_size": 224}}}
    card["weights"] = {"file": "weights.weights.h5", "sha256": "0" * 64}
    write_card(tmp_path, card | {"kind": "classifier"})
    with pytest.raises(LungsError):
        find_lungs(film, LungNetwork(tmp_path))
    write_card(tmp_path, card)
    (tmp_path / "weights.weights.h5").write_bytes(b"other")
    with pytest.raises(LungsError):
        find_lungs(film, LungNetwork(tmp_path))


def test_a_picture_without_a_chest_has_no_lungs_by_the_shipped_network():
    assert find_lungs(cxr.Radiograph(np.zeros((64, 64), np.float32))).lungs is None


@pytest.mark.parametrize("seed", range(6))
def test_enlarged_and_made_small_again_the_lungs_are_those_at_the_network_size(seed: int):
    rough = np.random.default_rng(seed).normal(size=(112, 112))
    logits = (300 * gaussian_filter(rough, 9)).astype(np.float32)
    found = lungs_of(logits, logits.shape).lungs
    assert found is not None
    twice = lungs_of(logits, (224, 224)).lungs
    for side, large in zip(found.sides, twice.sides, strict=True):
        small = large.reshape(112, 2, 112, 2).mean(axis=(1, 3)) > 0.5
        assert (small != side).mean() < 0.01
    assert not (found.sides.right & found.sides.left).any()
