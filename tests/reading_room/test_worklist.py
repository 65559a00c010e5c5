"""The worklist of one reader: what arrives, in which order it is read, what is kept of it."""

from __future__ import annotations

import dataclasses
import io
import logging
import zipfile
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import cxr.reading_room.entry
from cxr.exports import items_of
from cxr.exports import rows_of as films_and_rows
from cxr.films.notes import Note
from cxr.films.radiograph import RadiographError
from cxr.model import Model
from cxr.reading_room.batch import BATCH
from cxr.reading_room.entry import THUMBNAIL, Entry
from cxr.reading_room.worklist import Worklist
from cxr.scoring.operating_points import band
from cxr.scoring.predict import Prediction
from cxr.scoring.reader import Call
from cxr.scoring.region import MOST_REGIONS
from tests.conftest import chest_like, film_like, png
from tests.film_files import dicom
from tests.films.test_archive import without_name
from tests.scoring.test_region import a_region
from tests.sites import a_site

BLANK = png(np.full((200, 200), 90, np.uint8))


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return file.getvalue()


def read_blind(worklist: Worklist) -> Worklist:
    """Have a list as it is where it was read blind from the start."""
    worklist.blind = True
    for entry in worklist.entries:
        for assessment in entry.assessments.values():
            assessment.seen = False
    return worklist


def films(n: int) -> list[bytes]:
    return [png(chest_like(seed, ill=seed % 3 == 0)) for seed in range(n)]


def rows_of(worklist: Worklist) -> list[dict]:
    """The rows of a list without their films."""
    return [row for _, row in films_and_rows(worklist)]


@pytest.fixture
def worklist(made_bundle) -> Worklist:
    return Worklist(made_bundle)


@pytest.fixture
def mixed(worklist) -> Worklist:
    """Seven films, two that cannot be scored, and a zip of two more; all scored."""
    for k, film in enumerate(films(5), start=1):
        worklist.add(f"film-{k}.png", film)
    worklist.add("damaged.png", b"no film")
    worklist.add("blank.png", BLANK)
    worklist.add("more.zip", zipped({"a/film-8.png": films(6)[5], "b/film-9.png": films(7)[6]}))
    assert list(worklist.score()) == [4, 8, 9]
    return worklist


class TestArrival:
    def test_order_of_arrival_is_kept(self, mixed):
        assert len(mixed) == 9
        assert [entry.number for entry in mixed.ordered("arrival")] == list(range(1, 10))
        assert [entry.name for entry in mixed.ordered("arrival")][5:] == [
            "damaged.png",
            "blank.png",
            "film-8.png",
            "film-9.png",
        ]

    def test_before_it_is_scored_a_film_waits(self, worklist):
        worklist.add("a.png", films(1)[0])
        assert [entry.band for entry in worklist.waiting] == ["waiting"]
        assert rows_of(worklist) == []

    def test_a_path_is_taken_too(self, worklist, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(films(1)[0])
        worklist.add("a.png", path)
        list(worklist.score())
        assert worklist.entries[0].prediction.score is not None

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (zipped({}), "The zip holds no files. Pack the films into it."),
            (zipped({"a.png": b"x"})[:40], "The zip is damaged. Pack it again."),
        ],
        ids=["empty", "damaged"],  # the bytes hold the time
    )
    def test_a_zip_that_cannot_be_read_has_a_row_of_its_own(self, worklist, data, reason):
        worklist.add("upload.zip", data)
        (entry,) = worklist.entries
        assert (entry.name, entry.band) == ("upload.zip", "refused")
        assert entry.prediction.refusal.reason == reason
        assert worklist.waiting == []

    def test_a_file_that_the_zip_does_not_give_has_a_row(self, worklist):
        inner = zipped({"x.png": films(1)[0]})
        worklist.add("upload.zip", zipped({"inner.zip": inner, "a.png": films(1)[0]}))
        list(worklist.score())
        assert [(entry.name, entry.band == "refused") for entry in worklist.entries] == [
            ("inner.zip", True),
            ("a.png", False),
        ]

    def test_films_of_one_name_are_told_apart(self, worklist):
        film = films(1)[0]
        worklist.add("IM1.png", film)
        worklist.add("IM1.png", film)
        for name in ("one.zip", "two.zip"):
            worklist.add(name, zipped({"A/IM1.png": film, "B/IM1.png": film, "C/x.png": film}))
        names = [entry.name for entry in worklist.entries]
        assert len(set(names)) == 8
        assert names[:5] == ["IM1.png", "IM1.png (2)", "A/IM1.png", "B/IM1.png", "x.png"]
        assert names[5:] == ["two.zip/A/IM1.png", "two.zip/B/IM1.png", "two.zip/x.png"]

    def test_files_of_zips_that_are_no_films_are_counted(self, worklist):
        for _ in range(2):
            worklist.add("a.zip", zipped({"a.png": films(1)[0], "b.txt": b"words", "c.exe": b"MZ"}))
        assert (len(worklist), worklist.left_out.total) == (2, 4)

    def test_a_folder_gives_its_films(self, worklist):
        film = films(1)[0]
        inner = zipped({"d.png": film, "e.txt": b"words"})
        files = {"cd/A/IM1": film, "cd/B/IM1": film, "cd/c.zip": inner, "cd/v.exe": b"MZ"}
        worklist.add_folder(list(files.items()))
        assert [entry.name for entry in worklist.entries] == ["A/IM1", "B/IM1", "d.png"]
        assert worklist.left_out.total == 2

    def test_a_file_without_a_name_has_one_in_the_list(self, worklist):
        for name in ("", "  "):
            worklist.add(name, films(1)[0])
        worklist.add_folder([("", b"words")])
        names = [entry.name for entry in worklist.entries]
        assert len(set(names)) == 3
        assert all(names)

    def test_a_folder_without_films_has_a_row(self, worklist):
        worklist.add_folder([("cd/v.exe", b"MZ"), ("cd/notes.txt", b"words")])
        (entry,) = worklist.entries
        assert (entry.name, entry.band) == ("cd", "refused")
        worklist.add_folder([])
        assert len(worklist) == 1


