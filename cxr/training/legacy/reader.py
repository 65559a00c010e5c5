"""Stored models read in a process of its own, which is ended if it takes too long.

A damaged HDF5 file can keep the library that reads it busy for good, or end the process.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ...process import Process
from .files import Weights, read_description, read_weights
from .recognition import Shapes
from .steps import LegacyError

__all__ = ["Reader"]

#: Seconds that a file may take, and bytes of it that add one more: a slow disk reads them in less.
SECONDS = 60.0
A_SECOND = 5_000_000
READ: dict[str, Callable[..., Any]] = {
    "description": read_description,
    "weights": read_weights,
}


class Reader:
    """Reads the files of one stored model, as `cxr.training.legacy.files` does.

    >>> with Reader() as reader:
    ...     described = reader.description(Path("model.json"))
    """

    def __enter__(self) -> Self:
        self._process = Process(_serve)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.end()

    def description(self, model: Path) -> Any:
        """Return what `read_description` returns, or raise what it raises."""
        return self._ask("description", model)

    def weights(self, file: Path, shapes: Shapes) -> Weights:
        """Return what `read_weights` returns, or raise what it raises."""
        weights: Weights = self._ask("weights", file, shapes)
        return weights

    def _ask(self, what: str, file: Path, *arguments: Any) -> Any:
        size = file.stat().st_size if file.is_file() else 0
        try:
            answer, error = self._process.ask((what, file, *arguments), SECONDS + size / A_SECOND)
        except TimeoutError as late:
            raise LegacyError(
                f"{file.name} cannot be read: it keeps its reader busy without end. It is damaged; "
                "store or copy it again.",
                code="damaged",
            ) from late
        except (EOFError, OSError) as ended:
            raise LegacyError(
                f"{file.name} cannot be read: it ended the process that read it. It is damaged; "
                "store or copy it again.",
                code="damaged",
            ) from ended
        if error is not None:
            raise error
        return answer


def _serve(pipe: Connection) -> None:
    """Read what is asked for, until the other end is closed."""
    while True:
        try:
            what, *arguments = pipe.recv()
        except EOFError:
            return
        answer: Any = None
        raised: Exception | None = None
        try:
            answer = READ[what](*arguments)
        except (LegacyError, OSError) as error:
            raised = error
        pipe.send((answer, raised))
