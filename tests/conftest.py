"""What the tests share: where the real films are, films made on the spot, a small bundle."""

from __future__ import annotations

import fcntl
import gc
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from cxr.films.radiograph import Radiograph
from cxr.networks.runtime import prepare
from tests.bundles import write_card

prepare()
# Two workers on two cores: more threads than one each would only wait for one another.
ONE_THREAD = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
# Traced graphs are made of so many objects that looking for cycles at every turn takes a tenth of a
# run; with this it takes a twentieth, and no more memory.
gc.set_threshold(10_000, 10, 10)
# Everywhere as where CI is set: the same examples in each run, and none that fails for being slow.
hypothesis.settings.load_profile("ci")
# What the tests score and say must not stand in the log of whoever runs them, nor outlive them.
READINGS = tempfile.TemporaryDirectory(prefix="cxr-readings-", ignore_cleanup_errors=True)
os.environ["CXR_READINGS_URL"] = f"sqlite:///{READINGS.name}/r.db"
ROOT = Path(__file__).parent.parent
if (weights := ROOT.parent / "shared" / "weights").is_dir():
    os.environ.setdefault("CXR_WEIGHTS", str(weights))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real films: ``CXR_DATA``, or ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("CXR_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "kermany").is_dir():
        pytest.skip("wants the data sets: set CXR_DATA to the folder that holds kermany/")
    return folder.resolve()


@pytest.fixture(scope="session")
def weights_dir(data_dir: Path) -> Path:
    """The folder of the real weights of the bases, which lies beside that of the films."""
    folder = data_dir.parent / "weights"
    if not folder.is_dir():
        pytest.skip("wants the weights of VGG16 in a folder beside that of the data sets")
    return folder


def chest_like(seed: int, *, ill: bool = False, size: int = 160) -> np.ndarray:
    """A grey picture with two dark lungs, uint8 (size, size); a white patch in one where ill."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    picture = 150 + 40 * y + rng.normal(0, 4, (size, size))
    for centre in (0.3, 0.7):
        lung = ((x - centre) / 0.16) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1
        picture[lung] = 60 + rng.normal(0, 6, int(lung.sum()))
    if ill:
        cx, cy = rng.choice([0.3, 0.7]), rng.uniform(0.4, 0.65)
        picture += 110 * np.exp(-(((x - cx) / 0.09) ** 2 + ((y - cy) / 0.09) ** 2))
    return np.clip(picture, 0, 255).astype(np.uint8)


def film_like(seed: int, *, ill: bool = False, size: int = 160) -> Radiograph:
    """`chest_like` as a film that was read."""
    return Radiograph(chest_like(seed, ill=ill, size=size).astype(np.float32) / 255)


def png(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def no_other_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in memory of lists and servers of other tests, nor any that give way."""
    from cxr.reading_room import budget

    monkeypatch.setattr(budget, "_shares", type(budget._shares)())
    monkeypatch.setattr(budget, "_others", [])
    monkeypatch.setattr(budget, "_give_way", [])


@pytest.fixture(scope="session")
def vgg16_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the one of VGG16's weights that Keras publishes, with random numbers."""
    import h5py

    from cxr.networks.bases import FILES

    path = tmp_path_factory.mktemp("weights") / FILES["vgg16"].name
    rng = np.random.default_rng(16)
    before = 3
    with h5py.File(path, "w") as file:
        layers = []
        for block, (count, filters) in enumerate(
            ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1
        ):
            for k in range(1, count + 1):
                layers.append(f"block{block}_conv{k}")
                # Of a size that leaves the size of the features as it is; films are large at first.
                size = np.float32(np.sqrt(2 / 9 / before) * (1 if before > 3 else 0.02))
                kernel = rng.standard_normal((3, 3, before, filters), np.float32) * size
                names = (f"{layers[-1]}_W_1:0", f"{layers[-1]}_b_1:0")
                group = file.create_group(layers[-1])
                group.attrs["weight_names"] = [name.encode() for name in names]
                group[names[0]], group[names[1]] = kernel, np.zeros(filters, np.float32)
                before = filters
        file.attrs["layer_names"] = [name.encode() for name in layers]
    return path


@pytest.fixture(scope="session")
def vgg16_weights(vgg16_file: Path) -> Callable[[pytest.MonkeyPatch], None]:
    """Have `vgg16_file` found and taken for the real one; give it a monkeypatch."""
    import hashlib

    from cxr.networks.bases import FILES, BaseFile

    md5 = hashlib.md5(vgg16_file.read_bytes(), usedforsecurity=False).hexdigest()

    def known(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(FILES, "vgg16", BaseFile(vgg16_file.name, "vgg16", md5))
        monkeypatch.setenv("CXR_WEIGHTS", str(vgg16_file))

    return known


@pytest.fixture(scope="session")
def made_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in Kaggle's layout: 60 train and 20 test films of 30 and 10 patients a class."""
    root = tmp_path_factory.mktemp("films")
    seed = 0
    for split, n in (("train", 30), ("test", 10)):
        for label in ("NORMAL", "PNEUMONIA"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(n):
                seed += 1
                kind = "bacteria" if i % 2 else "virus"
                name = (
                    f"IM-{seed:04}-0001.png"
                    if label == "NORMAL"
                    else f"person{seed // 2}_{kind}_{i}.png"
                )
                Image.fromarray(chest_like(seed, ill=label != "NORMAL")).save(folder / name)
    return root


@pytest.fixture(scope="session")
def made_recipe() -> object:
    """A recipe that takes seconds: the grey network on small inputs."""
    from cxr.training.recipes import Augmentation, Recipe

    return Recipe(
        name="pneumonia-made",
        finding="pneumonia",
        source="kermany",
        architecture="grey_cnn",
        input_size=64,
        channels=1,
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=16,
        epochs=2,
        validation=0.2,
        seed=3,
        augmentation=Augmentation(rotation=5, flip=True),
    )


def made_once(
    name: str, make: Callable[[Path], object], factory: pytest.TempPathFactory, run: str | None
) -> Path:
    """Fill a folder once in a whole run, and give each worker a copy that it may change.

    Parameters
    ----------
    name : str
        Of the folder.
    make : callable
        Fills the empty folder that it is given.
    factory : pytest.TempPathFactory
    run : str or None
        What names the run, if there are several workers (default: there is one).
    """
    own = factory.mktemp(name)
    if run is None:
        make(own)
        return own
    # The folders of all workers of a run lie in this one.
    everyones = factory.getbasetemp().parent
    with (everyones / f"{name}-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shared, whole = everyones / f"{name}-{run}", everyones / f"{name}-{run}.whole"
        if not whole.exists():
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            make(shared)
            whole.touch()
    return shutil.copytree(shared, own, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def made_models(made_films: Path, made_recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one bundle, trained by the real function on the films made here."""
    from cxr.training.run import train

    def make(folder: Path) -> None:
        train(made_recipe, made_films, folder, say=lambda line: None)

    return made_once("models", make, tmp_path_factory, os.environ.get("PYTEST_XDIST_TESTRUNUID"))


@pytest.fixture(scope="session")
def made_bundle(made_models: Path):
    """The bundle of `made_models`."""
    from cxr.model import load

    return load("pneumonia-made", folder=made_models)


@pytest.fixture(scope="session")
def two_models(made_models: Path, tmp_path_factory: pytest.TempPathFactory) -> list:
    """Two models of a folder: that of `made_models`, for children, and its like for adults."""
    import json

    from cxr.model import load
    from tests.bundles import copy_bundle

    folder = tmp_path_factory.mktemp("two-models")
    for finding, source, whose in (
        ("pneumonia", "kermany", "children of 1 to 5 years"),
        ("tuberculosis", "tuberculosis", "adults"),
    ):
        copy = copy_bundle(made_models / "pneumonia-made", folder / f"{finding}-made")
        card = json.loads((copy / "card.json").read_text())
        card |= {"name": f"{finding}-made", "finding": finding, "population": whose}
        card["data"]["set"] = source
        write_card(copy, card)
    return [load(finding, folder=folder) for finding in ("pneumonia", "tuberculosis")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser tests first: they take longest, so that nothing waits for them later."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what was skipped."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed one: nothing is left out in silence."""
    if os.environ.get("CI") and _skipped:
        print(f"\nSkipped, which CI does not allow: {', '.join(_skipped)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