class TestOrder:
    def test_highest_score_first_then_refused_then_waiting(self, mixed):
        mixed.add("late.png", films(1)[0])
        entries = mixed.ordered()
        scores = [entry.prediction.score for entry in entries[:7]]
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == 7
        assert [entry.name for entry in entries[7:]] == ["damaged.png", "blank.png", "late.png"]
        assert [entry.band for entry in entries[7:]] == ["refused", "refused", "waiting"]

    def test_equal_scores_stay_in_their_order_of_arrival(self, worklist):
        for k in range(6):
            worklist.add(f"{k}.png", films(1)[0])
        list(worklist.score())
        assert [entry.number for entry in worklist.ordered()] == [1, 2, 3, 4, 5, 6]

    def test_unknown_order(self, mixed):
        with pytest.raises(ValueError, match=r"score, arrival, date, name\. Received: 'size'"):
            mixed.ordered("size")


def test_a_list_that_is_closed_lets_the_bytes_go_whoever_knows_its_films(worklist) -> None:
    worklist.add("a.png", films(1)[0])
    (entry,) = worklist.entries
    worklist.close()
    assert not entry.source
    assert not worklist.entries


class TestScore:
    def test_each_film_has_what_the_model_says_of_it_alone(self, mixed, made_bundle):
        for entry in mixed.entries:
            if entry.band == "refused":
                assert entry.prediction.score is None
                assert entry.prediction.heatmap is None
                continue
            alone = made_bundle.predict(entry.film())
            assert entry.prediction.score == pytest.approx(alone.score, abs=1e-4)
            assert entry.prediction.heatmap.array.shape == (160, 160)
            assert entry.sha256 == entry.film().sha256

    def test_can_be_left_and_gone_on_with(self, worklist):
        for k, film in enumerate(films(2 * BATCH + 1)):
            worklist.add(f"{k}.png", film)
        steps = worklist.score()
        assert next(steps) == BATCH
        steps.close()
        assert len(worklist.waiting) == BATCH + 1
        first = [entry.prediction for entry in worklist.entries[:BATCH]]
        assert list(worklist.score()) == [2 * BATCH, 2 * BATCH + 1]
        assert worklist.waiting == []
        assert all(a is e.prediction for a, e in zip(first, worklist.entries, strict=False))
        assert list(worklist.score()) == []

    def test_thumbnail_and_facts(self, worklist, monkeypatch):
        film = dataclasses.replace(
            film_like(1), modality="DX", view="PA", age=3.4, sex="F", format="dicom"
        )
        monkeypatch.setattr("cxr.reading_room.entry.read", lambda source: film)
        worklist.add("a.dcm", b"x")
        list(worklist.score())
        (entry,) = worklist.entries
        assert entry.facts == "160 x 160 · DX · PA · 3 years · F"
        with Image.open(io.BytesIO(entry.thumbnail)) as image:
            assert (image.format, image.size) == ("JPEG", (THUMBNAIL, THUMBNAIL))
            levels = np.asarray(image, float)
        small = Image.fromarray(chest_like(1)).resize((THUMBNAIL, THUMBNAIL))
        assert np.abs(levels - np.asarray(small, float)).mean() < 5

    def test_films_without_facts_say_their_size(self, mixed):
        assert mixed.entries[0].facts == "160 x 160"

    def test_a_refused_film_can_be_looked_at(self, mixed):
        blank = next(entry for entry in mixed.entries if entry.name == "blank.png")
        assert blank.thumbnail
        assert blank.film().pixels.shape == (200, 200)
        damaged = next(entry for entry in mixed.entries if entry.name == "damaged.png")
        assert damaged.thumbnail == b""
        with pytest.raises(RadiographError):
            damaged.film()


