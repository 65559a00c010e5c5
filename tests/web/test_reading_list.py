"""How often a list looks for its scores."""

from __future__ import annotations

import pytest

from cxr.web.reading_list import AT_ONCE, BEAT, SOON, _between_looks


@pytest.mark.parametrize("seconds", [BEAT, SOON])
def test_few_readers_wait_no_longer_and_many_look_no_oftener_together(seconds: float) -> None:
    for readers in range(AT_ONCE + 1):
        assert _between_looks(seconds, readers) == seconds
    most = AT_ONCE / seconds  # looks a second
    for readers in (8, 16, 100):
        assert readers / _between_looks(seconds, readers) == pytest.approx(most)
