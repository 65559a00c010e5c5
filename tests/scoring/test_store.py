"""A bundle that is changed: killed at any step it loads, and is the old one or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.scoring.bundle import Bundle
from tests.bundles import copy_bundle

#: Replaces the predictions and the table of films of copies of a bundle, each copy killed one call
#: of the system later than the one before.
CHILD = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.bundles import change_table

CALLS = ("open", "fsync", "replace", "unlink")
root, out = Path(sys.argv[1]), Path(sys.argv[2])
for step in range(100):
    folder = root / str(step) / "made"
    if not folder.exists():
        break
    if not (child := os.fork()):
        left = step
        def killing(call):
            def called(*given, **named):
                global left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return call(*given, **named)
            return called
        for name in CALLS:
            setattr(os, name, killing(getattr(os, name)))
        for name in ("predictions", "films"):
            change_table(folder, name, lambda table: table.head(3))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        out.write_text(str(step))
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="wants a system that forks")
def test_killed_at_each_step(made_bundle, tmp_path):
    root = tmp_path / "copies"
    for step in range(70):
        copy_bundle(made_bundle.folder, root / str(step) / "made")
    out = tmp_path / "steps"
    subprocess.run([sys.executable, "-c", CHILD, root, out], check=True, timeout=300)
    steps = int(out.read_text())
    seen = []
    for step in range(steps):
        bundle = Bundle.load(str(root / str(step) / "made"))
        assert bundle.history.equals(made_bundle.history)
        found = len(bundle.predictions), len(bundle.films)
        whole = len(made_bundle.predictions), len(made_bundle.films)
        assert found in (whole, (3, whole[1]), (3, 3)), step
        seen.append(sum(found))
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 3