class TestTwins:
    def test_equal_pixels_whatever_the_file(self, worklist):
        picture = chest_like(1)
        bigger = io.BytesIO()
        Image.fromarray(picture).save(bigger, "PNG", compress_level=0)
        assert bigger.getvalue() != png(picture)
        worklist.add("a.png", png(picture))
        worklist.add("other.png", films(1)[0])
        worklist.add("copy of a.png", bigger.getvalue())
        list(worklist.score())
        first, other, copy = worklist.entries
        assert worklist.twins(first) == [copy]
        assert worklist.twins(copy) == [first]
        assert worklist.twins(other) == []

    def test_films_that_were_not_read_are_not_alike(self, worklist):
        for name in ("a", "b"):
            worklist.add(name, b"no film")
        worklist.add("c", films(1)[0])
        worklist.add("d", films(1)[0])
        assert worklist.twins(worklist.entries[2]) == []
        list(worklist.score())
        assert worklist.twins(worklist.entries[0]) == []


class TestOpen:
    def test_the_first_of_the_list_then_the_chosen(self, mixed):
        first = mixed.open()
        assert first is mixed.ordered()[0]
        assert first.opened
        third = mixed.open(3)
        assert third.number == mixed.chosen == 3
        assert mixed.open() is third
        assert sum(entry.opened for entry in mixed.entries) == 2

    def test_a_film_is_opened_before_it_is_scored(self, worklist):
        worklist.add("a.png", films(1)[0])
        worklist.add("b.png", films(2)[1])
        entry = worklist.open()
        assert entry is worklist.entries[0]
        assert (entry.opened, entry.band, entry.prediction) == (True, "waiting", None)
        assert entry.film().pixels.shape == (160, 160)

    def test_a_number_that_is_gone(self, mixed):
        assert mixed.open(99, order="arrival").number == 1

    def test_an_empty_list(self, worklist):
        assert worklist.open() is None


