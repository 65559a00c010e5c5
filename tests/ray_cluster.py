"""A Ray cluster of this machine alone, for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parent.parent
#: Bytes of a node's memory for what workers hand on.
STORE = 100 * 2**20


@contextmanager
def cluster_with(processors: int, **system: Any) -> Iterator[Any]:
    """Start a head node with so many processors; `system` are settings of Ray's own."""
    from ray.cluster_utils import Cluster

    head: dict[str, Any] = {"num_cpus": processors, "include_dashboard": False}
    head |= {"object_store_memory": STORE, "_system_config": system or None}
    # Its workers find this checkout, as the nodes of a real one have the package installed.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with mock.patch.dict(os.environ, PYTHONPATH=path):
        made = Cluster(initialize_head=True, head_node_args=head)
        try:
            yield made
        finally:
            made.shutdown()


def processes_of(worker: str) -> list[int]:
    """Return the processes of the workers whose class is called so."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if worker.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except (OSError, ValueError):
            continue
    return found
