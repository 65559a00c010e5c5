"""Films a second of `cxr predict --ray` by one worker and by two, each of one processor.

A cluster is started on this machine for each: a head without a processor, and a node with one for
each worker, as `ray start` would. What is timed is the way of the films, from the first batch that
comes back to the last, and with it the whole, the start of the workers included. Both take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from cxr.bulk.cluster import score_on_cluster
from cxr.model import Model, load
from cxr.scoring.predict import find_films

STORE = 200 * 2**20
ROUNDS = 3


def measure(model: Model, paths: list[str], workers: int) -> tuple[float, float]:
    """Return films a second while films come back, and of the whole."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(workers):
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
        began = time.perf_counter()
        back = [
            (time.perf_counter(), len(batch))
            for batch in score_on_cluster([model], paths, cluster.address)
        ]
        whole = time.perf_counter() - began
    finally:
        cluster.shutdown()
    # Before the first batches of all workers nothing is known of their pace.
    first, rest = back[workers - 1][0], sum(number for _, number in back[workers:])
    return rest / (back[-1][0] - first), len(paths) / whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="pneumonia")
    parser.add_argument("--films", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    model = load(options.model)
    films = list(map(str, find_films([options.folder])))
    paths = (films * (options.films // len(films) + 1))[: options.films]
    rates: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(options.rounds):
        for workers, rate in rates.items():
            rate.append(measure(model, paths, workers))
    under_way, whole = (
        {workers: statistics.median(pair[k] for pair in rate) for workers, rate in rates.items()}
        for k in (0, 1)
    )
    said = {
        "films": len(paths),
        "films_a_second": {workers: round(rate, 1) for workers, rate in under_way.items()},
        "two_over_one": round(under_way[2] / under_way[1], 2),
        "two_over_one_with_start": round(whole[2] / whole[1], 2),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