class TestRescore:
    @pytest.fixture
    def other(self, made_bundle) -> Model:
        """The same network under another name, with its default at a fixed threshold."""
        return Model(
            made_bundle.folder,
            dataclasses.replace(
                made_bundle.card, name="other", default_operating_point="fixed-0.6"
            ),
        )

    def test_another_operating_point(self, mixed, made_bundle):
        before = [entry.prediction for entry in mixed.entries]
        mixed.entries[2].assessment.call = Call.UNSURE
        mixed.rescore(made_bundle, "fixed-0.6")
        assert mixed.point("pneumonia").name == "fixed-0.6"
        assert mixed.waiting == []  # the scores are the same, and are not worked out again
        point = made_bundle.card.operating_point("fixed-0.6")
        for old, entry in zip(before, mixed.entries, strict=True):
            new = entry.prediction
            assert (new.operating_point, new.threshold) == ("fixed-0.6", 0.6)
            assert (new.score, new.heatmap, new.refusal) == (old.score, old.heatmap, old.refusal)
            assert new.band == (None if old.score is None else band(old.score, point))
        assert mixed.entries[2].call == "unsure"

    def test_a_sites_file(self, mixed, made_bundle):
        site = a_site(made_bundle.card)
        before = [entry.prediction for entry in mixed.entries]
        mixed.rescore(site.apply(made_bundle))
        assert mixed.waiting == []
        for old, entry in zip(before, mixed.entries, strict=True):
            new = entry.prediction
            assert (new.operating_point, new.threshold) == (site.point().name, 0.3)
            assert new.logit == old.logit
            if old.score is not None:
                assert new.score == float(site.calibration.score(old.logit))
                assert new.band == band(new.score, site.point())
        rows = rows_of(mixed)
        assert {row["operating_point"] for row in rows} == {site.point().name}
        mixed.rescore(made_bundle)
        assert [entry.prediction.score for entry in mixed.entries] == [p.score for p in before]

    def test_another_model(self, mixed, other):
        mixed.rescore(other)
        list(mixed.score())
        assert {entry.prediction.model for entry in mixed.entries} == {"other"}
        assert {row["operating_point"] for row in rows_of(mixed)} == {"fixed-0.6"}

    def test_a_call_is_of_one_finding(self, mixed, other, made_bundle):
        read_blind(mixed)
        entry = mixed.entries[0]
        mixed.call(entry, "finding")
        mixed.rescore(other)
        assert (entry.call, entry.blind) == ("finding", True)
        card = dataclasses.replace(made_bundle.card, name="third", finding="tuberculosis")
        mixed.rescore(Model(made_bundle.folder, card))
        list(mixed.score())
        assert (entry.call, entry.blind) == (None, False)
        assert mixed.hidden(entry)

    def test_what_cannot_be_read_stays_refused_under_the_new_model(self, worklist, other):
        worklist.add("upload.zip", zipped({}))
        worklist.rescore(other)
        assert worklist.waiting == []
        prediction = worklist.entries[0].prediction
        assert (prediction.model, prediction.operating_point) == ("other", "fixed-0.6")
        assert prediction.refusal.reason.startswith("The zip holds no files")

    def test_an_unknown_operating_point_changes_nothing(self, mixed, other, made_bundle):
        with pytest.raises(ValueError, match="Received: 'nope'"):
            mixed.rescore(other, "nope")
        assert mixed.models == (made_bundle,)
        assert mixed.point("pneumonia").name == "sensitivity-95"
        assert mixed.waiting == []


class TestReadOnce:
    def test_who_wants_a_film_at_the_same_time_shares_it(self, worklist, monkeypatch):
        seen = []
        real = cxr.reading_room.entry.read
        monkeypatch.setattr(
            "cxr.reading_room.entry.read", lambda source: (seen.append(1), real(source))[1]
        )
        worklist.add("a.png", films(1)[0])
        entry = worklist.entries[0]
        film = entry.film()
        assert entry.film() is film
        list(worklist.score())
        assert len(seen) == 1
        # What nobody holds is not kept.
        del film
        entry.film()
        assert len(seen) == 2

    def test_its_facts_are_there_before_its_thumbnail(self, worklist):
        worklist.add("a.png", films(1)[0])
        entry = worklist.entries[0]
        entry.film()
        assert (entry.facts, entry.age_unknown, entry.thumbnail) == ("160 x 160", True, b"")
        assert entry.sha256

    def test_the_open_film_is_scored_first(self, worklist):
        for k in range(6):
            worklist.add(f"{k}.png", films(6)[k])
        worklist.open(6)
        steps = worklist.score()
        assert next(steps) == 1
        assert worklist.entries[5].band != "waiting"
        assert next(steps) == 5


