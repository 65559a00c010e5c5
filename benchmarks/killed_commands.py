"""Commands killed at random moments: how often a bundle was left that is neither old nor new.

    python -m benchmarks.killed_commands [COMMAND...] [--kills 20] [--folder FOLDER]

Commands: train, evaluate, audit, gate, export; all of them if none is named. Each is run as from
the command line, on a small network and films that are made here, in a child process that is killed
(SIGKILL): every other time at a random moment between its start and its end, and else at one of
its calls that bring a file to disk or give it its name, drawn at random. The next one runs on what
was left; once it is done the old bundle is put back. After each kill the bundle must be the old one
or the new one, whole: it loads, every file that its card names is the one of that hash, the export
opens, the figures of the card are those of its tables, and the training log has each epoch once.

Children are forked from a process that has imported TensorFlow and built nothing, so that most of a
command's time is its own work. Prints a line per command; ends with status 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cxr.cli.parser import main as command_line
from cxr.evidence.score_split import evaluated
from cxr.progress import silent
from cxr.scoring.card import Card
from cxr.scoring.classifier import Classifier
from cxr.scoring.engine_file import find_engine
from cxr.scoring.store import CARD, bundle_writer
from cxr.storage.models import models_folder
from cxr.training.recipes import Recipe
from cxr.training.run import train
from tests.conftest import chest_like

NAME = "pneumonia-made"
FLAGSHIP = "pneumonia-efficientnet-lite0"
EXTERNAL = "far"
EPOCHS = 3
#: Calls of the system that make a file count.
CALLS = ("fsync", "replace", "rename")


class Command(NamedTuple):
    """What is killed.

    Attributes
    ----------
    name : str
        For people.
    words : list of str
        Of the command line.
    bundle : pathlib.Path
        The folder of the bundle that it changes.
    before : pathlib.Path
        Folder of the models as they are before it, copied to begin.
    is_new : callable
        Whether a bundle is the new one.
    """

    name: str
    words: list[str]
    bundle: Path
    before: Path
    is_new: Callable[[Classifier], bool]

    def begin(self) -> None:
        """Put the old bundle back, alone."""
        shutil.rmtree(self.bundle.parent, ignore_errors=True)
        shutil.copytree(self.before, self.bundle.parent)


class Ended(NamedTuple):
    """How a child ended.

    Attributes
    ----------
    status : int or None
        None if it was killed.
    calls : int
        How many of `CALLS` it had made.
    seconds : float
    """

    status: int | None
    calls: int
    seconds: float


def run(words: list[str], *, at_call: int = 0, after: float | None = None) -> Ended:
    """Run a command in a child, and kill it at a call or after some seconds, if it still runs."""
    reader, end = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.close(reader)
        _work(words, end)
    os.close(end)
    calls, killed = 0, False
    while not killed:
        left = None if after is None else max(began + after - time.monotonic(), 0)
        if not select.select([reader], [], [], left)[0]:
            killed = True
            break
        said = os.read(reader, 1)
        if not said:
            break
        calls += 1
        killed = calls == at_call
    if killed:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reader)
    # It may have come to its end before the signal came.
    ended = os.waitstatus_to_exitcode(status)
    return Ended(ended if ended >= 0 else None, calls, time.monotonic() - began)


def _work(words: list[str], end: int) -> None:
    status = 1
    try:
        _note_calls(end)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        status = command_line(words)
    finally:
        os._exit(status)


def _note_calls(end: int) -> None:
    """Write a dot before each of `CALLS`."""

    def noted(call: Callable[..., object]) -> Callable[..., object]:
        def called(*given: object, **named: object) -> object:
            os.write(end, b".")
            return call(*given, **named)

        return called

    for name in CALLS:
        setattr(os, name, noted(getattr(os, name)))


def in_child(work: Callable[[], str]) -> str:
    """Return what some work says that loads networks, which this process must not."""
    reader, end = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            said = f"{type(error).__name__}: {error}"
        os.write(end, said.encode()[:4000])
        os._exit(0)
    os.close(end)
    os.waitpid(child, 0)
    said = os.read(reader, 4096).decode()
    os.close(reader)
    return said


def state_of(command: Command) -> str:
    """Return ``old`` or ``new``, or what is wrong with the bundle."""
    bundle = Classifier.load(command.bundle.name, folder=command.bundle.parent)
    card = bundle.card
    epochs = bundle.history["epoch"].tolist()
    if epochs != list(range(1, card.training.epochs + 1)):
        return f"the training log has the epochs {epochs}"
    if len(bundle.films) < len(bundle.predictions[bundle.predictions["split"] != EXTERNAL]):
        return "films are missing"
    for split, figures in card.evaluation.items():
        if evaluated(bundle, bundle.predictions, split) != figures:
            return f"the card's figures of {split} are not those of its predictions"
    for name in card.evidence or ():
        bundle.evidence(name)
    _ = bundle.explanations
    if card.gate:
        _ = bundle.gate
    if card.export and find_engine(bundle) is None:
        return "the export was not opened"
    return "new" if command.is_new(bundle) else "old"


def killed(command: Command, kills: int) -> tuple[str, list[str]]:
    """Kill a command so many times; return figures for people, and what was wrong."""
    rng = random.Random(command.name)  # noqa: S311 - of moments
    command.begin()
    whole = run(command.words)
    wrong, times, old = [], [0, 0], 0
    if whole.status or in_child(lambda: state_of(command)) != "new":
        return "", [f"does not work at all: status {whole.status}"]
    command.begin()
    while times[0] < kills and times[1] < 2 * kills + 2:
        if sum(times) % 2:
            ended = run(command.words, at_call=rng.randint(1, whole.calls))
        else:
            ended = run(command.words, after=rng.random() * whole.seconds)
        state = in_child(lambda: state_of(command))
        if state not in ("old", "new"):
            wrong.append(state)
        elif ended.status:
            wrong.append(f"cannot go on: status {ended.status}")
        elif ended.status == 0 and state == "old":
            wrong.append("ended, and the bundle is the old one")
        times[ended.status is not None] += 1
        old += state == "old"
        if state != "old":
            command.begin()
    if run(command.words).status or in_child(lambda: state_of(command)) != "new":
        wrong.append("cannot be brought to its end")
    if left := [p.name for p in command.bundle.parent.rglob(".*") if command.bundle in p.parents]:
        wrong.append(f"left behind: {', '.join(sorted(left))}")
    if left := [path.name for path in command.bundle.parent.glob(".*.training*")]:
        wrong.append(f"left behind: {', '.join(sorted(left))}")
    told = (
        f"{times[0]} kills ({times[1]} ended before) in {whole.calls} calls and "
        f"{whole.seconds:.0f} s, {old} times the old bundle"
    )
    return told, wrong


def make_films(data: Path) -> None:
    """Make the sets that the commands read: films of two classes, other views, other things."""
    seed = 0

    def fill(folder: Path, number: int, *, ill: bool = False, turned: bool = False) -> None:
        nonlocal seed
        folder.mkdir(parents=True)
        for _ in range(number):
            seed += 1
            picture = Image.fromarray(chest_like(seed, ill=ill))
            picture = picture.transpose(Image.Transpose.ROTATE_90) if turned else picture
            picture.save(folder / f"film-{seed:04}.png")

    for split, number in (("train", 30), ("test", 4)):
        for label, ill in (("NORMAL", False), ("PNEUMONIA", True)):
            fill(data / "kermany" / split / label, number, ill=ill)
    for name, number in ((EXTERNAL, 24), ("tuberculosis", 4), ("nih", 3)):
        positive = "PNEUMONIA" if name == EXTERNAL else "TUBERCULOSIS"
        for label, ill in (("NORMAL", False), (positive, True)):
            fill(data / name / label, number, ill=ill)
    fill(data / "lateral", 5, turned=True)
    for name in ("hands", "feet"):
        folder = data / "not_chest" / name
        folder.mkdir(parents=True)
        for number in range(4):
            noise = np.random.default_rng(number).integers(0, 255, (96, 96), np.uint8)
            Image.fromarray(noise).save(folder / f"{name}-{number}.png")


def recipe() -> Recipe:
    """Return a recipe that takes seconds."""
    return Recipe(
        name=NAME,
        finding="pneumonia",
        source="kermany",
        architecture="grey_cnn",
        input_size=64,
        channels=1,
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=16,
        epochs=EPOCHS,
        validation=0.3,
        seed=3,
        external={EXTERNAL: (f"{EXTERNAL}/normal", f"{EXTERNAL}/pneumonia")},
    )


def commands(folder: Path) -> list[Command]:
    """Make films and bundles, and return the commands that are to be killed."""
    data, made, models = folder / "data", folder / "made", folder / "models"
    make_films(data)
    file = folder / "recipe.json"
    file.write_text(json.dumps(recipe().to_json()))
    short = replace(recipe(), epochs=1)
    if said := in_child(lambda: str(train(short, data / "kermany", made, say=silent) and "")):
        raise RuntimeError(said)
    without = folder / "without"
    shutil.copytree(made, without)
    with bundle_writer(without / NAME) as writer:
        card = Card.read(without / NAME / CARD)
        writer.commit(replace(card, export=None).to_bytes())
    flagship = folder / "flagship"
    shutil.copytree(models_folder() / FLAGSHIP, flagship / FLAGSHIP)
    shutil.copytree(models_folder() / "films", flagship / "films")
    gate = Card.read(flagship / FLAGSHIP / CARD).gate
    ours, theirs = models / NAME, models / FLAGSHIP
    kermany = str(data / "kermany")

    def is_audited(bundle: Classifier) -> bool:
        return bundle.evidence("steadiness.csv") is not None and len(bundle.explanations) > 0

    return [
        Command(
            "train",
            ["train", str(file), "--data", kermany, "--out", str(models), "--resume"],
            ours,
            made,
            lambda bundle: bundle.card.training.epochs == EPOCHS,
        ),
        Command(
            "evaluate",
            ["evaluate", str(ours), "--data", str(data / EXTERNAL), "--split", EXTERNAL, "--store"],
            ours,
            made,
            lambda bundle: EXTERNAL in set(bundle.predictions["split"]),
        ),
        Command(
            "audit",
            ["audit", str(ours), "--data", kermany, "--methods", "gradcam", "--films", "8"],
            ours,
            made,
            is_audited,
        ),
        Command(
            "gate",
            ["gate", str(theirs), "--data", str(data)],
            theirs,
            flagship,
            lambda bundle: bundle.card.gate != gate,
        ),
        Command(
            "export",
            ["export", NAME, "--models", str(models)],
            ours,
            without,
            lambda bundle: bundle.card.export is not None,
        ),
    ]


def main() -> int:
    """Kill all of them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commands", nargs="*", metavar="COMMAND")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="to work in, as one on a small disk")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        for command in commands(Path(made)):
            if options.commands and command.name not in options.commands:
                continue
            told, wrong = killed(command, options.kills)
            failed |= bool(wrong)
            print(f"{command.name:10} {told}, {len(wrong)} wrong", flush=True)
            for what in dict.fromkeys(wrong):
                print(f"{'':10} {what}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
