"""What a heatmap costs: score with Grad-CAM over the bare forward pass, one warm film."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np

import cxr
from cxr.inference import compile_forward, last_convolution

ROUNDS = 300


def alternately(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Time two calls in turns, so that what slows one slows both; medians in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (first, second):
        for _ in range(20):
            call()
    for i in range(2 * ROUNDS):
        # Who goes first changes too: the second finds the caches warm.
        k = (i // 2 + i) % 2
        start = time.perf_counter()
        (first, second)[k]()
        times[k].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    results = []
    for card in cxr.available():
        bundle = cxr.load(card.name)
        rng = np.random.default_rng(0)
        film = rng.integers(0, 256, (1, *card.size, card.input["channels"])).astype(np.float32)
        forward = compile_forward(bundle.model)
        both = compile_forward(bundle.model, gradcam=last_convolution(bundle.model))
        bare, explained = alternately(lambda: forward(film), lambda: both(film))  # noqa: B023
        results.append(
            {
                "model": card.name,
                "forward_ms": round(1000 * bare, 2),
                "with_gradcam_ms": round(1000 * explained, 2),
                "ratio": round(explained / bare, 3),
            }
        )
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