class TestSeveralFindings:
    @pytest.fixture
    def both(self, two_models) -> Worklist:
        """A film of unknown age, a child's, an adult's, one between, and no film."""
        worklist = Worklist(two_models)
        for name, age in (("unknown", None), ("child", "004Y"), ("adult", "064Y"), ("12", "012Y")):
            seed = len(worklist)
            source = dicom(chest_like(seed, ill=seed % 2 == 0), PatientAge=age)
            worklist.add(name, source)
        worklist.add("none", b"no film")
        list(worklist.score())
        return worklist

    def test_a_cell_for_each_finding(self, both):
        scored = [
            [finding for finding, a in entry.assessments.items() if a.scored]
            for entry in both.entries
        ]
        adults, children = ["tuberculosis"], ["pneumonia"]
        assert scored == [children + adults, children, adults, [], []]
        assert [entry.age_unknown for entry in both.entries[:3]] == [True, False, False]
        codes = [a.prediction.refusal.code for a in both.entries[3].assessments.values()]
        assert codes == ["age", "age"]

    def test_before_the_scores_the_finding_that_fits_is_shown(self, two_models):
        worklist = Worklist(two_models)
        for age in ("004Y", "064Y", None):
            worklist.add("film", dicom(chest_like(1), PatientAge=age))
        for entry in worklist.entries:
            entry.film()
        shown = [entry.finding for entry in worklist.entries]
        assert shown == ["pneumonia", "tuberculosis", "pneumonia"]

    def test_the_highest_band_ranks(self, both):
        entry = both.entries[0]
        pneumonia, tuberculosis = entry.assessments.values()
        pneumonia.prediction = replace(pneumonia.prediction, score=0.99, band="near")
        tuberculosis.prediction = replace(tuberculosis.prediction, score=0.70, band="above")
        assert (entry.band, entry.ranked_by, entry.finding) == ("above", *["tuberculosis"] * 2)
        assert entry.prediction.score == 0.70
        entry.chosen = "pneumonia"
        assert (entry.band, entry.finding, entry.prediction.score) == ("above", "pneumonia", 0.99)
        names = [e.name for e in both.ordered()]
        assert sorted(names[3:]) == ["12", "none"]

    def test_a_row_for_each_finding(self, both):
        rows = rows_of(both)
        assert len(rows) == 2 * len(both)
        assert {(row["path"], row["finding"]) for row in rows} == {
            (entry.name, finding) for entry in both.entries for finding in both.findings
        }
        notes = {row["notes"] for row in rows if row["path"] == "unknown"}
        assert notes == {"age_unknown"}
        assert {row["intended_use"][-8:] for row in rows} == {" adults.", "5 years."}

    def test_calls_are_of_a_finding(self, both):
        entry = both.entries[0]
        both.call(entry, Call.FINDING, "tuberculosis")
        both.call(entry, Call.UNSURE, "pneumonia")
        assert [a.call for a in entry.assessments.values()] == [Call.UNSURE, Call.FINDING]

    def test_a_blind_film_is_hidden_until_each_finding_is_called(self, both):
        read_blind(both)
        entry = both.entries[0]
        both.call(entry, Call.FINDING, "tuberculosis")
        assert both.hidden(entry)
        both.call(entry, Call.NO_FINDING, "pneumonia")
        assert not both.hidden(entry)
        assert all(a.blind for a in entry.assessments.values())
        child = both.entries[1]
        both.call(child, Call.NO_FINDING)
        assert not both.hidden(child)

    def test_which_finding_of_a_blind_film_is_shown_tells_nothing_of_its_scores(self, both):
        unknown, child, adult = both.entries[:3]
        for finding, side in (("pneumonia", "below"), ("tuberculosis", "above")):
            assessment = unknown.assessments[finding]
            assessment.prediction = replace(assessment.prediction, band=side)
        assert unknown.finding == "tuberculosis"
        read_blind(both)
        shown = [entry.finding for entry in (unknown, child, adult)]
        assert shown == ["pneumonia", "pneumonia", "tuberculosis"]
        both.call(unknown, Call.UNSURE, "pneumonia")
        assert unknown.finding == "pneumonia"
        both.call(unknown, Call.UNSURE, "tuberculosis")
        assert unknown.finding == "tuberculosis"

    def test_an_override_is_of_a_finding(self, both):
        adult = both.entries[2]
        adult.chosen = "pneumonia"
        both.override(adult)
        assert adult.band == "waiting"
        list(both.score())
        assert [a.overridden for a in adult.assessments.values()] == [True, False]
        assert all(a.scored for a in adult.assessments.values())
        assert adult.prediction.overridden

    def test_from_all_to_one_model_and_back(self, both, two_models):
        both.call(both.entries[0], Call.UNSURE, "tuberculosis")
        both.rescore(two_models[1])
        assert len(both.waiting) == 4  # one of the five cannot be read
        list(both.score())
        assert [list(entry.assessments) for entry in both.entries] == [["tuberculosis"]] * 5
        assert both.entries[0].prediction.notes == ()
        assert both.entries[0].call is Call.UNSURE
        both.rescore(two_models)
        list(both.score())
        assert both.findings == ("pneumonia", "tuberculosis")
        assert both.entries[0].assessments["tuberculosis"].call is Call.UNSURE


