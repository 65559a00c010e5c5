"""Settings of the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cxr.networks.runtime import give_back_memory

MB = 1_000_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"),
    reason="wants glibc",
)
def test_what_is_free_goes_back_to_the_system_though_something_after_it_is_kept() -> None:
    blocks = [b"x" * 100_000 for _ in range(1000)]
    kept = blocks[99::100]
    before = resident()
    del blocks
    give_back_memory()
    assert resident() < before - 70 * MB
    assert len(kept) == 10
