"""What `cxr.read` makes of DICOM files, compared with DCMTK's dcmj2pnm under the file's own window.

For each file: a film within 1 of 255, a film that differs, or why it was not read. DCMTK is asked
for the same of what a file brings (table, window, or the range of the values), without overlays.
What it does not decode is decoded by pydicom first, so that there the rendering alone is compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

import cxr
from cxr.films.windows import Window, WindowTable

TOOLS = ("dcmj2pnm", "dcml2pnm")  # the second reads JPEG-LS
NEAR = 1  # of 255


def packages() -> Iterator[Path]:
    """Folders of test files that come with pydicom and pydicom-data."""
    for package, folder in (("pydicom", "data"), ("data_store", "data")):
        spec = importlib.util.find_spec(package)
        for place in spec.submodule_search_locations or () if spec else ():
            yield Path(place) / folder


def files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix.lower() in ("", ".dcm"):
                yield path


def asked(film: cxr.Radiograph) -> list[str]:
    """Options of dcmj2pnm for what the film is shown with at first."""
    start = film.values.start if film.values else None
    if isinstance(start, WindowTable):
        return ["--use-voi-lut", "1"]
    if isinstance(start, Window):
        # DCMTK knows no LINEAR_EXACT: half a value off, and in windows of a few values only.
        return ["--use-window", "1"] + (
            ["--sigmoid-function"] if start.function == "SIGMOID" else []
        )
    return ["--min-max-window"] if film.values else []


def theirs(path: Path, options: list[str], folder: Path) -> NDArray[np.uint8] | None:
    """The film as DCMTK renders it, (rows, columns); None where it does not."""
    out = folder / "film.png"
    options = [*options, "--no-overlays", "--write-png"]
    for tool in TOOLS:
        for source in (path, decoded(path, folder) if tool == TOOLS[-1] else None):
            if source is None:
                continue
            out.unlink(missing_ok=True)
            done = subprocess.run(
                [tool, *options, str(source), str(out)], capture_output=True, check=False
            )
            if done.returncode == 0 and out.exists():
                return np.asarray(Image.open(io.BytesIO(out.read_bytes())).convert("L"))
    return None


def decoded(path: Path, folder: Path) -> Path | None:
    """A copy of the file without compression, by pydicom."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress(as_rgb=False)
        else:
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        copy = folder / "decoded.dcm"
        dataset.save_as(copy)
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError, OSError):
        return None  # damaged in some way of its own: there is nothing to compare with
    return copy


def compared(path: Path, folder: Path) -> tuple[str, str]:
    """Say how a file was read: a word, and what there is to say of it."""
    try:
        film = cxr.read(path)
    except cxr.RadiographError as error:
        return "not read", error.reason
    notes = " ".join(film.notes)
    reference = theirs(path, asked(film), folder)
    if reference is None:
        return "no reference", notes
    if reference.shape != film.pixels.shape:
        return "differs", f"DCMTK's is {reference.shape[1]} x {reference.shape[0]}"
    apart = np.abs(np.rint(film.pixels * 255) - reference.astype(float))
    said = f"at most {apart.max():.0f}, mean {apart.mean():.3f} {notes}".rstrip()
    return ("within 1" if apart.max() <= NEAR else "differs"), said


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="default: the test files of pydicom")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not shutil.which(TOOLS[0]):
        print("This wants DCMTK: apt-get install dcmtk", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in files([*options.folders, *packages()]):
            word, said = compared(path, Path(folder))
            rows.append({"file": path.name, "result": word, "said": said})
            if word in ("differs", "no reference") and not options.json:
                print(f"{word:13} {path.name}: {said}", flush=True)
    counts = Counter(row["result"] for row in rows)
    if options.json:
        print(json.dumps({"counts": counts, "files": rows}, indent=1))
    else:
        print(", ".join(f"{word} {number}" for word, number in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