class TestOverride:
    def test_a_refused_film_is_scored_and_says_so(self, mixed):
        blank = next(entry for entry in mixed.entries if entry.name == "blank.png")
        mixed.override(blank)
        assert mixed.waiting == [blank]
        list(mixed.score())
        assert blank.band in ("above", "near", "below")
        rows = {row["path"]: row for row in rows_of(mixed)}
        assert rows["blank.png"]["refusal_overridden"] is True
        assert rows["blank.png"]["refusal_code"] == "blank"
        assert 0 < rows["blank.png"]["score"] < 1
        assert rows["film-1.png"]["refusal_overridden"] is False

    def test_stays_under_another_model_and_operating_point(self, mixed, made_bundle):
        blank = next(entry for entry in mixed.entries if entry.name == "blank.png")
        mixed.override(blank)
        list(mixed.score())
        mixed.rescore(made_bundle, "fixed-0.6")
        assert blank.prediction.overridden
        assert blank.prediction.threshold == 0.6

    def test_only_what_was_read_and_refused(self, mixed):
        damaged = next(entry for entry in mixed.entries if entry.name == "damaged.png")
        for entry in (mixed.entries[0], damaged):
            mixed.override(entry)
            list(mixed.score())
        assert not mixed.entries[0].overridden
        assert damaged.band == "refused"


class TestBlind:
    @pytest.fixture
    def blind(self, mixed) -> Worklist:
        return read_blind(mixed)

    def test_a_score_is_hidden_until_the_call(self, blind):
        entry = blind.entries[0]
        assert blind.hidden(entry)
        blind.call(entry, "no finding")
        assert not blind.hidden(entry)
        assert (entry.call, entry.blind) == ("no finding", True)

    def test_refused_and_waiting_films_hide_nothing(self, blind):
        blind.add("late.png", films(1)[0])
        hidden = {entry.name for entry in blind.entries if blind.hidden(entry)}
        assert hidden == {entry.name for entry in blind.entries[:5]} | {"film-8.png", "film-9.png"}

    def test_the_order_gives_nothing_away(self, blind):
        assert [entry.number for entry in blind.ordered("score")] == list(range(1, 10))

    def test_exports_leave_hidden_films_out(self, blind):
        assert {row["path"] for row in rows_of(blind)} == {"damaged.png", "blank.png"}
        blind.call(blind.entries[1], "unsure")
        assert {row["path"]: row["blind"] for row in rows_of(blind)} == {
            "damaged.png": None,
            "blank.png": None,
            "film-2.png": True,
        }

    def test_what_was_called_blind_is_not_changed_by_what_was_seen_after(self, blind):
        entry = blind.entries[0]
        blind.call(entry, "unsure")
        blind.call(entry, "finding")
        blind.judge(entry, "override", "film quality")
        assert entry.call == "unsure"
        assert (entry.judgement, entry.reason) == ("override", "film quality")

    def test_a_film_whose_score_was_on_show_before_is_not_called_blind(self, mixed):
        mixed.add("late.png", films(1)[0])
        mixed.blind = True
        list(mixed.score())
        entry, late = mixed.entries[0], mixed.entries[-1]
        assert mixed.hidden(entry)
        assert mixed.hidden(late)
        for called in (entry, late):
            mixed.call(called, "finding")
        assert (entry.call, entry.blind) == ("finding", False)
        assert (late.call, late.blind) == ("finding", True)
        mixed.blind = False
        mixed.blind = True
        assert late.blind

    def test_without_blind_reading_a_call_is_not_blind(self, mixed):
        mixed.call(mixed.entries[0], "unsure")
        assert not mixed.entries[0].blind


