"""The lungs of a film, found by the lung network that ships."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import CxrError
from ..films.radiograph import Radiograph
from ..networks.engine import ENGINES, Exported, ExportError, engine_name
from ..networks.export_record import Export, open_export
from ..storage.atomic import ChangedError, read_checked
from ..storage.checksum import was_changed
from ..storage.models import models_folder
from ..storage.records import RecordError, decode
from .zones import Sides, around, divide, zone_map

__all__ = ["KIND", "LungNetwork", "Lungs", "LungsError", "Remark", "Search", "Small", "find_lungs"]

#: Of the card, and name of the bundle's folder.
KIND = "lungs"
#: Lungs under this share of the picture are none.
NONE_BELOW = 0.02
#: Lungs under this share of the picture are remarked on.
SMALL_BELOW = 0.10
#: A search that is less sure than this found no lungs. Set by eye after 25 pictures of each of a
#: few sets had been seen, and not checked on others: the least sure validation film has 0.92, the
#: median of pictures of no chest was 0.80. Most lateral films pass.
SURE_FROM = 0.85
#: A lung that runs along the picture's edge for this share of its side is cut off.
CUT_FROM = 0.12


class LungsError(CxrError, ValueError):
    """The lung network is missing, damaged or changed."""

    code = "lungs"


class Remark(NamedTuple):
    """What is to be said of the lungs of a film.

    Attributes
    ----------
    code : str
        ``none``, ``unsure``, ``one_lung``, ``small`` or ``cut_off``.
    reason : str
        A sentence for people.
    """

    code: str
    reason: str


NO_LUNGS = Remark("none", "No lungs were found on this picture.")
UNSURE = Remark("unsure", "What was found on this picture is too faint to be taken for lungs.")
ONE_LUNG = Remark("one_lung", "Only one lung was found on this film.")
SMALL = Remark("small", "The lungs take up less than a tenth of the picture.")
CUT_OFF = Remark("cut_off", "A lung is cut off by the edge of the picture.")


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of one film, with what lies behind the heart.

    Attributes
    ----------
    sides : Sides
        Right and left, (height, width) at the film's size.
    sure : float
        In [0, 1]: the Dice that the network expects of its own mask.
    remarks : tuple of Remark
        ``one_lung``, ``small``, ``cut_off``, where they hold.
    """

    sides: Sides
    sure: float
    remarks: tuple[Remark, ...] = ()

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Both lungs, (height, width)."""
        return self.sides.right | self.sides.left

    @cached_property
    def zones(self) -> NDArray[np.uint8]:
        """The six zones, (height, width): see `cxr.lungs.zones.zone_map`."""
        return zone_map(self.sides)

    @property
    def area(self) -> float:
        """Share of the picture, in [0, 1]."""
        return float(self.mask.mean())


class Search(NamedTuple):
    """What came of looking for lungs.

    Attributes
    ----------
    lungs : Lungs or None
        None where there are none.
    remark : Remark or None
        Why there are none; None where there are.
    """

    lungs: Lungs | None
    remark: Remark | None


class LungNetwork:
    """The lung network of a folder, opened at its first use: its export, or the Keras model.

    Parameters
    ----------
    folder
        With ``card.json`` of kind `KIND` and the weights that it names.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._forward: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None

    @cached_property
    def card(self) -> dict[str, Any]:
        """The card as plain data. LungsError where it is missing or of another kind."""
        try:
            card: dict[str, Any] = json.loads((self.folder / "card.json").read_bytes())
            if card["kind"] != KIND or was_changed(card):
                raise ValueError(card["kind"])
            return card
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LungsError("The card of the lung network is missing or damaged.") from error

    @property
    def side(self) -> int:
        """Of the input, in pixels."""
        return int(self.card["architecture"]["arguments"]["input_size"])

    def __call__(self, film: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits of a film's pixels.

        Parameters
        ----------
        film
            (side, side).

        Returns
        -------
        numpy.ndarray
            (side, side): positive in the lungs.
        """
        with self._lock:
            if self._forward is None:
                self._forward = self._compiled()
            forward = self._forward
        return forward(film)

    def network(self, side: int | None = None) -> Any:
        """Return the network itself with its weights, a keras.Model.

        Parameters
        ----------
        side
            Of its input, a multiple of 32 pixels (default: the one that it was trained with).

        Raises
        ------
        LungsError
            If the weights are missing, damaged or changed.
        """
        from ..networks.lung_unet import lung_unet

        weights = self.card["weights"]
        try:
            read_checked(self.folder, weights["file"], weights["sha256"])
            network = lung_unet(side or self.side)
            network.load_weights(self.folder / weights["file"])
        except ChangedError as error:
            raise LungsError("The lung network's weights are not those of its card.") from error
        except (OSError, ValueError) as error:
            raise LungsError("The lung network's weights are missing or damaged.") from error
        return network

    @property
    def identity(self) -> dict[str, Any]:
        """What an export of the network must be made of."""
        architecture = self.card["architecture"]
        return {
            "weights": self.card["weights"]["sha256"],
            "architecture": architecture["name"],
            "arguments": architecture["arguments"],
        }

    def exported(self) -> Exported | None:
        """Open the network's export; None if it has none, or TensorFlow is to run it.

        Raises
        ------
        LungsError
            If the export is missing, damaged, foreign, or not of the network's weights.
        EngineError
            If the engine cannot start.
        """
        if engine_name() != ENGINES[0] or "export" not in self.card:
            return None
        try:
            export = decode(Export, self.card["export"])
            weights = self.card["weights"]["sha256"]
            return open_export(self.folder, export, Exported, self.identity, weights)
        except RecordError as error:
            raise LungsError("The card of the lung network is damaged.") from error
        except ExportError as error:
            raise LungsError(
                f"The lung network's export {error}. Run: cxr export {KIND}, or set "
                "CXR_ENGINE=tensorflow to do without it."
            ) from error

    def _compiled(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        exported = self.exported()
        if exported is None:
            return self._traced()

        def forward(film: NDArray[np.uint8]) -> NDArray[np.float32]:
            (logits,) = exported.run(film[None, :, :, None], ["logits"])
            return logits[0, :, :, 0]

        return forward

    def _traced(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        import tensorflow as tf

        network = self.network()
        signature = [tf.TensorSpec((1, self.side, self.side, 1), tf.float32)]
        traced = tf.function(
            lambda films: network(films, training=False), input_signature=signature
        ).get_concrete_function()

        def forward(film: NDArray[np.uint8]) -> NDArray[np.float32]:
            result = traced(tf.constant(film[None, :, :, None], tf.float32))
            return np.asarray(result.numpy()[0, :, :, 0], np.float32)

        return forward


_networks: dict[Path, LungNetwork] = {}


def network_of(models: Path) -> LungNetwork:
    """Return the lung network that lies next to the models of a folder; read at its first use."""
    return _networks.setdefault(models / KIND, LungNetwork(models / KIND))


def find_lungs(film: Radiograph, network: LungNetwork | None = None) -> Search:
    """Find the lungs of a film.

    Parameters
    ----------
    film
        Of any size, upright, white = dense.
    network
        By default the one that ships.

    Returns
    -------
    Search
        The lungs; or none, and why.

    Raises
    ------
    LungsError
        If the network is missing, damaged or changed.
    """
    if network is None:
        network = network_of(models_folder())
    return lungs_of(network(as_seen(film, network.side)), (film.height, film.width))


class Small(Protocol):
    """A film of which no more is at hand than the networks take.

    Attributes
    ----------
    height, width : int
        Of the film, pixels.
    small : mapping of int to numpy.ndarray
        By the side of a network's input, what `as_seen` gave.
    """

    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def small(self) -> Mapping[int, NDArray[np.uint8]]: ...  # noqa: D102


def as_seen(film: Radiograph | Small, side: int) -> NDArray[np.uint8]:
    """Return a film as the network takes it, (side, side)."""
    if not isinstance(film, Radiograph):
        return film.small[side]
    picture = Image.fromarray(np.rint(film.pixels * np.float32(255)).astype(np.uint8))
    if picture.size != (side, side):
        picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def lungs_of(logits: NDArray[np.float32], size: tuple[int, int]) -> Search:
    """Read the lungs off the network's output.

    Parameters
    ----------
    logits
        (side, side).
    size
        Height and width of the film.

    Returns
    -------
    Search
    """
    if (logits > 0).mean() < NONE_BELOW:
        return Search(None, NO_LUNGS)
    sure = expected_dice(logits)
    if sure < SURE_FROM:
        return Search(None, UNSURE)
    sides = _enlarged(divide(logits > 0), logits, size)
    lungs = Lungs(sides, sure)
    return Search(Lungs(sides, sure, tuple(_remarks(lungs))), None)


def _enlarged(small: Sides, logits: NDArray[np.float32], size: tuple[int, int]) -> Sides:
    """Bring the lungs to the film's size, their edges drawn between the network's pixels."""
    from scipy.ndimage import binary_dilation, distance_transform_edt

    kept = small.right | small.left
    if size == kept.shape and not (~kept & (logits > 0)).any():
        return small  # nothing to draw between pixels, nothing else to share out
    # Farther off nothing becomes part of the lungs, however much smaller the film is.
    box = around(kept, 4 + math.ceil(max(kept.shape) / min(size)))
    filled = np.where(kept, np.maximum(logits, 0.1), logits)
    near = np.zeros_like(kept)
    near[box] = binary_dilation(kept[box], iterations=2)
    field = np.where(near, filled, np.minimum(logits, -1))
    # Each pixel belongs to the lung that is nearer.
    nearer = [distance_transform_edt(~side[box]) if side.any() else np.inf for side in small]
    right = np.zeros_like(kept)
    right[box] = nearer[0] <= nearer[1]
    mask = _resized(field.astype(np.float32), size, Image.Resampling.BILINEAR) > 0
    right = _resized(right.astype(np.uint8), size, Image.Resampling.NEAREST) > 0
    return Sides(mask & right, mask & ~right)


def _resized(
    values: NDArray[Any], size: tuple[int, int], resample: Image.Resampling
) -> NDArray[Any]:
    if values.shape == size:
        return values
    return np.asarray(Image.fromarray(values).resize((size[1], size[0]), resample))


def expected_dice(logits: NDArray[np.float32]) -> float:
    """Return the Dice of the mask if each pixel is in the lungs with the chance that it has.

    It says how sure the network is, in [0, 1]; 0 without a mask.
    """
    chance = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -30, 30)))
    mask = logits > 0
    return float(2 * chance[mask].sum() / (mask.sum() + chance.sum()))


def _remarks(lungs: Lungs) -> list[Remark]:
    sides = lungs.sides
    remarks = []
    if not (sides.right.any() and sides.left.any()):
        remarks.append(ONE_LUNG)
    if lungs.area < SMALL_BELOW:
        remarks.append(SMALL)
    mask = lungs.mask
    edges = (mask[:, 0], mask[:, -1], mask[0], mask[-1])
    if max(float(edge.mean()) for edge in edges) >= CUT_FROM:
        remarks.append(CUT_OFF)
    return remarks
