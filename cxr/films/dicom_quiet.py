"""Warnings of pydicom, which quote headers, kept out of the log while a film's file is read.

Damaged headers are met every day. pydicom answers them with warnings that quote the value, name and
number of a patient included, on standard error and to its logger.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]

_reading = threading.local()
_lock = threading.Lock()
_readers: set[int] = set()
_WHERE = r"pydicom\.|cxr\.(films|exports)\.dicom"


class _Quiet(logging.Filter):
    """Lets nothing pass of a thread that reads a file."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_reading, "depth", 0)


_QUIET = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom silent within; for threads that read at the same time, and one in another.

    `warnings.catch_warnings` would put back the filters of one thread while another still reads.
    """
    depth = getattr(_reading, "depth", 0)
    reader = threading.get_ident()
    with _lock:
        logger = logging.getLogger("pydicom")
        if _QUIET not in logger.filters:
            logger.addFilter(_QUIET)
        # Anew each time, as others may have put theirs before it; there is one entry at a time.
        warnings.filterwarnings("ignore", module=_WHERE)
        entry = warnings.filters[0]
        _readers.add(reader)
    _reading.depth = depth + 1
    try:
        yield
    finally:
        _reading.depth = depth
        with _lock:
            if not depth:
                _readers.discard(reader)
            if not _readers and entry in warnings.filters:
                warnings.filters.remove(entry)  # type: ignore[attr-defined]
