"""A new architecture is one file: put beside the others it is found, listed and built."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from cxr.networks import ARCHITECTURES, BASELINES, BASES, architectures
from cxr.training.legacy.recognition import CANDIDATES
from tests.conftest import ROOT

MADE = '''"""A network that a test puts here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr.networks.architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "made_cnn"]


def made_cnn(input_size: int = 40, filters: int = 4) -> keras.Model:
    """Build it."""
    import keras
    from keras import layers

    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    x = layers.Conv2D(filters, 3, activation="relu", name="conv")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(film, layers.Dense(1, name="logit")(x), name="made_cnn")


ARCHITECTURE = Architecture(made_cnn, published=({"filters": 4}, {"filters": 6}))
'''

# What stands on the list of architectures, asked in a process that never loads Keras.
PROGRAM = """
import dataclasses, sys
from cxr.networks import ARCHITECTURES, BASELINES, BASES
from cxr.training.recipes import find_recipe
assert "made_cnn" in ARCHITECTURES
assert "made_cnn" not in (*BASELINES, *BASES)
recipe = dataclasses.replace(find_recipe("pneumonia-grey-cnn"), architecture="made_cnn")
assert recipe.architecture == "made_cnn"
assert "keras" not in sys.modules
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second folder of architectures with the made one in it."""
    (tmp_path / "made_cnn.py").write_text(MADE, encoding="utf-8")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{architectures.__name__}.made_cnn", raising=False)
    return tmp_path


def test_a_file_put_there_is_found_and_built(folder: Path):
    found = architectures.discover()
    assert set(found) == {*ARCHITECTURES, "made_cnn"}
    model = found["made_cnn"].build(input_size=32, filters=6)
    assert isinstance(model, keras.Model)
    assert model.name == "made_cnn"
    assert model.output_shape == (None, 1)


def test_without_the_file_it_is_not(tmp_path: Path):
    assert "made_cnn" not in architectures.discover()


def test_it_is_listed_wherever_architectures_are(tmp_path: Path):
    """In a copy of the package, since the lists are made once a process."""
    shutil.copytree(ROOT / "cxr", tmp_path / "cxr", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "cxr" / "networks" / "architectures" / "made_cnn.py"
    file.write_text(MADE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_stands_in_a_file_of_its_name(name: str):
    assert (Path(architectures.__file__).parent / f"{name}.py").is_file()
    assert ARCHITECTURES[name].name == name


def test_facts_of_the_shipped_ones():
    assert BASES == {
        "vgg16_features": "vgg16",
        "vgg16_transfer": "vgg16",
        "vgg19_transfer": "vgg19",
    }
    assert BASELINES == ("border", "thumbnail")
    bilinear = {name for name, found in ARCHITECTURES.items() if found.resample == "bilinear"}
    assert bilinear == {"grey_cnn", "tb_cnn"}


def test_the_layers_of_the_gate_are_in_the_network():
    fitted = {name: found for name, found in ARCHITECTURES.items() if found.gate_layers}
    assert fitted
    for found in fitted.values():
        model = found.build(input_size=64)
        for layer in found.gate_layers:
            assert len(model.get_layer(layer).output.shape) == 4


def test_imported_files_are_compared_with_every_published_form():
    forms = [(n, dict(form)) for n, found in ARCHITECTURES.items() for form in found.published]
    assert list(CANDIDATES) == forms
    assert ("tb_cnn", {"pooling": "average"}) in forms


def test_a_description_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ARCHITECTURES["border"].baseline = False
