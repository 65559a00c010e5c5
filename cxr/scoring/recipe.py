"""The fields of a recipe: what a training run depends on besides the films."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..datasets.published import SOURCES
from ..films.preprocessing import Levels, Preprocessing, Resample
from ..networks import ARCHITECTURES, BASELINES
from ..storage.records import Bounds, RecordError, decode, encode

__all__ = ["Argument", "Augmentation", "FirstStep", "LungSupervision", "Recipe"]

#: What a network's function is called with.
Argument = bool | int | float | str


@dataclass(frozen=True)
class Augmentation:
    """How a film is varied each time it is used in training. Zeros change nothing.

    Attributes
    ----------
    rotation : float
        Degrees to either side.
    scale : tuple of float
        Share of each side of the film that is seen, drawn for each side alone: below 1 zooms in.
    anywhere : bool
        Whether a part of the film (scale below 1) is taken from anywhere in it, or from its middle.
    shift : float
        Share of each side, to either side.
    shear : float
        Degrees to either side.
    flip : bool
        Whether left and right are exchanged for half of the films.
    gamma : float
        The exponent is exp(u), with u to either side of 0 by this much.
    contrast : float
        Factor of 1 plus or minus this, about the film's mean.
    brightness : float
        Added to values in [0, 1], to either side.
    tone : float
        Spread of a random rising tone curve, such as another scanner's processing has: the standard
        deviation of the logarithms of the slopes of its pieces.
    sharpness : float
        Share of the fine detail (film less its 3x3 mean) added or taken away at most.
    noise : float
        Largest standard deviation of added Gaussian noise, for values in [0, 1].
    """

    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    anywhere: bool = False
    shift: float = 0.0
    shear: float = 0.0
    flip: bool = False
    gamma: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    tone: float = 0.0
    sharpness: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class FirstStep:
    """A shorter run before the run proper, which starts from its weights.

    Attributes
    ----------
    epochs : int
        Number of epochs.
    share : float
        Share of the training films, drawn without replacement.
    validation : float
        Share of those films set apart by patient to watch this step.
    input_size : int
        Side of the input in pixels; 0 takes the recipe's own. A network that ends in global average
        pooling takes any.
    """

    epochs: Annotated[int, Bounds(least=1)]
    share: float = 1.0
    validation: float = 0.1
    input_size: int = 0

    def __post_init__(self) -> None:
        for name, good, words in (
            ("epochs", self.epochs >= 1, "1 at least"),
            ("share", 0 < self.share <= 1, "in (0, 1]"),
            ("validation", 0 < self.validation <= 0.5, "in (0, 0.5]"),
            ("input_size", self.input_size >= 0, "0 at least"),
        ):
            if not good:
                value = getattr(self, name)
                raise ValueError(f"Expected {name} of the first step {words}. Received: {value!r}")


@dataclass(frozen=True)
class LungSupervision:
    """Lungs teach a network where it must not look: see `cxr.training.lung_supervision`.

    Films are then varied inside the graph, where any part of a film may be shown, and in ways that
    `Augmentation` has not: each a chance of a film in [0, 1].

    Attributes
    ----------
    outside : float
        Weight of the loss of the places taught zero: all of normal films, and those outside the
        lungs of films with the finding.
    drawn : float
        The same of the places taught one: opacities drawn into the lungs of normal films.
    averaged : int
        Number of last epochs whose weights are averaged.
    origin : float
        The evidence of a place, in logits, at which its heat begins. Scores do not depend on it.
    aspect : float
        The sides of what is seen differ by a factor of exp(u), u to either side of 0 by this much.
    soft : float
        Chance that a film is brought to a lower resolution, and back.
    shutters : float
        Chance that its edges are covered, as by a collimator.
    devices : float
        Chance that lines and bodies are drawn over it.
    opacities : float
        Chance that an opacity is drawn into its lungs.
    transplanted : float
        With boxes: chance that a part of another film is set into it, see
        `cxr.training.transplant`.
    taught : float
        Weight of the distance from the teachers' logit, where the recipe has `Recipe.teachers`.
    """

    outside: Annotated[float, Bounds(least=0)] = 1.0
    drawn: Annotated[float, Bounds(least=0)] = 1.0
    averaged: Annotated[int, Bounds(least=1)] = 1
    origin: float = 0.0
    aspect: Annotated[float, Bounds(least=0)] = 0.0
    soft: Annotated[float, Bounds(least=0, most=1)] = 0.0
    shutters: Annotated[float, Bounds(least=0, most=1)] = 0.0
    devices: Annotated[float, Bounds(least=0, most=1)] = 0.0
    opacities: Annotated[float, Bounds(least=0, most=1)] = 0.0
    transplanted: Annotated[float, Bounds(least=0, most=1)] = 0.0
    taught: Annotated[float, Bounds(least=0)] = 0.0


@dataclass(frozen=True)
class Recipe:
    """A training run: architecture, optimizer, schedule, augmentation, split, seed.

    Attributes
    ----------
    name : str
        Name of the recipe and of the bundle.
    finding : str
        What to look for.
    source : str
        The published data set, see `cxr.datasets.published`.
    architecture : str
        One of `cxr.networks.ARCHITECTURES`.
    input_size : int
        Side of the input, in pixels.
    channels : int
        1, or 3 equal ones.
    optimizer : str
        Name of the optimizer.
    learning_rate : float
        At its highest.
    batch_size : int
        Films per step.
    epochs : int
        At most.
    arguments : dict
        Further arguments of the architecture.
    resample, margin, levels, through : Resample
        How films are brought to the input size: `cxr.films.preprocessing.Preprocessing`.
    pretrained : str
        ``imagenet`` where the architecture can load such weights, else "".
    start_from : str
        A bundle with a network of the same kind: training starts from its weights, whatever films
        they were learned from.
    schedule : str
        ``constant``, ``cosine`` (to zero over all epochs), ``plateau``, or ``stepped``: the same
        within an epoch, along a cosine to a twentieth, after a first epoch at three tenths.
    warmup_epochs : float
        Of the cosine schedule: epochs in which the rate climbs from zero.
    plateau_patience, plateau_factor, minimum_learning_rate : int
        The plateau schedule multiplies the rate by the factor, down to the minimum, when
        ``val_accuracy`` has not risen for `plateau_patience` epochs.
    weight_decay : float
        Of the optimizer.
    label_smoothing : float
        Of the loss, in [0, 1).
    class_weights : bool
        Whether both classes count the same in the loss, whatever their number of films.
    patience : int
        Epochs without a better one after which the run stops; 0 runs all epochs.
    keep : str
        Whose weights ship: the ``best`` epoch's (highest ``val_auc``) or the ``last`` one's. Under
        the cosine schedule the weights come to rest only at its end, and on a few hundred
        validation films an earlier epoch can be ahead by chance.
    validation : float
        Share of the training films set apart, by patient, if the set has no such split.
    test : float
        The same for a set without a test split; 0 leaves it without.
    films : tuple of str
        ``source/label`` of the films to learn from; all of the set's if empty.
    external : dict of str to tuple of str
        Films never learned from, to evaluate on: a name, and the ``source/label`` parts it is made
        of.
    boxes : str
        A table of boxes (`cxr.datasets.boxes`) in the data set's folder, for box supervision. Needs
        an architecture with a layer "evidence".
    boxes_weight : float
        Weight of the loss on the boxes; that on the films has 1.
    lungs : LungSupervision or None
        Lung supervision; None for none. Needs an architecture with a layer "evidence".
    teachers : tuple of str
        Bundles whose averaged logit the network learns from as well, with lung supervision: of
        networks for the same input.
    first_step : FirstStep or None
        A shorter run before this one; None for none.
    settle_units : bool
        Whether the initial weights are scaled by films: `cxr.training.initialization`.
    variants : int
        With a frozen base: for how many variants of each film features are computed. The epochs use
        them in turn.
    storage : str
        Type of the weights on disk, ``float32`` or ``float16``.
    seed : int
        Of the order of films, the augmentation and the initial weights.
    augmentation : Augmentation
        How films are varied.
    """

    name: str
    finding: str
    source: str
    architecture: str
    input_size: int
    channels: int
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    arguments: dict[str, Argument] = field(default_factory=dict)
    resample: Resample = "nearest"
    margin: float = 0.0
    levels: Levels = "plain"
    through: int = 0
    pretrained: str = ""
    start_from: str = ""
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    plateau_patience: int = 2
    plateau_factor: float = 0.3
    minimum_learning_rate: float = 1e-6
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    class_weights: bool = True
    patience: int = 0
    keep: str = "best"
    validation: float = 0.1
    test: float = 0.0
    films: tuple[str, ...] = ()
    external: dict[str, tuple[str, ...]] = field(default_factory=dict)
    boxes: str = ""
    boxes_weight: float = 1.0
    lungs: LungSupervision | None = None
    teachers: tuple[str, ...] = ()
    first_step: FirstStep | None = None
    settle_units: bool = False
    variants: int = 1
    storage: str = "float32"
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        # Told here, and not hours later when the bundle is written. The name names its folder.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.name):
            raise ValueError(
                f"Expected a name of letters, digits, dots, dashes. Received: {self.name!r}"
            )
        for name, known in (
            ("source", tuple(SOURCES)),
            ("architecture", ARCHITECTURES),
            ("optimizer", ("adam", "adamw", "rmsprop", "lbfgs")),
            ("schedule", ("constant", "cosine", "plateau", "stepped")),
            ("channels", (1, 3)),
            ("pretrained", ("", "imagenet")),
            ("keep", ("best", "last")),
            ("storage", ("float32", "float16")),
        ):
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"Expected {name} to be one of {known}. Received: {value!r}")
        if (self.optimizer == "lbfgs") != (self.architecture in BASELINES):
            other = self.optimizer if self.architecture in BASELINES else self.architecture
            raise ValueError(
                f"Expected lbfgs with {', '.join(BASELINES)} and with no other. Received: {other}"
            )
        if self.optimizer == "lbfgs" and self.weight_decay <= 0:
            raise ValueError(
                f"Expected weight_decay above 0 with lbfgs. Received: {self.weight_decay!r}"
            )
        for name in (
            "epochs",
            "batch_size",
            "input_size",
            "learning_rate",
            "variants",
            "boxes_weight",
        ):
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"Expected {name} above 0. Received: {value!r}")
        evidence = "evidence" in str(self.arguments.get("pooling"))
        if self.boxes and (not evidence or self.first_step):
            raise ValueError(
                "Expected boxes with pooling 'evidence' or 'fine_evidence' and without a first "
                f"step. Received: {self.boxes!r}"
            )
        self._check_lungs()
        if self.pretrained and self.start_from:
            raise ValueError(
                "Expected pretrained or start_from, not both. "
                f"Received: {self.pretrained!r}, {self.start_from!r}"
            )
        _ = self.to_input  # checks what it is made of
        if not 0 <= self.test <= 0.5:
            raise ValueError(f"Expected test in [0, 0.5]. Received: {self.test!r}")
        if not 0 < self.validation <= 0.5:
            raise ValueError(f"Expected validation in (0, 0.5]. Received: {self.validation!r}")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"Expected warmup_epochs in [0, {self.epochs}), the epochs. "
                f"Received: {self.warmup_epochs!r}"
            )

    def _check_lungs(self) -> None:
        """Check what lung supervision goes with: the graph that varies films knows no other."""
        stepped = self.schedule == "stepped"
        if self.lungs is None and not stepped:
            return
        wanted = {
            "lungs": self.lungs is not None,
            "pooling": "evidence" in str(self.arguments.get("pooling")),
            "schedule": stepped,
            "keep": self.keep == "last",
            "transplanted": not (self.lungs and self.lungs.transplanted) or bool(self.boxes),
            "teachers": bool(self.lungs and self.lungs.taught) == bool(self.teachers),
            "first_step": self.first_step is None,
            "shear": not self.augmentation.shear,
            "averaged": self.lungs is not None and self.lungs.averaged <= self.epochs,
        }
        if wrong := [name for name, right in wanted.items() if not right]:
            raise ValueError(
                "Expected lung supervision with evidence pooling, the stepped schedule, the last "
                "weights, averaged over at most all epochs, no first step and no shear, parts of "
                "films set into others only with boxes, and a weight for teachers where there "
                f"are any. Wrong: {', '.join(wrong)}"
            )

    @property
    def to_input(self) -> Preprocessing:
        """How films are brought to the network's input."""
        return self.prepare_for(self.input_size)

    def prepare_for(self, side: int) -> Preprocessing:
        """Return the same for an input of another side, in pixels."""
        return Preprocessing(
            side, side, self.channels, self.resample, self.margin, self.levels, self.through
        )

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        plain: dict[str, Any] = encode(self)
        return plain

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Recipe:
        """Make a recipe from plain data.

        Raises
        ------
        ValueError
            If a field is unknown, missing or out of range.
        """
        try:
            return decode(cls, data)
        except RecordError as error:
            raise ValueError(f"This is no recipe: {error}") from error
