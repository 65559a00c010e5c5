"""Films as PDF, read back by another program."""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from pypdf import PageObject, PdfReader

from cxr.evidence import model_label
from cxr.exports import Item, items_of, to_pdf
from cxr.exports.film_sheet import FIELD
from cxr.exports.item import (
    OVERRIDDEN,
    VERSION,
    facts,
    utc,
)
from cxr.exports.latin import label, latin, shortened
from cxr.exports.paper import FOOT, LEFT, Paper
from cxr.exports.pictures import bounded
from cxr.films.notes import Note
from cxr.films.radiograph import Radiograph, read
from cxr.heatmaps.overlay import overlay
from cxr.plain_text import visible
from cxr.reading_room.entry import Assessment, Entry
from cxr.scoring.card import Card, TrainingFacts
from cxr.scoring.explain import CAPTION, Heatmap
from cxr.scoring.operating_points import band
from cxr.scoring.population import intended_use
from cxr.scoring.predict import Prediction
from cxr.scoring.reader import Call
from cxr.scoring.refusal import Refusal
from tests.cards import POINT, SHA256, a_card
from tests.conftest import ROOT, film_like, png
from tests.film_files import dicom, scene
from tests.heat import measured
from tests.scoring.test_region import a_region

#: Height of a sheet in points, and a point in mm.
A4, POINT_MM = 841.89, 25.4 / 72
MADE = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
REASON = Refusal("not_chest", "The header says that this is a knee. Check the file.")


def said(
    film: Radiograph | None, score: float | None, card: Card | None = None, **changes: object
) -> Prediction:
    """A prediction made by hand: with a heatmap where there is a score, else refused."""
    card = card or a_card()
    if score is None or film is None:
        words: dict = {"score": None, "logit": None, "band": None, "refusal": REASON}
    else:
        grid = np.random.default_rng(5).random((7, 7)).astype(np.float32)
        heatmap = Heatmap(grid, film.height, film.width, "gradcam", "conv", card.finding)
        words = {"score": score, "logit": 0.0, "band": band(score, POINT), "refusal": None}
        words |= {"heatmap": heatmap}
    words |= {"operating_point": POINT.name, "threshold": POINT.threshold}
    words |= {"model": card.name, "model_sha256": card.weights.sha256}
    return Prediction(**words | changes)


def an_item(name: str, score: float | None, seed: int = 1, **more: object) -> Item:
    film = film_like(seed)
    return Item(name, film, said(film, score), **more)  # type: ignore[arg-type]


