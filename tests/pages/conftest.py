"""Pages in tests have no clock that draws them anew: they wait for all that they need."""

from __future__ import annotations

import sys

import pytest

import cxr.web  # noqa: F401 - so that its modules are there


@pytest.fixture(autouse=True)
def with_all_that_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a page wait for work that takes longer than a moment."""
    monkeypatch.setattr(sys.modules["cxr.web.work"], "PATIENCE", 60.0)