class TestJudge:
    @pytest.mark.parametrize(
        ("place", "judgement", "call"),
        [
            (0, "agree", "finding"),
            (0, "override", "no finding"),
            (6, "agree", "no finding"),
            (6, "override", "finding"),
            (0, None, None),
        ],
    )
    def test_the_call_follows_from_the_side_of_the_operating_point(
        self, mixed, place, judgement, call
    ):
        entry = mixed.ordered()[place]
        scores = [e.prediction.score for e in mixed.ordered()[:7]]
        threshold = mixed.point("pneumonia").threshold
        assert scores[0] >= threshold > scores[6]
        mixed.judge(entry, judgement)
        assert (entry.call, entry.judgement, entry.blind) == (call, judgement, False)

    def test_a_reason_stands_with_an_override_alone(self, mixed):
        entry = mixed.ordered()[0]
        mixed.judge(entry, "override", "artefact or device")
        assert entry.reason == "artefact or device"
        mixed.judge(entry, "agree", "artefact or device")
        assert entry.reason is None

    def test_a_film_without_a_score(self, mixed):
        with pytest.raises(ValueError, match="without a score"):
            mixed.judge(mixed.ordered()[-1], "agree")

    def test_an_unknown_judgement(self, mixed):
        with pytest.raises(ValueError, match="agree, override"):
            mixed.judge(mixed.entries[0], "maybe")

    def test_another_operating_point_asks_again_and_keeps_the_call(self, mixed, made_bundle):
        entry = mixed.ordered()[0]
        mixed.judge(entry, "override", "other")
        mixed.rescore(made_bundle, "fixed-0.6")
        assert (entry.judgement, entry.reason) == (None, None)
        assert entry.call == "no finding"


class TestBands:
    def test_only_those_asked_for_in_their_order(self, mixed):
        every = mixed.ordered()
        for bands in (("above",), ("below", "refused"), ()):
            assert mixed.ordered(bands=bands) == [e for e in every if e.band in bands]


NAME = "Mustermann_Erika_1990-01-01"


