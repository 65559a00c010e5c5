"""Films of one list or of several, read and scored in one call of each network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..films.radiograph import Radiograph, RadiographError
from ..model import Model
from ..scoring.automatic import predict, unread
from ..scoring.predict import Prediction
from ..scoring.refusal import Refusal
from .entry import Entry

__all__ = ["BATCH", "Portion", "Scored", "score_together"]

#: Films that are scored together: more are no faster on a processor, and all are held at full size.
BATCH = 4
#: Films with what each model says of them, by finding.
Scored = Sequence[tuple[Entry, dict[str, Prediction]]]


@dataclass(frozen=True, eq=False)
class Portion:
    """Films of one list that are to be scored next, and by what.

    Attributes
    ----------
    entries : tuple of Entry
        The films.
    models : tuple of Model
        One per finding.
    operating_point : str or None
        Name of an operating point; None for each card's default.
    urgent : bool
        Whether a reader has them open and waits for them.
    keep : callable
        Takes what was said of them, and returns the films that it was kept of: none if the list
        has other models by then, or was closed.
    """

    entries: tuple[Entry, ...]
    models: tuple[Model, ...]
    operating_point: str | None
    urgent: bool
    keep: Callable[[Scored], list[Entry]]

    def goes_with(self, other: Portion) -> bool:
        """Whether both can be scored in the same calls."""
        mine, others = (self.models, self.operating_point), (other.models, other.operating_point)
        return mine == others

    def only(self, entries: Sequence[Entry]) -> Portion:
        """Return the same with some of the films."""
        return replace(self, entries=tuple(entries))


def score_together(
    portions: Sequence[Portion], by: Callable[..., list[dict[str, Prediction]]] | None = None
) -> list[list[Entry]]:
    """Score films of lists that have the same models, each with its Grad-CAM.

    Parameters
    ----------
    portions : sequence of Portion
        At least one; they go with each other.
    by : callable, default: `cxr.scoring.automatic.predict`
        What scores them.

    Returns
    -------
    list of list of Entry
        By portion the films that have their prediction now. One that cannot be read is refused.
    """
    models, point = portions[0].models, portions[0].operating_point
    films: list[tuple[Entry, Radiograph]] = []
    said: dict[Entry, dict[str, Prediction]] = {}
    for entry in (entry for portion in portions for entry in portion.entries):
        try:
            film = entry.film()
        except RadiographError as error:
            said[entry] = unread(models, Refusal(error.code, error.reason), point)
        else:
            entry.note(film)
            films.append((entry, film))
    overridden = {
        model.card.finding: [
            i for i, (entry, _) in enumerate(films) if entry.wanted(model.card.finding)
        ]
        for model in models
    }
    results = (by or predict)(
        models,
        [film for _, film in films],
        operating_point=point,
        heatmaps=True,
        overridden=overridden,
    )
    said.update((entry, row) for (entry, _), row in zip(films, results, strict=True))
    return [portion.keep([(e, said[e]) for e in portion.entries]) for portion in portions]
