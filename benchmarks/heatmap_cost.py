"""What a heatmap costs, as ratios within one run: over the forward pass, and against tf-keras-vis.

Each figure is the ratio of two medians of calls that take turns, on one film, all warm. The
baselines have no convolution and stand out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam

import cxr
from cxr.heatmaps.attribute import attribute
from cxr.heatmaps.methods import FAST
from cxr.networks.graph import compile_forward

THEIRS = {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus, "layercam": Layercam}
#: Score-CAM runs the network hundreds of times per film; this many are not worth the wait.
MOST_PARAMETERS = 10_000_000
Call = Callable[[], object]


def alternately(first: Call, second: Call, rounds: int, warm: int = 20) -> tuple[float, float]:
    """Time two calls in turns, so that what slows one slows both; medians in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (first, second):
        for _ in range(warm):
            call()
    for i in range(2 * rounds):
        # Who goes first changes too: the second finds the caches warm.
        k = (i // 2 + i) % 2
        start = time.perf_counter()
        (first, second)[k]()
        times[k].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def over_forward(bundle: cxr.Bundle, film: NDArray[np.float32], rounds: int) -> dict[str, Any]:
    """Time score and map, by what runs the model, over TensorFlow's bare compiled forward pass."""
    forward = compile_forward(bundle.model)
    found: dict[str, Any] = {}
    for method in FAST:
        both = bundle.network.forward(method)
        bare, mapped = alternately(
            lambda: forward(film),
            lambda both=both: both(film),
            rounds,
        )
        found[method] = {
            "forward_ms": round(1000 * bare, 2),
            "with_map_ms": round(1000 * mapped, 2),
            "ratio": round(mapped / bare, 3),
        }
    return found


def against_tf_keras_vis(
    bundle: cxr.Bundle, film: NDArray[np.float32], rounds: int
) -> dict[str, Any]:
    """Time tf-keras-vis over ours: it gives the map alone, ours comes with the score."""
    found: dict[str, Any] = {}

    def score(output: Any) -> Any:
        return output[:, 0]

    raw = {"expand_cam": False, "normalize_cam": False}
    for method, kind in THEIRS.items():
        theirs = kind(bundle.model, clone=False)
        ours, other = alternately(
            lambda method=method: attribute(bundle.network, film, method=method),
            lambda theirs=theirs: theirs(score, film, **raw),
            rounds,
            warm=1,
        )
        found[method] = {
            "ours_ms": round(1000 * ours, 2),
            "theirs_ms": round(1000 * other, 2),
            "ratio": round(other / ours, 2),
        }
    if bundle.card.architecture.parameters > MOST_PARAMETERS:
        channels = bundle.model.get_layer(bundle.network.layer()).output.shape[-1]
        found["scorecam"] = {
            "left_out": f"{channels} passes of this network a film: minutes a call"
        }
        return found
    theirs = Scorecam(bundle.model, clone=False)
    with contextlib.redirect_stdout(io.StringIO()):  # the bar of `Model.predict`
        ours, other = alternately(
            lambda: attribute(bundle.network, film, method="scorecam"),
            lambda: theirs(score, film, **raw),
            max(1, rounds // 10),
            warm=1,
        )
    found["scorecam"] = {
        "ours_ms": round(1000 * ours),
        "theirs_ms": round(1000 * other),
        "ratio": round(other / ours, 2),
    }
    return found


def worst(
    results: list[dict[str, Any]], part: str, pick: Callable[..., Any], methods: Sequence[str]
) -> dict[str, Any] | None:
    """Name the model and method whose ratio is furthest from the target."""
    every = [
        (figures["ratio"], each["model"], method)
        for each in results
        for method, figures in each[part].items()
        if "ratio" in figures and method in methods
    ]
    if not every:
        return None
    ratio, model, method = pick(every)
    return {"ratio": ratio, "model": model, "method": method}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="of each pair of calls")
    parser.add_argument("--slow-rounds", type=int, default=10, help="with tf-keras-vis")
    parser.add_argument("--model", help="this one alone")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    for card in cxr.available():
        if card.baseline or (options.model and card.name != options.model):
            continue
        bundle = cxr.load(card.name)
        rng = np.random.default_rng(0)
        film = rng.integers(0, 256, (1, *card.size, card.input.channels)).astype(np.float32)
        results.append(
            {
                "model": card.name,
                "over_forward": over_forward(bundle, film, options.rounds),
                "tf_keras_vis_over_ours": against_tf_keras_vis(bundle, film, options.slow_rounds),
            }
        )
        # The VGG networks take minutes: what is done is not lost with a run that is stopped.
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    summary = {
        "over_forward": worst(results, "over_forward", max, FAST),
        "tf_keras_vis_over_ours": worst(results, "tf_keras_vis_over_ours", min, FAST),
        # Stands apart: the passes themselves, which both must run, are most of its time.
        "scorecam": worst(results, "tf_keras_vis_over_ours", min, ["scorecam"]),
    }
    print(json.dumps({"models": results, "worst": summary}, indent=1))


if __name__ == "__main__":
    main()
