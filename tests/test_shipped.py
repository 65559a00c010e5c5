"""The bundles that ship: every figure of a card is what its CSV files say."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam

import cxr
from cxr.datasets.table import across_splits, balance
from cxr.evidence.audit.lungs import figures as lung_figures
from cxr.evidence.audit.lungs import films_measured
from cxr.evidence.audit.store import BOXES, LUNGS, SANITY
from cxr.evidence.evaluation import best_epoch, evaluate
from cxr.evidence.folds import folds_measured, left_out_point
from cxr.heatmaps.methods import FAST
from cxr.networks import BASELINES
from cxr.networks.network import Network
from cxr.scoring.bundle import default_name, models_folder
from cxr.scoring.explain import (
    METHODS,
    attribute,
    heatmaps,
)
from cxr.scoring.operating_points import choose, fit_temperature
from cxr.scoring.predict import predict
from cxr.scoring.scores import labels_of
from cxr.storage.records import encode
from cxr.training.recipes import RECIPES
from tests.bundles import films_root
from tests.conftest import ROOT, film_like

CARDS = cxr.available(ROOT / "models")
NAMES = [card.name for card in CARDS]
SHIPPED = {
    "pneumonia-efficientnet-lite0",
    "pneumonia-efficientnet-lite0-v1",
    "pneumonia-grey-cnn",
    "pneumonia-small-cnn",
    "pneumonia-vgg16-transfer",
    "pneumonia-border",
    "pneumonia-thumbnail",
    "tuberculosis-efficientnet-lite0",
    "tuberculosis-border",
    "tuberculosis-tb-cnn",
    "tuberculosis-thumbnail",
    "tuberculosis-vgg16-features",
}


@functools.cache
def shipped(name: str) -> cxr.Model:
    """Load a bundle that ships once for all tests of a worker."""
    return cxr.load(name, folder=ROOT / "models")


@pytest.fixture(params=NAMES)
def bundle(request: pytest.FixtureRequest) -> cxr.Model:
    return shipped(request.param)


def test_the_bundles_that_are_meant_to_ship_do() -> None:
    assert set(NAMES) == SHIPPED
    assert models_folder() == ROOT / "models"


@pytest.mark.parametrize("finding", ["pneumonia", "tuberculosis"])
def test_each_finding_has_a_default_and_both_baselines(finding: str) -> None:
    own = {card.name: card for card in CARDS if card.finding == finding}
    default = default_name(finding, ROOT / "models")
    assert default in own
    assert not own[default].baseline
    assert {card.architecture.name for card in own.values() if card.baseline} == set(BASELINES)


def test_the_heatmaps_of_each_were_audited_and_held_against_boxes(bundle: cxr.Model) -> None:
    """The rows belong to these weights: others are left out when the table is read."""
    table = bundle.explanations
    # A baseline has no convolution, so no method that looks at one.
    wanted = {"occlusion"} if bundle.card.baseline else set(FAST)
    assert set(table.loc[table["kind"] == SANITY, "method"]) >= wanted
    boxes = table[table["kind"] == BOXES]
    assert set(boxes["method"]) & wanted
    assert set(boxes["films"]) <= {"test", *bundle.card.recipe.external}


def test_the_figures_of_the_lungs_are_those_of_the_stored_films(bundle: cxr.Model) -> None:
    films = films_measured(bundle)
    stored = bundle.explanations
    stored = stored[stored["kind"] == LUNGS].set_index(["method", "layer", "measure"])
    computed = [
        row
        for _, some in films.groupby(["films", "method", "layer"], sort=False)
        for row in lung_figures(some)
    ]
    assert len(computed) == len(stored)
    for row in computed:
        known = stored.loc[(row["method"], row["layer"], row["measure"])]
        assert known["n"] == row["n"]
        np.testing.assert_allclose(
            known[["value", "low", "high"]].to_numpy(float),
            [row["value"], row["low"], row["high"]],
            atol=2e-6,
        )


def test_each_ships_as_its_recipe_stands() -> None:
    for card in CARDS:
        assert card.recipe == RECIPES[card.name], card.name


def test_each_scores_a_film(bundle: cxr.Model) -> None:
    # A drawing of a chest is refused, so that its score must be asked for.
    (prediction,) = predict(bundle, [film_like(1, size=400)], overridden={0})
    assert prediction.refusal.code == "not_chest"
    assert 0 < prediction.score < 1


@pytest.fixture(params=[card.name for card in CARDS if not card.baseline])
def network(request: pytest.FixtureRequest) -> cxr.Model:
    """The bundles that have convolutions."""
    return shipped(request.param)


def cut(model: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Cut a network in two before a layer; what stands behind is a copy."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    rest = keras.Model(copy.get_layer(layer).input, copy.output)
    behind = keras.models.clone_model(rest)
    behind.set_weights(rest.get_weights())
    return keras.Model(model.input, model.get_layer(layer).input), behind


class TestHeatmaps:
    """The maps of the Keras models are those of tf-keras-vis on the same flat graph.

    That the exports give what the Keras models give, `test_shipped_exports` tests.
    """

    @pytest.fixture
    def inputs(self, network: cxr.Model) -> np.ndarray:
        films = [film_like(seed, ill=seed > 1, size=300) for seed in (1, 2)]
        return np.stack([network.prepare(film) for film in films])

    def reference(self, model: keras.Model, inputs: np.ndarray, method: str, **options):
        theirs = {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus, "layercam": Layercam}[method]
        score = theirs(model, clone=False)
        return np.asarray(score(lambda out: out[:, 0], inputs.astype(np.float32), **options))

    def test_raw(self, network: cxr.Model, inputs: np.ndarray) -> None:
        """Behind the last convolution too: before its ReLU some networks have no map here.

        What comes before that convolution has no part in a map but its output: tf-keras-vis is
        given that output, computed once and not in each of six maps.
        """
        layers = network.model.layers
        last = [layer.name for layer in layers if len(layer.output.shape) == 4][-1]
        convolutions = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        convolution = [layer.name for layer in layers if isinstance(layer, convolutions)][-1]
        assert network.network.layer(None) == convolution
        before, behind_it = cut(network.model, convolution)
        entering = np.asarray(before(inputs.astype(np.float32), training=False))
        options = {"expand_cam": False, "normalize_cam": False}
        behind = {"penultimate_layer": last, "seek_penultimate_conv_layer": False}
        by_keras = Network(network.model)
        highest = 0.0
        for method in ("gradcam", "gradcam++", "layercam"):
            for layer, more in ((None, {}), (last, behind)):
                maps = attribute(by_keras, inputs, method=method, layer=layer)
                theirs = self.reference(behind_it, entering, method, **options, **more)
                assert maps.shape == theirs.shape
                highest = max(highest, float(theirs.max()))
                for mine, other in zip(maps, theirs, strict=True):
                    scale = other.max() or theirs.max() or 1.0
                    # Evidence is negative at most places: 2 + gradient x sum, by which Grad-CAM++
                    # divides, then comes near 0, and the sixth digit of a gradient shows.
                    pooling = network.card.architecture.arguments.get("pooling")
                    signed = method == "gradcam++" and pooling == "fine_evidence"
                    np.testing.assert_allclose(
                        mine / scale,
                        other / scale,
                        rtol=0,
                        atol=1e-3 if signed else 1e-4,
                        err_msg=f"{method} {layer}",
                    )
        assert highest > 0  # so there is something to compare

    def test_at_the_films_size(self) -> None:
        bundle = shipped("pneumonia-grey-cnn")
        assert bundle.card.input.margin == 0
        film = film_like(2, ill=True, size=bundle.card.size[0])
        for method in ("gradcam", "gradcam++", "layercam"):
            (heatmap,) = heatmaps(bundle, [film], method=method)
            (theirs,) = self.reference(bundle.model, bundle.prepare(film)[None], method)
            np.testing.assert_allclose(heatmap.array, theirs, rtol=0, atol=1e-4, err_msg=method)


@pytest.mark.parametrize("name", [card.name for card in CARDS if card.baseline])
def test_a_baseline_has_the_maps_that_need_no_convolution(name: str) -> None:
    bundle = shipped(name)
    film = film_like(1, size=300)
    for key, method in METHODS.items():
        if method.layered:
            with pytest.raises(ValueError, match="has no convolution, so it has no heatmap of"):
                heatmaps(bundle, [film], method=key)
        else:
            (heatmap,) = heatmaps(bundle, [film], method=key)
            assert heatmap.grid.max() > 0
            assert heatmap.layer == ""
    assert bundle.network.convolutions() == []


@pytest.mark.parametrize("finding", ["pneumonia", "tuberculosis"])
def test_each_default_has_a_gate_that_every_model_of_its_finding_uses(finding: str) -> None:
    default = default_name(finding, ROOT / "models")
    for name in (card.name for card in CARDS if card.finding == finding):
        judge, gate = shipped(name).judge
        # The flagship of before has the gate of its own features.
        assert judge.name == (name if shipped(name).card.gate else default)
        assert gate.layers == judge.card.gate.layers


@pytest.mark.data
class TestGate:
    """What the learned gate promises on the films that are here: a part of them in each run."""

    def refused(self, finding: str, paths: list[Path]) -> float:
        bundle = shipped(default_name(finding, ROOT / "models"))
        films = [cxr.read(path) for path in paths]
        codes = [p.refusal.code if p.refusal else None for p in bundle.predict_many(films)]
        assert set(codes) <= {
            *(None, "lateral", "not_chest", "too_small", "blank", "exposure"),
            *("no_lungs", "turned", "screenshot"),
        }
        return sum(code is not None for code in codes) / len(codes)

    @pytest.mark.parametrize("finding", ["pneumonia", "tuberculosis"])
    def test_what_is_no_frontal_chest_film_is_refused(self, finding: str, data_dir: Path) -> None:
        pictures = sorted(p for p in (data_dir / "not_chest").rglob("*") if p.is_file())
        assert self.refused(finding, pictures[::2]) >= 0.95
        assert self.refused(finding, sorted((data_dir / "lateral").iterdir())) >= 0.8

    @pytest.mark.parametrize("finding", ["pneumonia", "tuberculosis"])
    def test_chest_films_pass(self, finding: str, data_dir: Path) -> None:
        test = sorted((data_dir / "kermany" / "test").rglob("*.jpeg"))[::6]
        nih = sorted((data_dir / "nih" / "images").iterdir())[::8]
        assert self.refused(finding, test) <= 0.02
        assert self.refused(finding, nih) <= 0.03  # of some hundred films, one more or less is 1 %


def test_weights_stay_small() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "models").rglob("*.h5")]
    assert sizes
    assert max(sizes) <= 40e6
    assert sum(sizes) <= 80e6
    exports = [path.stat().st_size for path in (ROOT / "models").rglob("*.onnx")]
    assert max(exports) <= 40e6
    assert sum(sizes) + sum(exports) <= 160e6


def test_operating_points_and_calibration_are_those_of_validation(bundle: cxr.Model) -> None:
    card = bundle.card
    films = bundle.predictions[bundle.predictions["split"] == "validation"]
    truth, logits = labels_of(films), films["logit"].to_numpy()
    calibration = fit_temperature(logits, truth)
    assert calibration.temperature == pytest.approx(card.calibration.temperature, rel=1e-6)
    again = choose(calibration.score(logits), truth, films["patient"].to_numpy(), seed=card.seed)
    folds = folds_measured(bundle)
    if len(folds):
        again.append(left_out_point(folds, seed=card.seed))
    assert [point.name for point in again] == [point.name for point in card.operating_points]
    for new, stored in zip(again, card.operating_points, strict=True):
        for key, value in new.to_json().items():
            expected = stored.to_json()[key]
            if isinstance(value, str):
                assert value == expected
            else:
                assert value == pytest.approx(expected, abs=1e-9), (new.name, key)


def test_evaluation_is_that_of_the_predictions(bundle: cxr.Model) -> None:
    card = bundle.card
    assert set(card.evaluation) == {"validation", "test", *card.external}
    # Each was tried on films of sources that it did not learn from, or its recipe was.
    assert card.external or len(folds_measured(bundle))
    for split, stored in card.evaluation.items():
        again = evaluate(
            bundle.predictions,
            model=card.name,
            split=split,
            calibration=card.calibration,
            point=card.operating_point(),
        ).to_json()
        for key, value in stored.to_json().items():
            if value is None or isinstance(value, str):
                assert again[key] == value
            else:
                assert np.allclose(again[key], value, atol=1e-9), (split, key)


def test_training_and_data_facts_are_those_of_the_tables(bundle: cxr.Model) -> None:
    card, history = bundle.card, bundle.history
    assert card.training.epochs == len(history)
    assert card.training.wall_seconds == pytest.approx(history["seconds"].sum(), abs=0.11)
    kept = len(history) if card.recipe.keep == "last" else best_epoch(history)
    assert card.training.kept_epoch == kept
    counted = balance(bundle.films)[["split", "label", "films", "patients"]].to_dict("records")
    assert counted == encode(card.data.films)


def test_no_patient_and_no_picture_stands_in_two_splits(bundle: cxr.Model) -> None:
    assert across_splits(bundle.films).empty
    assert across_splits(bundle.films, "sha256").empty
    held = bundle.films[bundle.films["split"] != "train"]
    own = bundle.predictions[~bundle.predictions["split"].isin(bundle.card.external)]
    assert set(held["path"]) == set(own["path"])


def test_external_films_are_of_sources_that_were_not_learned_from(bundle: cxr.Model) -> None:
    card = bundle.card
    learned = set(card.recipe.films)
    for name, parts in card.external.items():
        assert not learned & set(parts)
        films = bundle.predictions[bundle.predictions["split"] == name]
        assert set(films["source"] + "/" + films["label"]) == set(parts)
        assert not set(films["path"]) & set(bundle.films["path"])


def test_the_number_of_parameters_is_that_of_the_network(bundle: cxr.Model) -> None:
    assert bundle.model.count_params() == bundle.card.architecture.parameters


@pytest.mark.data
def test_stored_logits_are_those_of_the_shipped_weights(bundle: cxr.Model, data_dir: Path) -> None:
    films = bundle.predictions[bundle.predictions["split"] == "test"].iloc[::40]
    folder = films_root(bundle.card, data_dir)
    read = [cxr.read(folder / path) for path in films["path"]]
    # Figures are of all films, whatever the gate makes of them.
    predictions = predict(bundle, read, overridden=range(len(read)))
    assert [p.logit for p in predictions] == pytest.approx(films["logit"].tolist(), abs=2e-3)


@pytest.mark.data
@pytest.mark.parametrize("name", [card.name for card in CARDS if card.data.set == "kermany"])
def test_an_original_scores_like_its_small_copy(name: str, data_dir: Path) -> None:
    """The set here was squashed to 224 pixels by others; a real upload comes at full size."""
    bundle = shipped(name)
    scores = []
    for large in sorted((data_dir / "kermany_originals" / "test").rglob("*.jpeg")):
        small = data_dir / "kermany" / "test" / large.parent.name / large.name
        if small.is_file():
            pair = predict(bundle, [cxr.read(large), cxr.read(small)], overridden={0, 1})
            scores.append([p.score for p in pair])
    assert len(scores) >= 5
    first, second = np.array(scores).T
    assert np.abs(first - second).mean() < 0.1
