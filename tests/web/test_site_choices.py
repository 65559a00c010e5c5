"""What a site has chosen, while it chooses something else."""

from dataclasses import replace

import pytest

from cxr.site.calibrate import CalibrationError
from cxr.web.site_choices import Choices, Chosen
from cxr.web.site_file import _promise
from tests.sites import a_site


def test_a_file_is_made_of_what_was_chosen_until_all_that_is_chosen_anew_is_there():
    chosen = Chosen(Choices(band="before", site="before", queue="queue"))
    before = chosen.now
    with chosen.anew() as choices:
        choices.site = None
        choices.band = "after"
        assert chosen.now is before
        assert (before.site, before.band) == ("before", "before")
        choices.site = "after"
    assert chosen.now == Choices(band="after", site="after", queue="queue")


def test_what_could_not_be_worked_out_changes_nothing():
    chosen = Chosen(Choices(band="before"))

    def choose() -> None:
        with chosen.anew() as choices:
            choices.band = None
            raise CalibrationError

    with pytest.raises(CalibrationError):
        choose()
    assert chosen.now == Choices(band="before")


def test_a_bands_promise_is_of_patients_where_they_have_several_films():
    site = a_site()
    assert "of patients" in _promise(site)
    each = replace(site, films=replace(site.films, patients=site.films.n))
    assert "of patients" not in _promise(each)