@pytest.mark.parametrize(
    "content",
    [films(1)[0], b"no film", BLANK, zipped({f"{NAME}.png": b"x"}), zipped({})],
    ids=["film", "damaged", "blank", "zip", "empty zip"],
)
def test_names_stay_out_of_logs(
    worklist: Worklist,
    content: bytes,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    worklist.add(f"{NAME}.png", content)
    list(worklist.score())
    worklist.open()
    (entry,) = worklist.entries
    said: list[Callable[[], str]] = [lambda: repr(entry), lambda: repr(worklist)]
    if isinstance(entry.prediction, Prediction):
        said.append(lambda: repr(entry.prediction))
    assert NAME not in caplog.text
    assert NAME not in "".join(capfd.readouterr())
    assert not [text() for text in said if NAME in text()]


class TestTurnedByHand:
    @pytest.fixture
    def turned(self, worklist) -> Worklist:
        film = chest_like(3)
        worklist.add("film.png", png(film))
        worklist.add("negative.png", png(255 - film))
        list(worklist.score())
        worklist.call(worklist.entries[1], "finding")
        worklist.turn(worklist.entries[1])
        return worklist

    def test_it_waits_and_what_was_said_of_it_is_dropped(self, turned):
        assert turned.waiting == [turned.entries[1]]
        assert turned.entries[1].call is None

    def test_it_is_scored_as_the_film_that_it_then_is(self, turned):
        list(turned.score())
        film, entry = turned.entries
        assert entry.sha256 == film.sha256
        assert entry.thumbnail == film.thumbnail
        assert entry.prediction.score == pytest.approx(film.prediction.score, abs=1e-6)

    def test_list_rows_and_exports_say_so(self, turned):
        list(turned.score())
        film, entry = turned.entries
        assert entry.notes == (Note.TURNED_BY_HAND,)
        assert [row["notes"] for row in rows_of(turned)].count("turned_by_hand") == 1
        exported = {item.name: item.film for item in items_of([film, entry])}
        assert exported["negative.png"].sha256 == entry.sha256
        assert exported["negative.png"].notes == entry.notes

    def test_turned_back_it_is_as_it_came(self, turned):
        list(turned.score())
        turned.turn(turned.entries[1])
        list(turned.score())
        assert turned.entries[1].notes == ()
        assert turned.entries[1].sha256 != turned.entries[0].sha256

    def test_what_cannot_be_read_stays_as_it_is(self, mixed):
        damaged = next(e for e in mixed.entries if e.name == "damaged.png")
        mixed.turn(damaged)
        assert damaged.prediction is not None


class TestRegions:
    @pytest.fixture
    def entry(self, mixed) -> Entry:
        return mixed.entries[0]

    def test_they_are_kept_and_what_has_changed_is_told(self, mixed, entry):
        one, two = a_region(), a_region(shape="ellipse")
        assert mixed.mark(entry, [one]) == ([one], [])
        assert mixed.mark(entry, [one, two]) == ([two], [])
        assert mixed.mark(entry, [two]) == ([], [one])
        assert entry.regions == (two,)
        assert mixed.mark(entry, []) == ([], [two])

    def test_what_was_drawn_keeps_the_heatmap_that_it_was_drawn_with(self, mixed, entry):
        drawn = a_region(model_sha256="c" * 64, method="gradcam")
        mixed.mark(entry, [drawn])
        assert mixed.mark(entry, [a_region(model_sha256="d" * 64, method="layercam")]) == ([], [])
        assert entry.regions == (drawn,)

    def test_what_may_not_be_is_refused_and_changes_nothing(self, mixed, entry):
        mixed.mark(entry, [a_region()])
        with pytest.raises(ValueError, match="finding that films are scored for"):
            mixed.mark(entry, [a_region(finding="cancer")])
        with pytest.raises(ValueError, match="at most"):
            mixed.mark(entry, [a_region()] * (MOST_REGIONS + 1))
        damaged = next(e for e in mixed.entries if e.name == "damaged.png")
        with pytest.raises(ValueError, match="was read"):
            mixed.mark(damaged, [a_region()])
        assert entry.regions == (a_region(),)

    def test_they_stay_on_a_film_that_is_turned_by_hand(self, mixed, entry):
        mixed.mark(entry, [a_region()])
        mixed.turn(entry)
        assert entry.regions == (a_region(),)


class TestUploads:
    def test_one_line_tells_what_came_of_the_last_one(self, worklist):
        assert worklist.account == ""
        worklist.begin_upload()
        worklist.add("first.png", films(1)[0])
        list(worklist.score())
        worklist.begin_upload()
        inside = {"a.png": films(1)[0], "notes.txt": b"Dear colleague,", "b.png": BLANK}
        worklist.add("films.zip", zipped(inside))
        worklist.add("damaged.png", b"\x89PNG\r\n\x1a\nno film")
        assert "waiting" in worklist.account
        list(worklist.score())
        assert worklist.account.startswith("1 film scored, 2 refused. 1 file ")
        assert "waiting" not in worklist.account
        assert "\n" not in worklist.account

    @pytest.mark.parametrize("name", ["", " ", "/", "..", "a/"])
    def test_a_file_without_a_name_loses_nothing(self, worklist, name):
        film = films(1)[0]
        worklist.begin_upload()
        inside = zipped({"a.png": film, name or "?": film, "b.png": film})
        worklist.add("films.zip", inside if name else without_name(inside, "?"))
        worklist.add(name, film)
        worklist.add_folder([(name, film), ("c.png", film)])
        list(worklist.score())
        names = [entry.name for entry in worklist.entries]
        for expected in ("a.png", "b.png", "c.png"):
            assert names.count(expected) == 1
        assert all(entry.thumbnail for entry in worklist.entries if ".png" in entry.name)

    def test_a_fault_of_the_program_takes_one_row(self, worklist, monkeypatch, caplog):
        def fails(*_):
            raise IndexError("Jane Doe.zip")

        monkeypatch.setattr("cxr.reading_room.worklist.unpack", fails)
        worklist.add("a.png", films(1)[0])
        worklist.add("Jane Doe.zip", zipped({"x.png": BLANK}))
        worklist.add("b.png", films(2)[1])
        list(worklist.score())
        assert [entry.band == "refused" for entry in worklist.entries] == [False, True, False]
        assert worklist.entries[1].prediction.refusal.code == "error"
        assert "IndexError" in caplog.text
        assert "Jane" not in caplog.text

    def test_a_fault_while_a_folder_is_looked_through_leaves_each_file_its_row(
        self, worklist, monkeypatch
    ):
        def fails(*_, **__):
            raise IndexError

        monkeypatch.setattr("cxr.reading_room.worklist.choose", fails)
        worklist.add_folder([("f/a.png", films(1)[0]), ("f/b.png", films(2)[1])])
        list(worklist.score())
        assert len(worklist) == 2
        assert all(entry.thumbnail for entry in worklist.entries)
