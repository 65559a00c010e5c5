"""The command that takes the log of readings along; see `cxr.monitoring`."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..scoring.population import INTENDED_USE
from ..stats.wording import count
from ..storage.atomic import write_file
from ..storage.csv_text import table_text
from .commands import DONE, UsageError, check_writable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "readings"]

FORMATS = (".csv", ".json", ".parquet")


def readings(options: argparse.Namespace) -> int:
    """Write the entries of the log, or of one of its other tables; see `cxr.monitoring`."""
    from ..monitoring import Readings

    out = Path(options.out) if options.out else None
    if out and out.suffix.lower() not in FORMATS:
        raise UsageError(f"Expected --out to end in {', '.join(FORMATS)}. Received: {out.name}")
    if out and out.exists() and not options.force:
        raise UsageError(f"There is already {out}. Add --force, or name another file.")
    if options.force and not out:
        raise UsageError("--force needs --out: the file to write over.")
    if out:
        check_writable(out)
    since = _day(options.since) if options.since else None
    log = Readings()
    if not log.enabled:
        raise UsageError("The log is switched off: CXR_READINGS_URL is off.")
    tables = {
        "--regions": (options.regions, log.regions),
        "--opened": (options.opened, log.opened_films),
        "--exported": (options.exported, log.exported_films),
        "--sign-ins": (options.sign_ins, log.sign_ins),
    }
    chosen = [read for is_wanted, read in tables.values() if is_wanted]
    if len(chosen) > 1:
        raise UsageError(f"Choose one of {', '.join(tables)}.")
    table = (chosen or [log.table])[0](since)
    if out is None:
        sys.stdout.write(_as_csv(table))
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_file(out, lambda new: _write(table, new, out.suffix.lower()))
    print(f"{count(len(table), 'entry', 'entries')}.", file=sys.stderr)
    return DONE


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"Expected --since as a day, 2026-11-27. Received: {text}") from None


def _plain_times(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(time=[at.isoformat() for at in table["time"]], intended_use=INTENDED_USE)


def _as_csv(table: pd.DataFrame) -> str:
    return table_text(_plain_times(table))


def _write(table: pd.DataFrame, path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        table.assign(intended_use=INTENDED_USE).to_parquet(path, index=False)
    elif suffix == ".json":
        plain = _plain_times(table)
        records = plain.astype(object).where(plain.notna(), None).to_dict("records")
        path.write_text(json.dumps(records, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    else:
        path.write_text(_as_csv(table), encoding="utf-8", newline="")