def texts(pdf: bytes) -> list[str]:
    """The words of each page, in one line."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


class TestOneFilm:
    @pytest.fixture(scope="class")
    def item(self) -> Item:
        return an_item("film.png", 0.8713, call=Call.FINDING)

    @pytest.fixture(scope="class")
    def page(self, item) -> str:
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        return page

    def test_score_and_band(self, page):
        assert "0.871 above the operating point for pneumonia" in page
        assert "operating point 0.400" in page

    @pytest.mark.parametrize(("score", "word"), [(0.31, "near"), (0.1, "below")])
    def test_other_bands(self, score, word):
        page, _ = texts(to_pdf([an_item("film.png", score)], a_card(), made=MADE))
        assert f"{score:.3f} {word} the operating point for pneumonia" in page

    def test_rates_of_the_operating_point(self, page):
        assert "Operating point sensitivity-95" in page
        assert POINT.rule in page
        assert "validation 288 96.2 % (89.3 % to 98.7 %) 89.5 % (84.6 % to 93.0 %)" in page
        assert "test 336 94.4 % (87.6 % to 97.6 %) no such films" in page

    def test_of_another_operating_point_the_test_films_were_not_measured(self):
        film = film_like(1)
        item = Item("x.png", film, said(film, 0.2, operating_point="other"))
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        assert "test not measured at this operating point" in page
        assert "94.4 %" not in page

    def test_of_a_model_without_validation_films(self):
        bare = dict.fromkeys(
            ("sensitivity", "sensitivity_ci", "specificity", "specificity_ci"), None
        )
        point = dataclasses.replace(POINT, n=0, **bare)
        card = a_card(
            operating_points=(point,), evaluation={}, training=TrainingFacts(0, 0, 0.0, 0.0, {})
        )
        page, _ = texts(to_pdf([an_item("film.png", 0.9)], card, made=MADE))
        assert "Not measured: there were no validation films." in page
        assert "Trained not known" in page

    def test_model_and_film(self, item, page):
        assert f"pneumonia-made, {SHA256[:12]} " in page
        assert SHA256 in page
        assert item.film.sha256 in page
        assert "epoch 6; python 3.11.7, keras 3.15.1" in page
        assert f"2026-02-03 04:05:06 UTC by cxr {VERSION}" in page
        assert "Reader's call pneumonia seen" in page
        assert "160 x 160 pixels" in page

    def test_words_of_every_page(self, page):
        assert CAPTION in page
        assert "Heatmap Grad-CAM, transparent below 0.2. Higher: this part raised the" in page
        assert intended_use("children of 1 to 5 years") in page
        assert page.endswith("1 of 2")

    def test_facts_of_the_header(self):
        film = dataclasses.replace(film_like(1), modality="DX", view="PA", age=4.2, sex="F")
        assert facts(film) == "160 x 160 pixels · DX · PA · 4 years · F"
        page, _ = texts(to_pdf([Item("x", film, said(film, 0.2))], a_card(), made=MADE))
        assert facts(film) in page

    def test_both_pictures(self, item):
        page, _ = PdfReader(io.BytesIO(to_pdf([item], a_card(), made=MADE))).pages
        film, over, bar = (image.image for image in page.images)
        assert (film.mode, film.size) == ("L", (160, 160))
        assert np.abs(np.asarray(film, float) - item.film.pixels * 255).mean() < 4
        assert over.mode == "RGB"
        wanted = np.asarray(overlay(item.film, item.prediction.heatmap), float)
        assert np.abs(np.asarray(over, float) - wanted).mean() < 6
        assert bar.size == (256, 8)

    def test_a_heatmap_of_nothing_says_so(self, item):
        grid = np.zeros((7, 7), np.float32)
        heatmap = dataclasses.replace(item.prediction.heatmap, grid=grid)
        prediction = dataclasses.replace(item.prediction, heatmap=heatmap)
        nothing = dataclasses.replace(item, prediction=prediction)
        page, _ = texts(to_pdf([nothing], a_card(), made=MADE))
        assert f"{CAPTION} The map marks no region." in page

    def test_without_a_heatmap(self, item):
        bare = dataclasses.replace(
            item, prediction=dataclasses.replace(item.prediction, heatmap=None)
        )
        page, _ = texts(to_pdf([bare], a_card(), made=MADE))
        assert "No heatmap was made." in page
        assert CAPTION not in page
        assert "0.87" in page

    def test_the_same_bytes_at_the_same_time(self, item):
        assert to_pdf([item], a_card(), made=MADE) == to_pdf([item], a_card(), made=MADE)

    def test_a_film_scored_against_the_gates_advice_says_so(self):
        film = film_like(1)
        item = Item("knee.png", film, said(film, 0.8, refusal=REASON))
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        assert f"{OVERRIDDEN} {REASON.reason}" in page
        assert "0.80" in page
        first, _, _, _ = texts(to_pdf([item, item], a_card(), made=MADE))
        assert "0.800 above, overridden" in first


#: Upper edge of the foot, mm from the top of a sheet.
FOOT_LINE = FOOT - 2.5


def lowest(page: PageObject) -> float:
    """Where the last line above the foot of a sheet ends, mm from its top."""
    foot, ends = intended_use(a_card().population), []

    def note(text: str, _: object, at: list[float], *__: object) -> None:
        # Of a line: its baseline, from below, in points.
        if (said := text.strip()) and said not in foot and not re.fullmatch(r"\d+ of \d+", said):
            ends.append((A4 - at[5]) * POINT_MM)

    page.extract_text(visitor_text=note)
    return max(ends)


class TestMuchToSay:
    """The longest that there can be to say of a film ends above the foot of a sheet."""

    RULE = (
        "The highest threshold with a sensitivity of at least 95 % over all five source countries, "
        "each scored by a network that had not seen it: the score of any film of a place that the "
        "model does not know is what this is about, and not that of the films it was chosen on."
    )
    NOTES = (Note.CHROMA, Note.ONE_LUNG, Note.SMALL_LUNGS, Note.CUT_SHORT)

    def item(self, name: str = "film.png", **more: object) -> Item:
        film = film_like(1)
        other = said(film, 0.3, heatmap=None)
        given = {"heat_in_lungs": measured(), **more}
        return Item(name, film, said(film, 0.8, **given), others={"tuberculosis": other})

    @pytest.fixture
    def card(self) -> Card:
        points = [dataclasses.replace(POINT, rule=self.RULE)]
        return a_card(operating_points=tuple(points))

    @pytest.mark.parametrize("notes", [(), NOTES[:2], NOTES[:3]])
    def test_where_it_nearly_fits_it_stays_on_one_sheet(self, card, notes):
        item = self.item(refusal=REASON, notes=notes)
        reader = PdfReader(io.BytesIO(to_pdf([item], card, made=MADE)))
        page, label_ = reader.pages
        assert "Made" in page.extract_text()
        assert lowest(page) < FOOT_LINE
        assert lowest(label_) < FOOT_LINE

    def test_else_it_goes_on_on_another(self, card):
        more = {"refusal": REASON, "notes": self.NOTES}
        items = [self.item("long.png", **more), self.item("short.png")]
        reader = PdfReader(io.BytesIO(to_pdf(items, card, made=MADE)))
        list_, first, second, third, label_ = reader.pages
        for page in reader.pages:
            assert lowest(page) < FOOT_LINE
        for page in (first, second):
            assert "long.png" in page.extract_text()
            assert intended_use(card.population) in " ".join(page.extract_text().split())
        told = texts(to_pdf(items, card, made=MADE))
        both = told[1] + told[2]
        for words in ("Reader's call", "Note", "Other findings", "Made", OVERRIDDEN):
            assert both.count(words) >= 1, words
        assert "Made" in told[2]
        assert "0.80" not in told[2]
        # Numbers and links are those of the sheets.
        assert [page.split()[-3:] for page in told] == [[str(k), "of", "5"] for k in range(1, 6)]
        assert "1 long.png 0.800 above, overridden 2" in told[0]
        assert "2 short.png 0.800 above 4" in told[0]
        targets = [note.get_object()["/Dest"][0] for note in list_["/Annots"]]
        pages = [page.indirect_reference.idnum for page in (first, third)]
        assert [target.idnum for target in targets] == pages
        assert "short.png" in told[3]
        assert "short.png" not in label_.extract_text()


class TestRegions:
    REGIONS = (
        a_region(left=0.1, top=0.2, right=0.5, bottom=0.6),
        a_region(shape="ellipse", label="nothing there", left=0.6, top=0.1, right=0.9, bottom=0.5),
    )

    @pytest.mark.parametrize("score", [0.8, None])
    def test_what_the_reader_drew_is_outlined_and_told(self, score) -> None:
        item = an_item("film.png", score, regions=self.REGIONS)
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        assert "Outlined by its reader: pneumonia; nothing there." in page
        bare, _ = texts(to_pdf([an_item("film.png", score)], a_card(), made=MADE))
        assert "Outlined" not in bare

    def test_of_more_than_two_lines_the_middle_is_left_out_and_not_the_end(self) -> None:
        names = ["pneumonia " * 5, "tuberculosis " * 5, "effusion " * 5]
        regions = [a_region(finding=name.strip()) for name in names]
        item = an_item("film.png", 0.8, regions=(*regions, a_region(label="other")))
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        assert "Outlined by its reader: pneumonia" in page
        assert "; other." in page

    def test_it_lies_on_the_film_where_it_was_drawn(self, monkeypatch) -> None:
        drawn = []

        def note(self, shape, *sides, dashed):
            drawn.append((shape, sides, dashed))

        monkeypatch.setattr(Paper, "outline", note)
        item = an_item("film.png", 0.8, regions=self.REGIONS)
        to_pdf([item], a_card(), made=MADE)
        (box, _, solid), (ellipse, sides, dashed) = drawn
        assert (box, solid, ellipse, dashed) == ("box", False, "ellipse", True)
        film, (width, height) = item.film, FIELD
        scale = min(width / film.width, height / film.height)
        left = LEFT + (width - film.width * scale) / 2 + 0.6 * film.width * scale
        assert sides[0] == pytest.approx(left)
        assert sides[2:] == pytest.approx((0.3 * film.width * scale, 0.4 * film.height * scale))


class TestRefused:
    @pytest.mark.parametrize("film", [film_like(3), None], ids=["read", "not read"])
    def test_reason_and_no_score_anywhere(self, film):
        page, _ = texts(to_pdf([Item("knee.png", film, said(film, None))], a_card(), made=MADE))
        assert "No score" in page
        assert REASON.reason in page
        assert not re.search(r"\b[01]\.\d\d\b|\d ?%", page)
        assert "operating point" not in page
        assert CAPTION not in page
        assert intended_use("children of 1 to 5 years") in page

    def test_no_heatmap_even_where_one_was_handed_in(self):
        film = film_like(3)
        heatmap = said(film, 0.5).heatmap
        item = Item("knee.png", film, said(film, None, heatmap=heatmap))
        page, _ = PdfReader(io.BytesIO(to_pdf([item], a_card(), made=MADE))).pages
        assert [image.image.mode for image in page.images] == ["L"]


class TestList:
    SCORES = (0.1, 0.9, None, 0.5)

    @pytest.fixture(scope="class")
    def pdf(self) -> bytes:
        items = [
            an_item(f"film{i}.png", score, i, call="unsure" if i == 1 else None)
            for i, score in enumerate(self.SCORES)
        ]
        return to_pdf(iter(items), a_card(), made=MADE)

    def test_table_then_a_page_a_film_by_score(self, pdf):
        first, *films, _ = texts(pdf)
        assert len(films) == 4
        assert "4 films, 3 scored, 1 without a score." in first
        rows = (
            "1 film1.png 0.900 above unsure 2",
            "2 film3.png 0.500 near 3",
            "3 film0.png 0.100 below 4",
        )
        assert all(row in first for row in rows)
        assert first.index("film1.png") < first.index("film3.png") < first.index("film0.png")
        names = ["film1.png", "film3.png", "film0.png", "film2.png"]
        assert all(name in page for name, page in zip(names, films, strict=True))
        assert "Rank 1 of 3" in films[0]
        assert "Rank" not in films[3]

    def test_refused_films_stand_apart_with_their_reason(self, pdf):
        first = texts(pdf)[0]
        apart = first.index("Without a score: 1")
        assert first.index("film0.png") < apart < first.index("film2.png")
        assert REASON.reason in first
        assert "0." not in first[apart:].split("For research")[0]

    def test_intended_use_and_number_on_every_page(self, pdf):
        pages = texts(pdf)
        for number, page in enumerate(pages, start=1):
            assert intended_use("children of 1 to 5 years") in page
            assert f"{number} of {len(pages)}" in page

    def test_the_label_of_the_model_comes_last(self, pdf):
        card = a_card()
        page = " ".join(texts(pdf)[-1].split())
        for fact in model_label.label(card).itertuples():
            assert str(fact.fact) in page
            assert " ".join(latin(str(fact.value)).split()) in page

    def test_rows_lead_to_their_pages(self, pdf):
        reader = PdfReader(io.BytesIO(pdf))
        links = [note.get_object() for note in reader.pages[0]["/Annots"]]
        assert len(links) == 4

    def test_ties_stay_in_the_order_given(self):
        items = [an_item(f"film{i}.png", 0.5 + i * 1e-9, i) for i in range(3)]
        pages = texts(to_pdf(items, a_card(), made=MADE))[1:-1]
        assert len(pages) == 3
        assert all(f"film{i}.png" in page for i, page in enumerate(pages))

    def test_a_long_list_runs_over_several_sheets(self):
        film = film_like(0)
        scored = [Item(f"film{i}.png", film, said(film, 0.5)) for i in range(40)]
        refused = [Item(f"knee{i}.png", film, said(film, None)) for i in range(3)]
        pages = texts(to_pdf([*refused, *scored], a_card(), made=MADE))
        assert len(pages) == 2 + 43 + 1
        assert "film0.png" in pages[0]
        assert "knee2.png" in pages[1]
        assert "film0.png" in pages[2]
        assert "46 of 46" in pages[-1]

    def test_all_refused(self):
        items = [an_item(f"knee{i}.png", None, i) for i in range(2)]
        pages = texts(to_pdf(items, a_card(), made=MADE))
        assert "2 films, 0 scored, 2 without a score." in pages[0]
        assert "Rank" not in pages[0]

    def test_one_film_at_a_time_is_held(self):
        alive: list[int] = []

        def made() -> Iterator[Item]:
            import weakref

            films: list[weakref.ref] = []
            for i in range(4):
                item = an_item(f"film{i}.png", 0.5, i)
                films.append(weakref.ref(item.film))
                yield item
                del item
                alive.append(sum(film() is not None for film in films))

        to_pdf(made(), a_card(), made=MADE)
        assert max(alive) <= 1


class TestWhatIsTurnedAway:
    def test_no_film(self):
        with pytest.raises(ValueError, match="at least one film"):
            to_pdf([], a_card())

    def test_another_model(self):
        with pytest.raises(
            ValueError, match=r"Expected films scored by tuberculosis-made 0123456789ab\. "
        ):
            to_pdf([an_item("film.png", 0.5)], a_card("tuberculosis"))

    def test_two_operating_points(self):
        film = film_like(1)
        items = [Item("a", film, said(film, 0.2)), Item("b", film, said(film, 0.2))]
        items[1] = Item("b", film, said(film, 0.2, operating_point="other"))
        with pytest.raises(ValueError, match="Expected one operating point"):
            to_pdf(items, a_card())

    def test_the_heatmap_of_another_film(self):
        other = said(film_like(1, size=200), 0.2)
        with pytest.raises(ValueError, match="Expected a heatmap of 160 x 160"):
            to_pdf([Item("a", film_like(1), other)], a_card())


class TestNames:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("plain (1).png", "plain (1).png"),
            ("Mu\u0308ller.dcm", "Müller.dcm"),  # as file systems of Apple write it
            ("śłońce.png", "s?once.png"),
            ("胸部 01.dcm", "?? 01.dcm"),
            ("a\tb\nc\x00d", "a b c d"),
            ("x\u202egnp.exe", "xgnp.exe"),
            ("“x” – €.png", "“x” – €.png"),
            ("ﬁlm①.png", "film1.png"),
            ("bad\udcff.png", "bad?.png"),
            ("🫁.png", "?.png"),
        ],
    )
    def test_in_letters_of_the_standard_fonts(self, name, shown):
        assert latin(name) == shown
        page, _ = texts(to_pdf([an_item(name, 0.5)], a_card(), made=MADE))
        # On a page what cannot be seen in a name is shown.
        assert " ".join(latin(visible(name)).split()) in page

    def test_a_mark_of_direction_is_shown(self):
        assert label("x\u202egnp.exe", SHA256) == "x\\u202egnp.exe"

    def test_hash_stands_where_letters_were_lost(self):
        assert label("胸部.dcm", SHA256) == "??.dcm (01234567)"
        assert label("what?.dcm", SHA256) == "what?.dcm"
        assert label("胸部.dcm", "") == "??.dcm"

    def test_of_a_long_one_the_middle_is_left_out(self):
        name = "start" + "x" * 300 + "end.png"
        for page in texts(to_pdf([an_item(name, 0.5), an_item("b", 0.4)], a_card(), made=MADE))[:2]:
            assert re.search(r"start.*…x*end\.png", page)
            assert name not in page

    @pytest.mark.parametrize("room", [0, 1, 2, 5, 11, 12])
    def test_shortened(self, room):
        text = shortened("abcdefghijkl", room, len)
        assert len(text) <= max(room, 1)
        assert ("…" in text) == (room < 12)

    def test_a_call_of_any_length_keeps_its_place(self):
        item = an_item("film.png", 0.5, call="seen " * 60)
        page, _ = texts(to_pdf([item], a_card(), made=MADE))
        assert page.count("seen") == 60


class TestPrivacy:
    def test_nothing_of_the_header_but_the_facts(self):
        source = dicom(scene(200, 220), PatientAge="004Y", ViewPosition="PA", StudyID="SECRET-2")
        film = read(source)
        pdf = to_pdf([Item("film.dcm", film, said(film, 0.5), source=source)], a_card(), made=MADE)
        assert b"SECRET" not in pdf
        reader = PdfReader(io.BytesIO(pdf))
        told = f"{reader.metadata} {reader.xmp_metadata} {texts(pdf)}"
        assert "SECRET" not in told
        assert "film.dcm" not in f"{reader.metadata}"
        assert "PA" in told

    def test_metadata(self):
        metadata = PdfReader(io.BytesIO(to_pdf([an_item("x", 0.5)], a_card(), made=MADE))).metadata
        assert metadata.title == "Chest radiographs, score for pneumonia"
        assert metadata.creation_date == MADE


class TestBounded:
    @pytest.mark.parametrize("size", [(300, 200), (200, 300)])
    def test_longest_side(self, size):
        pixels = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
        film = Radiograph(pixels)
        heatmap = said(film, 0.5).heatmap
        small, fitting = bounded(film, heatmap, 150)
        assert small.pixels.shape == (size[0] // 2, size[1] // 2) == fitting.array.shape
        assert small.sha256 == Radiograph(small.pixels).sha256 != film.sha256
        assert abs(small.pixels.mean() - film.pixels.mean()) < 1e-3

    def test_a_small_film_stays_and_its_heatmap_works_nothing_out(self):
        film = film_like(1)
        heatmap = said(film, 0.5).heatmap
        same, fitting = bounded(film, heatmap, 160)
        assert same is film
        np.testing.assert_array_equal(fitting.array, dataclasses.replace(heatmap).array)
        assert "array" not in vars(heatmap)


def entry(number, name, source, prediction=None, call=None) -> Entry:
    """A film of a list that is read for one finding."""
    return Entry(number, name, source, {"pneumonia": Assessment(prediction, call=call)})


class TestItemsOf:
    def test_of_several_findings_one_item_for_each_score(self):
        film = film_like(1)
        picture = png(np.rint(film.pixels * 255).astype(np.uint8))
        yes, no = said(film, 0.5), said(None, None)
        entries = [
            Entry(1, "a", picture, {"x": Assessment(yes), "y": Assessment(yes)}),
            Entry(2, "b", picture, {"x": Assessment(yes), "y": Assessment(no)}),
            Entry(3, "c", picture, {"x": Assessment(no), "y": Assessment(no)}),
        ]
        items = list(items_of(entries, lambda entry, film, finding: (finding, None)))
        assert [(item.number, item.name, item.prediction.heatmap) for item in items] == [
            (1, "a", "x"), (1, "a", "y"), (2, "b", "x"), (3, "c", None)
        ]  # fmt: skip
        assert [list(item.others) for item in items] == [["y"], ["x"], ["y"], ["y"]]

    def test_read_one_by_one_the_waiting_left_out(self, tmp_path):
        picture = np.rint(film_like(1).pixels * 255).astype(np.uint8)
        (tmp_path / "b.png").write_bytes(png(picture))
        said_of_it = said(film_like(1), 0.5)
        entries = [
            entry(1, "a.png", png(picture), said_of_it, Call.UNSURE),
            entry(2, "b.png", tmp_path / "b.png", said_of_it),
            entry(3, "c.png", png(picture)),
            entry(4, "d.png", b"", said(None, None)),
            entry(5, "e.png", tmp_path / "gone.png", said(None, None)),
        ]
        first, second, fourth, fifth = items_of(entries)
        assert (first.name, first.call, first.source) == ("a.png", "unsure", png(picture))
        assert second.film.sha256 == first.film.sha256
        assert second.source == first.source
        assert fourth.film is None
        assert fifth.film is None
        assert fifth.source is None
        assert "a.png" not in repr(first)


@pytest.mark.parametrize("made", [MADE, MADE.replace(tzinfo=None), None])
def test_times_are_in_utc(made):
    assert utc(made).tzinfo is UTC
    assert made is None or utc(made) == MADE
    there = MADE.astimezone(timezone(timedelta(hours=3)))
    assert utc(there) == MADE


def test_version_is_the_projects():
    import tomllib

    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    source = ROOT / config["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{VERSION}"' in source.read_text(encoding="utf-8")


def test_nothing_heavy_is_loaded_before_an_export_is_made():
    program = (
        "import sys, cxr.exports\n"
        "heavy = ('fpdf', 'highdicom', 'pydicom', 'plotly', 'streamlit', 'tensorflow')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.data
def test_twenty_full_size_films(data_dir: Path):
    """Half of a list of forty, which is to stay under 15 MB."""
    paths = sorted((data_dir / "kermany_originals").rglob("*.jp*g"))

    def made() -> Iterator[Item]:
        for path in paths:
            film = read(path)
            yield Item(path.name, film, said(film, 0.5))

    pdf = to_pdf(made(), a_card(), made=MADE)
    assert len(paths) == 20
    assert len(pdf) < 7.5e6
    reader = PdfReader(io.BytesIO(pdf))
    sizes = [image.image.size for image in reader.pages[1].images]
    assert max(sizes[0]) == 1400
