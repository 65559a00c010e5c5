"""Every figure against a stored account of it: titles, axes, traces and the values they draw."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from tests.figures.test_figures import DRAWN
from tests.golden import assert_golden

FOLDER = Path(__file__).parent / "golden"
#: More values than this are told by their number, ends, mean and spread.
MOST = 6


def account(value: Any) -> Any:
    """Make what a figure holds short and equal on every processor."""
    if isinstance(value, dict) and "bdata" in value:  # an array as Plotly packs it
        packed = base64.b64decode(value["bdata"])
        shape = [int(n) for n in str(value.get("shape", -1)).split(",")]
        return account(np.frombuffer(packed, value["dtype"]).reshape(shape))
    if isinstance(value, dict):
        return {key: account(part) for key, part in value.items()}
    if isinstance(value, str | bool | None):
        return value
    if isinstance(value, float | int | np.number):
        return float(f"{float(value):.5g}")
    values = np.asarray(value)
    if values.size > MOST and np.issubdtype(values.dtype, np.number):
        spread = [np.nanmean(values), np.nanstd(values)]
        ends = [values.flat[0], values.flat[-1], *spread]
        return {"shape": list(values.shape), "first, last, mean, spread": account(ends)}
    parts = [account(part) for part in value]
    return parts if len(parts) <= MOST else [len(parts), *parts[:2], parts[-1]]


def assert_account(figure: go.Figure, file: Path) -> None:
    """Hold a figure against its stored account."""
    drawn = figure.to_dict()
    drawn["layout"].pop("template")  # the same for all, and tested by itself
    assert_golden(file, json.dumps(account(drawn), indent=1, ensure_ascii=False, sort_keys=True))


@pytest.mark.parametrize("name", DRAWN)
def test_is_drawn_as_it_was(name: str) -> None:
    assert_account(DRAWN[name](theme="dark"), FOLDER / f"{name.replace(' ', '_')}.json")
