"""Films in, predictions out: one by one, in batches, and from files of all sorts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr.films.kinds import LeftOut
from cxr.films.notes import Note
from cxr.films.radiograph import Radiograph
from cxr.scoring.operating_points import band
from cxr.scoring.predict import (
    BATCH,
    FIELDS,
    FILES_AT_ONCE,
    find_films,
    logits,
    predict,
    predict_files,
)
from tests.conftest import chest_like, film_like, png


@pytest.fixture(scope="module")
def films() -> list[Radiograph]:
    return [film_like(seed, ill=seed % 2 == 0, size=140 + 20 * (seed % 3)) for seed in range(11)]


def blank() -> Radiograph:
    return Radiograph(np.full((200, 200), 0.5, np.float32))


class TestPredict:
    def test_batch_equals_one_by_one(self, made_bundle, films):
        together = predict(made_bundle, films)
        for film, prediction in zip(films, together, strict=True):
            alone = made_bundle.predict(film)
            assert alone.score == pytest.approx(prediction.score, abs=1e-4)
            assert alone.logit == pytest.approx(prediction.logit, abs=1e-4)
        assert len({round(p.logit, 6) for p in together}) == len(films)

    def test_with_heatmaps_the_scores_stay(self, made_bundle, films):
        plain = predict(made_bundle, films)
        with_maps = predict(made_bundle, films, heatmaps=True)
        for film, a, b in zip(films, plain, with_maps, strict=True):
            assert a.heatmap is None
            assert b.heatmap.array.shape == film.pixels.shape
            assert b.score == pytest.approx(a.score, abs=1e-4)

    def test_score_is_the_calibrated_logit_and_band_its_place(self, made_bundle, films):
        card = made_bundle.card
        point = card.operating_point()
        for prediction in predict(made_bundle, films):
            assert 0 < prediction.score < 1
            expected = card.calibration.score(prediction.logit)
            assert prediction.score == pytest.approx(float(expected), abs=1e-9)
            assert prediction.band == band(prediction.score, point)
            assert (prediction.operating_point, prediction.threshold) == (
                point.name,
                point.threshold,
            )
            assert prediction.refusal is None
            assert prediction.model == "pneumonia-made"
            assert prediction.model_sha256 == card.weights.sha256

    def test_logit_is_that_of_the_network(self, made_bundle, films):
        inputs = np.stack([made_bundle.prepare(film) for film in films]).astype(np.float32)
        expected = np.asarray(made_bundle.model(inputs, training=False))[:, 0]
        ours = [prediction.logit for prediction in predict(made_bundle, films)]
        np.testing.assert_allclose(ours, expected, atol=1e-4)

    def test_another_operating_point(self, made_bundle, films):
        (prediction,) = predict(made_bundle, films[:1], operating_point="fixed-0.6")
        assert (prediction.operating_point, prediction.threshold) == ("fixed-0.6", 0.6)
        with pytest.raises(ValueError, match="Received: 'nope'"):
            predict(made_bundle, films[:1], operating_point="nope")

    def test_refused_film_has_no_score_anywhere(self, made_bundle, films):
        lone = made_bundle.predict(blank(), heatmap=True)
        among = predict(made_bundle, [films[0], blank(), films[1]], heatmaps=True)
        for prediction in (lone, among[1]):
            assert prediction.score is None
            assert prediction.logit is None
            assert prediction.band is None
            assert prediction.heatmap is None
            assert prediction.refusal.code == "blank"
            row = prediction.row("blank.png")
            assert row["score"] is None
            assert row["band"] is None
            assert row["refusal_code"] == "blank"
            assert row["refusal_reason"].startswith("The picture is nearly")
        # Those beside it keep their own scores.
        for k, film in ((0, films[0]), (2, films[1])):
            assert among[k].score == pytest.approx(made_bundle.predict(film).score, abs=1e-4)

    def test_refused_film_never_reaches_the_network(self, made_bundle, monkeypatch):
        def fail(*arguments):
            raise AssertionError("the network was run")

        monkeypatch.setattr(made_bundle.network, "forward", fail)
        for heatmap in (False, True):
            assert made_bundle.predict(blank(), heatmap=heatmap).refusal.code == "blank"

    def test_an_overridden_refusal_has_a_score_and_says_both(self, made_bundle, films):
        among = predict(made_bundle, [films[0], blank(), blank()], heatmaps=True, overridden={0, 1})
        assert [p.overridden for p in among] == [False, True, False]
        assert [p.refusal and p.refusal.code for p in among] == [None, "blank", "blank"]
        assert among[2].score is None
        scored = among[1]
        assert 0 < scored.score < 1
        assert scored.band in ("above", "near", "below")
        assert scored.heatmap.array.shape == (200, 200)
        row = scored.row("blank.png")
        assert row["score"] == scored.score
        assert row["refusal_code"] == "blank"

    def test_age_is_held_against_the_population(self, made_bundle, films):
        old, young = (Radiograph(films[0].pixels, age=age) for age in (40.0, 3.0))
        refused, scored = predict(made_bundle, [old, young])
        assert (refused.refusal.code, refused.score) == ("age", None)
        assert "40 years; the model reads children of 1 to 5 years" in refused.refusal.reason
        assert scored.refusal is None

    def test_notes_of_a_film_come_with_its_prediction(self, made_bundle, films):
        noted = [Radiograph(film.pixels, notes=("cut_short",)) for film in (films[0], blank())]
        for prediction in predict(made_bundle, noted):
            assert prediction.notes == (Note.CUT_SHORT,)
            assert prediction.row("a.dcm")["notes"] == "cut_short"
        assert made_bundle.predict(films[1]).row("b.png")["notes"] is None

    def test_no_films(self, made_bundle):
        assert predict(made_bundle, []) == []

    def test_row(self, made_bundle, films):
        prediction = made_bundle.predict(films[0])
        row = prediction.row("a/b.png")
        assert tuple(row) == FIELDS
        assert row["path"] == "a/b.png"
        assert row["score"] == prediction.score
        assert row["refusal_code"] is None
        assert row["refusal_reason"] is None


class TestLogits:
    def test_more_films_than_a_batch(self, made_bundle):
        rng = np.random.default_rng(0)
        inputs = rng.integers(0, 256, (2 * BATCH + 3, 64, 64, 1), np.uint8)
        values = logits(made_bundle, inputs)
        assert values.shape == (len(inputs),)
        assert values.dtype == np.float64
        pick = [0, BATCH - 1, BATCH, len(inputs) - 1]
        np.testing.assert_allclose(values[pick], logits(made_bundle, inputs[pick]), atol=1e-4)

    def test_no_films(self, made_bundle):
        assert logits(made_bundle, np.zeros((0, 64, 64, 1), np.uint8)).shape == (0,)


class TestFindFilms:
    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        for name in (
            "b.png",
            "a.JPG",
            "deep/er/c.dcm",
            "deep/IM000001",
            "deep/DICOMDIR",
            "notes.txt",
            ".hidden.png",
            ".cache/d.png",
            "deep/._c.dcm",
        ):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    def test_folders_are_walked_for_films(self, folder):
        names = [path.relative_to(folder).as_posix() for path in find_films([folder])]
        assert names == ["a.JPG", "b.png", "deep/IM000001", "deep/er/c.dcm"]

    def test_files_are_taken_as_given_and_in_order(self, folder):
        paths = [folder / "notes.txt", folder / "deep", str(folder / "a.JPG")]
        names = [path.relative_to(folder).as_posix() for path in find_films(paths)]
        assert names == ["notes.txt", "deep/IM000001", "deep/er/c.dcm", "a.JPG"]

    def test_other_files_are_counted_for_each_folder(self, folder):
        left_out: dict[Path, LeftOut] = {}
        find_films([folder, folder / "deep"], left_out)
        counts = {path.name: others.total for path, others in left_out.items()}
        # notes.txt, DICOMDIR, two hidden files and a hidden folder.
        assert counts == {folder.name: 5, "deep": 2}

    def test_names_do_not_matter_where_the_content_tells(self, tmp_path):
        names = ["1.2.840.113619.2.5", "film.IMA", "film.img", "film.jfif", "film", "a.txt"]
        for name in names:
            (tmp_path / name).write_bytes(png(chest_like(1)))
        (tmp_path / "README.1").write_text("no film")
        assert [path.name for path in find_films([tmp_path])] == sorted(names)

    def test_a_film_that_is_named_twice_is_scored_once(self, folder):
        paths = find_films([folder, folder / "b.png", folder / "deep"])
        assert len(paths) == len(set(paths)) == 4

    def test_a_hidden_folder_that_was_asked_for(self, folder):
        assert [path.name for path in find_films([folder / ".cache"])] == ["d.png"]


class TestPredictFiles:
    @pytest.fixture
    def paths(self, tmp_path) -> list[Path]:
        """More files than are read at once, some of which hold no film."""
        paths = []
        for i in range(FILES_AT_ONCE + 4):
            path = tmp_path / f"{i:02}.png"
            path.write_bytes(png(chest_like(i)))
            paths.append(path)
        paths[1].write_bytes(b"no film")
        paths[2].write_bytes(png(np.full((200, 200), 90, np.uint8)))
        paths[5].write_bytes(paths[5].read_bytes()[:500])
        paths[FILES_AT_ONCE].unlink()
        return paths

    def test_each_file_has_its_row_and_the_rest_goes_on(self, made_bundle, paths):
        seen: list[tuple[float, float]] = []
        results = list(
            predict_files(made_bundle, paths, heatmaps=True, progress=lambda *now: seen.append(now))
        )
        assert [path for path, _, _ in results] == paths
        assert seen == [(done, len(paths)) for done in range(len(paths) + 1)]
        codes = {
            path.name: prediction.refusal.code
            for path, _, prediction in results
            if prediction.refusal
        }
        assert codes == {
            "01.png": "unreadable",
            "02.png": "blank",
            "05.png": "unreadable",
            f"{FILES_AT_ONCE:02}.png": "unreadable",
        }
        for path, film, prediction in results:
            code = codes.get(path.name)
            assert (film is None) == (code == "unreadable")
            if code:
                assert prediction.score is None
                assert prediction.logit is None
                assert prediction.band is None
                assert prediction.heatmap is None
                assert prediction.refusal.reason.endswith(".")
            else:
                assert prediction.score == pytest.approx(made_bundle.predict(film).score, abs=1e-4)
                assert prediction.heatmap.array.shape == (160, 160)
            assert prediction.model == "pneumonia-made"
            assert prediction.threshold == made_bundle.card.operating_point().threshold

    def test_reads_a_few_at_a_time(self, made_bundle, paths):
        """A million paths must not be read before the first row comes."""
        asked: list[Path] = []

        def watched():
            for path in paths:
                asked.append(path)
                yield path

        next(predict_files(made_bundle, watched()))
        assert len(asked) == FILES_AT_ONCE

    def test_operating_point(self, made_bundle, paths):
        results = predict_files(made_bundle, paths[:2], operating_point="fixed-0.6")
        assert [prediction.threshold for _, _, prediction in results] == [0.6, 0.6]
        with pytest.raises(ValueError, match="Received: 'nope'"):
            next(predict_files(made_bundle, paths, operating_point="nope"))

    def test_an_iterator_is_counted_where_progress_is_asked_for(self, made_bundle, paths):
        seen: list[tuple[float, float]] = []
        list(predict_files(made_bundle, iter(paths[:3]), progress=lambda *now: seen.append(now)))
        assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def test_nothing(self, made_bundle):
        seen: list[tuple[float, float]] = []
        results = predict_files(made_bundle, [], progress=lambda *now: seen.append(now))
        assert list(results) == seen == []


@pytest.mark.data
class TestRealFilms:
    def test_dicom_films_go_through(self, made_bundle, data_dir):
        """Whatever a real file is: a score within (0, 1), or a refusal with a reason."""
        paths = find_films([data_dir / "dicom" / "chest"])
        results = list(predict_files(made_bundle, paths))
        assert len(results) == len(paths) == 9
        for _, _, prediction in results:
            assert (prediction.score is None) == (prediction.refusal is not None)
            if prediction.score is not None:
                assert 0 < prediction.score < 1
        assert sum(prediction.score is not None for _, _, prediction in results) >= 3
