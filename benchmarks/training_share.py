"""How much of an epoch of training is the compiled step: the rest is reading, varying, waiting.

An epoch over real films is timed, then as many steps on one batch that lies ready, in turns. The
share is the median of the second over that of the first: what else the machine does in one turn
does not decide. Wants CXR_DATA; the films may be fewer (--films) than the set's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

from cxr.datasets.published import data_folder
from cxr.networks.runtime import keep_memory, prepare
from cxr.training.recipes import find_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="pneumonia-efficientnet-lite0")
    parser.add_argument("--films", type=int, default=320)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    recipe = find_recipe(options.recipe)
    folder = data_folder(recipe.source)
    if folder is None:
        raise SystemExit("Set CXR_DATA to the folder of the data sets.")
    prepare()  # before TensorFlow is loaded: it reads its settings once
    import keras
    import numpy as np
    import tensorflow as tf

    from cxr.datasets.table import (
        NORMAL,
        read_films,
        scan,
        subset,
    )
    from cxr.networks import build
    from cxr.training.batches import batches
    from cxr.training.fit import compile_for

    keep_memory()
    table = scan(folder)
    table = table[(table["split"] != "test") & table["label"].isin([NORMAL, recipe.finding])]
    table = subset(table, min(1.0, options.films / len(table))).reset_index(drop=True)
    table, pixels = read_films(table, Path(folder), prepare=recipe.to_input)
    assert pixels is not None
    pixels = pixels[..., :1]
    labels = np.asarray(table["label"] != NORMAL, np.int64)
    steps = len(labels) // recipe.batch_size
    model = build(recipe.architecture, input_size=recipe.input_size, **recipe.arguments)
    compile_for(model, recipe, steps)

    def epoch(feed: tf.data.Dataset) -> float:
        began = time.perf_counter()
        model.fit(feed, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
        return time.perf_counter() - began

    feed = batches(pixels, labels, recipe)
    one = next(iter(feed))
    ready = tf.data.Dataset.from_tensors(one).repeat()
    for each in (feed, ready):  # compiled and warm, for either shape of batch
        model.fit(each, steps_per_epoch=3, epochs=1, verbose=0)
    turns = [(epoch(feed), epoch(ready)) for _ in range(options.turns)]
    whole, bare = (statistics.median(each) for each in zip(*turns, strict=True))
    print(
        json.dumps(
            {
                "recipe": recipe.name,
                "films": steps * recipe.batch_size,
                "turns": [[round(seconds, 2) for seconds in turn] for turn in turns],
                "epoch_seconds": round(whole, 2),
                "compiled_step_seconds": round(bare, 2),
                "share": round(bare / whole, 3),
                "peak_memory_gb": round(
                    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2
                ),
                "keras": keras.__version__,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
