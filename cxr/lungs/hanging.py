"""Whether a film hangs upright, as the lung network sees it.

The network has learned from upright films, and is less sure of its mask on any other: of a film
that lies on its side it marks next to nothing, of one that stands on its head it marks lungs with
blurred edges. So where it is not quite sure, it is asked of the film in all four positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .segment import expected_dice

__all__ = ["quarter_turns", "surest"]

#: A film of which the network is as sure as this hangs upright; most are, and cost nothing more.
UPRIGHT_FROM = 0.95
#: Least that it must be sure of the film in another position: of few pictures of no chest it is.
TURNED_FROM = 0.92
#: And so much more than of the film as it hangs.
MARGIN = 0.02


def quarter_turns(
    picture: NDArray[np.uint8],
    logits: NDArray[np.float32],
    network: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> int:
    """Say by how many quarter turns counterclockwise a film would come to hang upright.

    Parameters
    ----------
    picture
        (side, side), as the network takes it.
    logits
        (side, side), what the network made of it.
    network
        It is asked three times more where it was not quite sure.

    Returns
    -------
    int
        0 to 3; 0 too where no position is sure enough.
    """
    sure = expected_dice(logits)
    if sure >= UPRIGHT_FROM:
        return 0
    others = [
        expected_dice(network(np.ascontiguousarray(np.rot90(picture, turns))))
        for turns in (1, 2, 3)
    ]
    return surest([sure, *others])


def surest(positions: Sequence[float]) -> int:
    """Say the same from how sure the network is of the film turned by 0 to 3 quarters."""
    sure, *others = positions
    best = max(others)
    if sure >= UPRIGHT_FROM or best < max(TURNED_FROM, sure + MARGIN):
        return 0
    return 1 + others.index(best)
