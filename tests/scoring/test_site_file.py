"""A site's file: read with bounds, bound to one model, applied to it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr.films.preprocessing import Preprocessing
from cxr.scoring.bundle import Bundle
from cxr.scoring.card import StoredFile
from cxr.scoring.operating_points import Calibration
from cxr.scoring.site_file import (
    Platt,
    SiteFileError,
    SiteSide,
    apply_sites,
    is_of_site,
    read_site,
)
from tests.cards import a_card
from tests.sites import SITE_POINT, a_site

CARD = a_card()


def code_of(content: bytes | Path) -> str:
    with pytest.raises(SiteFileError) as caught:
        read_site(content)
    assert str(caught.value).endswith(".")
    return caught.value.code


class TestFile:
    def test_it_is_read_as_it_was_written(self, tmp_path):
        site = a_site()
        site.write(tmp_path / "site.json")
        again = read_site(tmp_path / "site.json")
        assert again == site == read_site(site.to_bytes())
        assert again.sha256 == site.sha256

    def test_it_can_be_sent_to_another_process(self):
        site = a_site()
        assert site.sha256
        again = pickle.loads(pickle.dumps(site))
        assert again == site
        assert again.sha256 == site.sha256
        card = pickle.loads(pickle.dumps(site.card(CARD)))
        assert card.calibration.score(1.0) == site.calibration.score(1.0)

    def test_its_name_changes_with_all_that_it_says(self):
        sites = [a_site(), a_site(band=None), a_site(made="2026-11-28"), a_site(site="south")]
        assert len({site.label for site in sites}) == len(sites)

    @pytest.mark.parametrize(
        "content",
        [b"", b"{}", b"[]", b"no", b'{"kind": "classifier"}', b"{" * 100_000, bytes(1_000_001)],
    )
    def test_what_is_none(self, content):
        assert code_of(content) == "site_file"

    def test_a_file_that_is_not_there(self, tmp_path):
        assert code_of(tmp_path / "no.json") == "site_file"
        assert code_of(tmp_path) == "site_file"

    @pytest.mark.parametrize(
        "change",
        [
            {"site": "../../etc"},
            {"site": ""},
            {"site": "a" * 41},
            {"weights_sha256": "ab"},
            {"calibration": {"slope": 0, "intercept": 0, "method": "platt"}},
            {"calibration": {"slope": -1, "intercept": 0, "method": "platt"}},
            {"calibration": {"slope": 1, "intercept": 0, "method": "isotonic"}},
            {"operating_points": []},
            {"default_operating_point": "other"},
            {"more": 1},
            {"reference": {"score": [0.9, 0.1]}},
            {"reference": {"score": [0.0] * 102}},
            {"made": "yesterday"},
            {"films": None},
            {"schema_version": "1"},
            {"schema_version": 0},
            {"operating_points": [SITE_POINT.to_json() | {"threshold": 1.5}]},
            {"operating_points": [SITE_POINT.to_json()] * 2},
            *(
                {"operating_points": [SITE_POINT.to_json(), SITE_POINT.to_json() | {"name": name}]}
                for name in ("x\0y", "a/b", "a" * 51, " a", "a\x7f", "", "\ud800")
            ),
        ],
    )
    def test_a_damaged_one(self, change):
        plain = json.loads(a_site().to_bytes())
        assert code_of(json.dumps(plain | change).encode()) == "site_file"

    def test_one_of_a_newer_version(self):
        plain = json.loads(a_site().to_bytes())
        assert code_of(json.dumps(plain | {"schema_version": 2}).encode()) == "site_newer"


class TestApplied:
    def test_the_card_has_the_sites_points_and_calibration(self):
        site = a_site()
        card = site.card(CARD)
        assert [point.name for point in card.operating_points] == [
            f"sensitivity-95@{site.label}",
            f"youden@{site.label}",
        ]
        assert card.operating_point().threshold == 0.3
        assert card.evaluation == {}
        logits = np.array([-3.0, 0.0, 4.0])
        np.testing.assert_allclose(card.calibration.score(logits), site.calibration.score(logits))
        np.testing.assert_allclose(
            card.calibration.score(logits), 1 / (1 + np.exp(1 - 0.5 * logits))
        )
        assert replace(card, calibration=CARD.calibration).weights == CARD.weights

    def test_a_bundle_stays_what_it_is(self):
        bundle = Bundle(Path("nowhere"), CARD)
        applied = a_site().apply(bundle)
        assert type(applied) is Bundle
        assert applied.folder == bundle.folder
        assert bundle.card is CARD
        assert is_of_site(applied.card.default_operating_point)
        assert not is_of_site(CARD.default_operating_point)

    def test_points_are_asked_for_with_the_sites_name_or_without(self):
        site = a_site()
        assert site.point("youden") == site.point(site.point("youden").name)
        assert site.point().threshold == 0.3
        with pytest.raises(ValueError, match="youden"):
            site.point("specificity-95")

    def test_another_models_is_refused(self):
        other = replace(CARD, name="other", weights=StoredFile("w.weights.h5", "9" * 64))
        newer = replace(CARD, weights=StoredFile("w.weights.h5", "8" * 64))
        for card, told in ((other, "not for other"), (newer, "other weights")):
            with pytest.raises(SiteFileError, match=told) as caught:
                a_site().card(card)
            assert caught.value.code == "site_other_model"

    def test_the_same_weights_fed_otherwise_are_refused(self):
        with pytest.raises(SiteFileError) as caught:
            a_site().card(replace(CARD, input=Preprocessing(32, 32, 1)))
        assert caught.value.code == "site_other_input"

    def test_what_does_not_move_scores_may_change(self):
        assert a_site().card(replace(CARD, population="adults", calibration=Calibration(2.0)))

    def test_a_score_has_its_logit(self):
        platt = Platt(0.5, -1.0)
        assert platt.logit(float(platt.score(2.5))) == pytest.approx(2.5)


def test_sides_of_a_band():
    band = a_site().band
    assert [band.side(score) for score in (0.05, 0.1, 0.5, 0.8, 0.9)] == [
        "below",
        "between",
        "between",
        "above",
        "above",
    ]
    assert band.width == pytest.approx(40 / 90)
    with pytest.raises(ValueError, match="lower end"):
        replace(band, below=SiteSide(0.9, 1, 0))


def test_files_are_applied_to_the_models_that_they_are_of():
    here, other = (
        Bundle(Path("nowhere"), replace(CARD, name=name, weights=StoredFile("w.h5", sign * 64)))
        for name, sign in (("here", "a"), ("other", "b"))
    )
    site = a_site(here.card)
    applied = apply_sites([other, here], [site])
    assert applied[0] is other
    assert (applied[1].site, here.site, other.site) == (site, None, None)
    for bundles, sites in (([other], [site]), ([here], [site, a_site(here.card, site="south")])):
        with pytest.raises(SiteFileError):
            apply_sites(bundles, sites)
