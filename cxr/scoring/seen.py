"""What models see of a film: all that a score needs of it, a few hundred kilobytes.

Films are read in one process and scored in another (`cxr.bulk`). What is handed over is not the
film, which may have 36 megapixels, but what `see` makes of it: the rules' and the picture check's
refusals, and the inputs of the networks. `cxr.scoring.predict.predict` takes either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..films.notes import Note
from ..films.preprocessing import Preprocessing
from ..films.radiograph import Radiograph
from ..lungs.once import has_lung_network
from ..lungs.segment import LungsError, as_seen, network_of
from .card import Card
from .picture_check import picture_check
from .refusal import Refusal, check

if TYPE_CHECKING:
    from .classifier import Classifier

__all__ = ["Needs", "SeenFilm", "input_of", "picture_refusals", "rules", "see"]


@dataclass(frozen=True)
class Needs:
    """What has to be made of a film so that models can score it.

    Attributes
    ----------
    cards : tuple of Card
        Of the models, whose rules are applied.
    inputs : tuple of Preprocessing
        Of the models and of their judges, each once.
    pictures : tuple of pathlib.Path
        Folders of models with a picture check.
    sides : tuple of int
        Of the lung networks' inputs, pixels.
    film : bool
        Whether the film itself is wanted too, as for the picture with a heatmap.
    """

    cards: tuple[Card, ...]
    inputs: tuple[Preprocessing, ...]
    pictures: tuple[Path, ...]
    sides: tuple[int, ...]
    film: bool = False

    @classmethod
    def of(cls, models: Sequence[Classifier], *, film: bool = False) -> Needs:
        """Return what models need.

        Raises
        ------
        BundleError, PictureCheckError
            If a gate or a picture check is damaged.
        """
        judges = [model.judge.classifier for model in models if model.judge]
        folders = {model.folder.parent for model in models}
        return cls(
            cards=tuple(model.card for model in models),
            inputs=tuple({model.card.input for model in (*models, *judges)}),
            pictures=tuple({model.folder.parent for model in models if model.pictures}),
            sides=tuple({side for folder in folders if (side := _side(folder))}),
            film=film,
        )


def _side(models: Path) -> int:
    """Return the side of a lung network's input; 0 where none can be asked."""
    try:
        return network_of(models).side if has_lung_network(models) else 0
    except LungsError:  # the check of the lungs says so
        return 0


@dataclass(frozen=True, eq=False)
class SeenFilm:
    """A film as the models see it.

    Attributes
    ----------
    height, width : int
        Of the film, pixels.
    age : float or None
        In years.
    notes : tuple of Note
        What a reader should know of how it was read.
    rules : dict of str to Refusal or None
        By the model's name.
    pictures : dict of pathlib.Path to Refusal or None
        By the folder of the models.
    inputs : dict of Preprocessing to numpy.ndarray
        uint8 (height, width, channels). None of a film that every model's rules refuse.
    small : dict of int to numpy.ndarray
        By the side of a lung network's input: see `cxr.lungs.segment.as_seen`.
    film : Radiograph or None
        Where it is wanted.
    """

    height: int
    width: int
    age: float | None
    notes: tuple[Note, ...]
    rules: dict[str, Refusal | None]
    pictures: dict[Path, Refusal | None]
    inputs: dict[Preprocessing, NDArray[np.uint8]]
    small: dict[int, NDArray[np.uint8]]
    film: Radiograph | None = None


def see(film: Radiograph, needs: Needs, *, overridden: bool = False) -> SeenFilm:
    """Make of a film what models need, also where a reader has `overridden` what the rules say."""
    refusals = {card.name: check(film, card) for card in needs.cards}
    open_ = overridden or not refusals or None in refusals.values()
    checks = {folder: picture_check(folder) for folder in needs.pictures}
    return SeenFilm(
        film.height,
        film.width,
        film.age,
        film.notes,
        refusals,
        {
            folder: pictures([film.pixels])[0] if open_ and pictures else None
            for folder, pictures in checks.items()
        },
        {way: way(film.pixels) for way in needs.inputs} if open_ else {},
        {side: as_seen(film, side) for side in needs.sides} if open_ else {},
        film if needs.film else None,
    )


def rules(film: Radiograph | SeenFilm, card: Card) -> Refusal | None:
    """Say why a film must not be scored by the rules, see `cxr.scoring.refusal.check`."""
    return film.rules[card.name] if isinstance(film, SeenFilm) else check(film, card)


def picture_refusals(
    model: Classifier, films: Sequence[Radiograph | SeenFilm]
) -> list[Refusal | None]:
    """Say of films what the picture check says; nothing where the model has none."""
    if model.pictures is None:
        return [None] * len(films)
    folder = model.folder.parent
    unseen = iter(model.pictures([film.pixels for film in films if isinstance(film, Radiograph)]))
    return [film.pictures[folder] if isinstance(film, SeenFilm) else next(unseen) for film in films]


def input_of(film: Radiograph | SeenFilm, model: Classifier) -> NDArray[np.uint8]:
    """Return a film as a model's network takes it, see `cxr.scoring.bundle.Bundle.prepare`."""
    return film.inputs[model.card.input] if isinstance(film, SeenFilm) else model.prepare(film)
