"""A bundle that is changed: killed at any step it loads, and is the old one or the new one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.evidence import score_split
from cxr.evidence.audit.store import store as store_explanations
from cxr.scoring import export
from cxr.scoring.bundle import Bundle
from cxr.scoring.film_tables import film_table_bytes
from cxr.storage.atomic import read_checked
from cxr.storage.models import models_folder
from cxr.training.fit_gate import store_gate
from tests.bundles import copy_bundle
from tests.killed import at_each_call

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


def stored_predictions(bundle: Bundle) -> None:
    """As ``cxr evaluate --store`` does."""
    table = bundle.predictions
    score_split.store(bundle, table[table["split"] == "nih"].head(20))


def stored_explanations(bundle: Bundle) -> None:
    """As ``cxr audit`` does."""
    table = bundle.explanations
    rows = table[(table["method"] == "smoothgrad") & (table["measure"] == "flip_rank")]
    rows = rows.assign(value=0.5)
    store_explanations(bundle, rows.to_dict("records"))


def stored_gate(bundle: Bundle) -> None:
    """As ``cxr gate`` does."""
    store_gate(bundle, Bundle.load("pneumonia-efficientnet-lite0").gate, [])


def stored_export(bundle: Bundle) -> None:
    """As ``cxr export`` does, with a content that takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "build_network", lambda bundle: None)
        patch.setattr(export, "_export", lambda card, model: b"export")
        export.export_bundle(bundle.name, folder=bundle.folder.parent)


def contents(bundle: Bundle) -> list[object]:
    """Return all that a bundle holds, read and checked."""
    card = bundle.card
    tables = (card.tables.history, card.tables.predictions)
    files = [(file.file, file.sha256) for file in (*tables, card.gate, card.export) if file]
    evidence = {name: bundle.evidence(name) for name in card.evidence}
    return [
        card,
        evidence,
        film_table_bytes(bundle.folder, card),
        *(read_checked(bundle.folder, *file) for file in files),
    ]


@pytest.mark.parametrize(
    "change", [stored_predictions, stored_explanations, stored_gate, stored_export]
)
def test_a_command_that_is_killed_at_any_call_leaves_old_or_new(tmp_path, change):
    folder, name = tmp_path / "models", "pneumonia-thumbnail"

    def begin() -> None:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(models_folder() / name, folder / name)

    def load() -> Bundle:
        return Bundle.load(name, folder=folder)

    copy_bundle(models_folder() / name, folder / name)
    old = contents(load())
    change(load())
    new = contents(load())
    assert old != new
    seen = []
    for calls in at_each_call(begin, lambda: change(load())):
        found = contents(load())
        assert found in (old, new), calls
        seen.append(found == new)
        if calls % 5 == 0:  # it can be done again, and leaves nothing behind
            change(load())
            assert contents(load()) == new, calls
            assert not [path for path in (folder / name).iterdir() if path.name.startswith(".")]
    assert seen == sorted(seen)
    assert set(seen) == {False, True}
