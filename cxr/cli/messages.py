"""What the command line tells a person to do: about an error, by its code, and after a command."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import CxrError

__all__ = ["HINTS", "NO_SAMPLES", "after_import", "message"]

HINTS = {
    "name_taken": "Give another --name, or delete that folder.",
    "output_exists": "Add --resume to go on with it, or name another file.",
    "other_rows": "Resume with the same options, or name another file.",
    "in_use": "Wait until it ends, or name another file.",
    "unwritable": "Name another file or folder.",
    "disk": "The rows before are kept. Make room, and run the same with --resume to go on.",
    "no_ray": "Run: pip install -r requirements-cluster.txt",
    "unreachable": "Start it with: ray start --head, or give another address.",
    "no_processors": "Add a node: ray start --address HOST:PORT",
    "other_weights": "Bring the same models to all nodes.",
    "worker": "Install the same version of cxr and the same models on all nodes.",
    "unmapped_labels": "Use --positive, --negative and --leave-out, or another --label-column.",
    "no_column": "Use --label-column, --film-column or --score-column.",
    "no_match": "Name the column of the films with --film-column.",
    "no_truth": "Use --truth FILE.",
    "site_other_model": "Make a file for this model with: cxr calibrate",
    "site_other_input": "Make the file anew with: cxr calibrate",
    "resumable": "Add --resume to go on with it, or delete that folder to start anew.",
}
NO_SAMPLES = (
    "There are no sample films here. Run: pip install pydicom-data, or set CXR_DATA to a folder of "
    "data sets."
)


def message(error: Exception) -> str:
    """Return what happened, and where the command line can help, what to do."""
    if isinstance(error, CxrError):
        return f"{error} {HINTS.get(error.code, '')}".rstrip()
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(filter(None, [str(error.filename or ""), f"{error.strerror}."]))
    return str(error)


def after_import(*, positive_first: bool, with_films: bool) -> Iterator[str]:
    """Name the options that change what an import had to assume.

    Parameters
    ----------
    positive_first : bool
        Whether the finding was taken as class 0.
    with_films : bool
        Whether there were films to choose operating points on.
    """
    option = "Without" if positive_first else "With"
    yield f"{option} --positive-first the classes are the other way round."
    if not with_films:
        yield "Import with --data to choose operating points."
