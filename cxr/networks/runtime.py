"""Settings of TensorFlow and of the process that must be made before TensorFlow is loaded."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["give_back_memory", "keep_memory", "prepare"]

# glibc's malloc.h
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def prepare() -> None:
    """Ask TensorFlow for its oneDNN kernels and for quiet; what is set already stays.

    oneDNN is off by default on processors without AVX-512. With it a training step of
    EfficientNet-Lite0 takes about two thirds of the time there.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def keep_memory() -> None:
    """Have the allocator keep what a training step gives back, for the next step.

    By default glibc returns each large array to the system, which clears the pages anew at the
    next allocation: half of the time of a step on two cores. A no-op elsewhere than on Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (OSError, AttributeError):  # another C library: slower, and right all the same
        return


def give_back_memory() -> None:
    """Have the allocator return to the system what is free, as after much was let go.

    By itself glibc returns the end of its store alone, however much is free before that. A no-op
    elsewhere than on Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return
