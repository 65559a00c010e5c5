"""What the audit trail is told of one list: which films were shown to its reader or taken along."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ..errors import CxrError
from ..monitoring import Exported, LateReadings, Opened, Receipt, new_list_id

__all__ = ["Trail", "TrailError"]

#: Seconds that a click waits for the audit trail at most, where it is required; and a file.
MOMENT, WHILE = 0.05, 5.0


class TrailError(CxrError, RuntimeError):
    """The audit trail is required and cannot be written, so that nothing is handed out."""

    code = "audit_trail"


class Trail:
    """Tells the audit trail of one list, and whether it holds what it was told.

    Parameters
    ----------
    log : LateReadings or None
        Where the trail is kept; None where there is none.
    reader : str, optional
        The reader's pseudonym; None without sign-in: then there is nothing to tell.
    required : bool, default: False
        Whether films are shown and exported only once the trail holds that they are.

    Attributes
    ----------
    list_id : str
        What the trail knows the list by.
    """

    def __init__(
        self, log: LateReadings | None, reader: str | None = None, *, required: bool = False
    ) -> None:
        self.log = log
        self.reader = reader
        self.required = required
        self.list_id = new_list_id()
        self._receipts: list[tuple[tuple[str, ...], Receipt]] = []
        """Hashes of films that have to be in the trail first, and what became of the entries."""
        self._lock = threading.Lock()

    def opened(self, *hashes: str) -> None:
        """Note that films are shown.

        Parameters
        ----------
        *hashes : str
            Of their pixels.
        """
        if not hashes or not self.reader:
            return
        receipt = Receipt(lost=len(hashes))
        if self.log is not None:
            films = [
                Opened(reader=self.reader, film_sha256=sha256, list_id=self.list_id)
                for sha256 in hashes
            ]
            receipt = self.log.note("opened", films)
        if self.required:
            with self._lock:
                self._receipts.append((hashes, receipt))

    def holds(self, seconds: float = MOMENT) -> bool:
        """Whether films may be shown: the trail holds all that was opened, where it is required.

        What could not be kept is noted anew, to be asked for the next time.

        Parameters
        ----------
        seconds : float
            How long this waits for it at most.
        """
        with self._lock:
            awaited = list(self._receipts)
        if not awaited:
            return True
        if self.log is not None and self.log.is_written([r for _, r in awaited], seconds):
            with self._lock:
                self._receipts = [pair for pair in self._receipts if pair not in awaited]
                return not self._receipts
        if self.log is None or not self.log.trail_has_room:
            return False
        lost = [pair for pair in awaited if pair[1].lost and not pair[1].waiting]
        with self._lock:
            self._receipts = [pair for pair in self._receipts if pair not in lost]
        for hashes, _ in lost:
            self.opened(*hashes)
        return False

    def exported(self, form: str, hashes: Iterable[str]) -> None:
        """Note that a file of films is handed to the reader.

        Parameters
        ----------
        form : str
            What the file is.
        hashes : iterable of str
            Of the films that it tells of; "" of one that was not read.

        Raises
        ------
        TrailError
            If the trail is required and does not hold it in time.
        """
        if not self.reader:
            return
        entries = [
            Exported(reader=self.reader, form=form, film_sha256=sha256, list_id=self.list_id)
            for sha256 in dict.fromkeys(filter(None, hashes))
        ]
        receipt = self.log.note("exported", entries) if self.log is not None else None
        if self.required and not (receipt and self.log and self.log.is_written([receipt], WHILE)):
            raise TrailError("The audit trail cannot be written: no file is handed out.")
