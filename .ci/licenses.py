"""Write the page of licenses, and refuse the GPL among what the project needs to run.

``python .ci/licenses.py > docs/licenses.md`` writes the page. With ``--check`` nothing is written,
and the exit status is 1 if a run-time requirement, direct or not, is under the GPL or the AGPL.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

#: Why a requirement under the LGPL or the MPL is kept.
KEPT = {
    "certifi": "a list of certificate authorities; used as it is, not changed",
    "fpdf2": "writes the PDF exports; a Python library that is imported, not changed, "
    "and that a user can replace by another version",
}
#: What a distribution's metadata leaves open, as its source says.
STATED = {"namex": "Apache-2.0"}
#: The ImageNet weights that a network starts from, or stands on.
BASES = {
    "efficientnet_lite0": "EfficientNet-Lite0, ImageNet: Apache-2.0; part of the weights",
    "efficientnet_lite2": "EfficientNet-Lite2, ImageNet: Apache-2.0; part of the weights",
    "vgg16_transfer": "VGG16, ImageNet: CC BY 4.0; not part of the weights, Keras downloads it",
    "vgg16_features": "VGG16, ImageNet: CC BY 4.0; not part of the weights, Keras downloads it",
}
#: Sets that no model that ships learned its finding from.
OTHER_SETS = [
    (
        "Lateral films of the covid-chestxray-dataset",
        "gate, picture-check",
        "CC BY-NC-SA 4.0, most of it",
    ),
    ("Lung masks of V7 Labs, 2020", "lungs", "CC BY 4.0"),
    (
        "JSRT films with the SCR masks",
        "measured by picture-check, not learned from",
        "research use",
    ),
]

INTRODUCTION = """\
# Licenses

<!-- Written by `python .ci/licenses.py > docs/licenses.md`; do not edit. -->

The project is under the Apache License 2.0: see `LICENSE`. This page lists what it builds on.
It is information, not legal advice.
"""
ABOUT_MODELS = """\
The weights that ship are published under the Apache License 2.0 like the code. What the data set
asks of those who use it still holds: the tuberculosis sets are for research. No film is part of
the project.
"""
ABOUT_REQUIREMENTS = """\
Everything in `requirements.txt` and all that this needs in turn, as the packages state it. None is
under the GPL or the AGPL; a test holds that. Wheels of NumPy, SciPy, scikit-learn and imagecodecs
carry runtime libraries of GCC, which are under the GPL with the GCC Runtime Library Exception.
`requirements-postgresql.txt` adds psycopg (LGPL), for those who keep the readings on PostgreSQL;
`requirements-signin.txt` adds Authlib, joserfc and httpx (BSD) and cryptography (Apache or BSD).
"""


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> list[str]:
    """Return the names of the run-time requirements, those of requirements included, sorted."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        )
        if not wanted or normal(requirement.name) in found:
            continue
        found.add(normal(requirement.name))
        for text in metadata.requires(requirement.name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in extras):
                inner.marker = None
                waiting.append(inner)
    return sorted(found)


def license_of(name: str) -> str:
    """Return what a distribution's metadata says of its license: one line."""
    about = metadata.metadata(name)
    if normal(name) in STATED:
        return STATED[normal(name)]
    if expression := about.get("License-Expression"):
        return str(expression)
    prefix = "License :: "
    classes = [c for c in about.get_all("Classifier") or [] if c.startswith(prefix)]
    words = [c.split(" :: ")[-1] for c in classes if c != f"{prefix}OSI Approved"]
    first = (about.get("License") or "").strip().splitlines()
    return ", ".join(words) or (first[0].strip() if first else "not stated")


def copyleft(words: str) -> str:
    """Say which copyleft license is among the words: ``GPL`` (or AGPL), ``LGPL``, ``MPL`` or none.

    The GPL with GCC's exception for runtime libraries does not count.
    """
    rest = re.sub(r"A?GPL-3\.0(-or-later|-only)? WITH GCC-exception-3\.1", "", words)
    rest = re.sub(r"GPL-3\.0-with-GCC-exception", "", rest)
    lesser = r"LGPL[-\w. ()+]*|GNU (Lesser|Library)[^,)]*( \(LGPL[^)]*\))?"
    without = re.sub(lesser, "", rest)
    if re.search(r"GPL|GNU (Affero )?General Public", without):
        return "GPL"
    if without != rest:
        return "LGPL"
    return "MPL" if re.search(r"MPL|Mozilla", rest) else ""


def refused(names: list[str]) -> list[str]:
    """Return those that may not be required to run: under the GPL, or kept for no stated reason."""
    kinds = {name: copyleft(license_of(name)) for name in names}
    return [n for n, kind in kinds.items() if kind == "GPL" or (kind and n not in KEPT)]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page() -> str:
    """Return the page: models, data sets, requirements."""
    import json

    from cxr.datasets.published import SOURCES

    models = []
    for path in sorted((ROOT / "models").glob("*/card.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        data = card["data"]
        # Of the networks that are no classifiers.
        learned_from = "; masks of ".join(filter(None, (str(data["films"]), data.get("masks"))))
        if source := SOURCES.get(data.get("set", "")):
            learned_from = f"{source.title}: {source.licence}"
        base = BASES.get(card["architecture"]["name"], "nothing")
        models.append([card["name"], "Apache-2.0", learned_from, base])
    sets = [[s.title, s.citation, s.licence] for s in SOURCES.values()]
    sets += [[title, use, words] for title, use, words in OTHER_SETS]
    rows = []
    for name in required():
        title = metadata.metadata(name)["Name"]
        rows.append([title, license_of(name), KEPT.get(name, "")])
    return "\n".join(
        [
            INTRODUCTION,
            f"## Models\n\n{ABOUT_MODELS}",
            table(["model", "weights", "learned from", "starts from"], models),
            "## Data sets\n",
            table(["set", "citation, or use", "license"], sets),
            f"## What is required to run\n\n{ABOUT_REQUIREMENTS}",
            table(["package", "license", "why it is kept"], rows),
        ]
    )


def main() -> int:
    """Write the page, or check."""
    if "--check" not in sys.argv[1:]:
        print(page(), end="")
        return 0
    names = refused(required())
    for name in names:
        print(f"{name}: {license_of(name)}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
