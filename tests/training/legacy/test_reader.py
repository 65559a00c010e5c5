"""Stored models read in a process of its own: what never ends is ended, what dies is told."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from cxr.training.legacy import LegacyError, reader
from cxr.training.legacy.reader import Reader


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"class_name": "Sequential", "config": []}))
    return file


def test_reads_what_is_read_here(model: Path) -> None:
    with Reader() as read:
        assert read.description(model) == reader.read_description(model)


def test_its_errors_are_those_of_the_reader(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(b"{")
    with Reader() as read:
        with pytest.raises(LegacyError, match=r"model\.json is none of"):
            read.description(file)
        with pytest.raises(FileNotFoundError):
            read.description(tmp_path / "none.json")
        file.write_text("{}")
        assert read.description(file) == {}


def test_a_file_that_never_ends_is_given_up(tmp_path: Path, monkeypatch) -> None:
    """A pipe that nobody writes to stands for what keeps the library busy."""
    monkeypatch.setattr(reader, "SECONDS", 0.5)
    endless = tmp_path / "weights.h5"
    os.mkfifo(endless)
    begun = time.monotonic()
    with Reader() as read, pytest.raises(LegacyError) as told:
        read.weights(endless, [])
    assert told.value.code == "damaged"
    assert time.monotonic() - begun < 30


def test_a_process_that_ends_is_told(model: Path) -> None:
    with Reader() as read:
        read.description(model)
        process = read._process._process
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)
        with pytest.raises(LegacyError) as told:
            read.description(model)
    assert told.value.code == "damaged"


def test_damaged_files_end_in_an_error_or_in_numbers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(reader, "SECONDS", 5)
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": []})
        for name in "abc":
            file.create_group(name)["kernel"] = np.ones((8, 8), np.float32)
    content = whole.read_bytes()
    random = np.random.default_rng(0)
    damaged = tmp_path / "damaged.h5"
    with Reader() as read:
        for _ in range(40):
            spoiled = bytearray(content)
            for at in random.integers(0, len(content), 8):
                spoiled[at] = random.integers(0, 256)
            damaged.write_bytes(spoiled)
            try:
                read.description(damaged)
            except (LegacyError, OSError) as error:
                # Its process is still there, or was ended and is not asked again.
                if getattr(error, "code", "") == "damaged":
                    break
