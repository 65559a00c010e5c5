"""The module paths of version 0.1, which go on working for one version and warn.

A path of 0.1 is imported under its new name: ``from cxr.bundle import Bundle`` gives what
``from cxr.scoring.bundle import Bundle`` gives, with a `DeprecationWarning`. Removed with 0.3.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

__all__ = ["MOVED", "forwarded", "install"]

#: Old path and new path, both without the leading ``cxr.``.
MOVED = {
    "architectures": "networks",
    "architectures.bases": "networks.bases",
    "architectures.border": "networks.architectures.border",
    "architectures.efficientnet_lite": "networks.efficientnet_lite",
    "architectures.efficientnet_lite0": "networks.architectures.efficientnet_lite0",
    "architectures.efficientnet_lite2": "networks.architectures.efficientnet_lite2",
    "architectures.grey_cnn": "networks.architectures.grey_cnn",
    "architectures.pretrained": "networks.pretrained",
    "architectures.small_cnn": "networks.architectures.small_cnn",
    "architectures.tb_cnn": "networks.architectures.tb_cnn",
    "architectures.thumbnail": "networks.architectures.thumbnail",
    "architectures.transfer": "networks.transfer",
    "architectures.two_way": "networks.two_way",
    "architectures.vgg": "networks.vgg",
    "architectures.vgg16_features": "networks.architectures.vgg16_features",
    "architectures.vgg16_transfer": "networks.architectures.vgg16_transfer",
    "architectures.vgg19_transfer": "networks.architectures.vgg19_transfer",
    "assessment": "evidence.score_split",
    "attribution": "heatmaps",
    "attribution.activation": "networks.class_activation",
    "attribution.gradients": "heatmaps.gradients",
    "attribution.maps": "heatmaps.attribute",
    "attribution.perturbation": "heatmaps.perturbation",
    "attribution.sweep": "heatmaps.sweep",
    "audit": "evidence.audit",
    "audit.bootstrap": "stats.bootstrap",
    "audit.box_figures": "evidence.audit.box_figures",
    "audit.box_measures": "evidence.audit.box_measures",
    "audit.checks": "evidence.audit.sanity_checks",
    "audit.localization": "evidence.audit.boxes",
    "audit.randomization": "evidence.audit.randomization",
    "audit.run": "evidence.audit.run",
    "audit.sanity": "evidence.audit.sanity",
    "audit.table": "evidence.audit.store",
    "audit.verdict": "evidence.audit.verdict",
    "boxes": "datasets.boxes",
    "bundle": "scoring.bundle",
    "card": "scoring.card",
    "commands": "cli.commands",
    "comparison": "evidence.comparison",
    "curves": "stats.curves",
    "dataset": "datasets.table",
    "drift": "monitoring.drift",
    "evaluation": "evidence.evaluation",
    "evidence_commands": "cli.evidence",
    "explanation": "scoring.explain",
    "files": "films",
    "files.archive": "films.archive",
    "files.dicom_file": "films.dicom",
    "files.dicom_pixels": "films.dicom_grey",
    "files.picture_file": "films.pictures",
    "film_facts": "datasets.describe",
    "film_statistics": "films.statistics",
    "gate": "scoring.gate",
    "gate_fitting": "training.fit_gate",
    "heatmap": "heatmaps.heatmap",
    "inference": "networks.graph",
    "kappa": "stats.kappa",
    "layouts": "datasets.folders",
    "learning": "training",
    "learning.assembly": "training.write_bundle",
    "learning.augmentation": "training.augmentation",
    "learning.features": "training.frozen_features",
    "learning.feeding": "training.batches",
    "learning.first_weights": "training.initialization",
    "learning.fitting": "training.fit",
    "learning.guidance": "training.box_supervision",
    "learning.journal": "training.callbacks",
    "learning.storage": "training.float16",
    "legacy": "training.legacy",
    "legacy.files": "training.legacy.files",
    "legacy.importing": "training.legacy.importing",
    "legacy.recognition": "training.legacy.recognition",
    "legacy.steps": "training.legacy.steps",
    "legacy.structure": "training.legacy.structure",
    "methods": "heatmaps.methods",
    "near_duplicates": "datasets.near_duplicates",
    "operating_points": "scoring.operating_points",
    "overlay": "heatmaps.overlay",
    "paired": "evidence.comparison",
    "prediction": "scoring.predict",
    "preprocessing": "films.preprocessing",
    "quality": "scoring.refusal",
    "radiograph": "films.radiograph",
    "readings": "monitoring",
    "readings.log": "monitoring.log",
    "readings.place": "monitoring.database",
    "readings.reading": "monitoring.reading",
    "readings.schema": "monitoring.schema",
    "recipes": "training.recipes",
    "recipes.pneumonia": "training.recipes.pneumonia",
    "recipes.recipe": "scoring.recipe",
    "recipes.tuberculosis": "training.recipes.tuberculosis",
    "report": "exports",
    "report.capture": "exports.dicom_capture",
    "report.dicom": "exports.dicom",
    "report.filing": "exports.dicom_filing",
    "report.film_sheet": "exports.film_sheet",
    "report.item": "exports.item",
    "report.latin": "exports.latin",
    "report.origin": "exports.dicom_origin",
    "report.paper": "exports.paper",
    "report.pdf": "exports.pdf",
    "report.pictures": "exports.pictures",
    "report.rows": "exports.tables",
    "report.sheets": "exports.sheets",
    "report.structured": "exports.dicom_structured",
    "runtime": "networks.runtime",
    "shift": "datasets.shift",
    "significance": "stats.paired_tests",
    "sources": "datasets.published",
    "splitting": "datasets.splits",
    "viewer": "web",
    "viewer.call": "web.call",
    "viewer.compare": "web.compare",
    "viewer.desk": "web.reading_session",
    "viewer.evidence": "web.evidence",
    "viewer.explained": "web.explained",
    "viewer.exports": "web.exports",
    "viewer.film": "web.film",
    "viewer.films": "web.films",
    "viewer.look": "web.look",
    "viewer.maps": "reading_room.maps",
    "viewer.measures": "web.measures",
    "viewer.methods": "web.methods",
    "viewer.overview": "web.overview",
    "viewer.reading_list": "web.reading_list",
    "viewer.score": "web.score",
    "viewer.session": "web.page",
    "viewer.transfer": "web.transfer",
    "viewer.worklist": "web.worklist",
}

#: By old path, the names that are not in its new module but in another one.
ELSEWHERE = {"bundle": {"load": "model"}}


def _gate_of(bundle: Any) -> tuple[Any, Any] | None:
    """Return the model that judges a bundle's films, and its gate; now `Classifier.judge`."""
    judge = bundle.judge
    return None if judge is None else (judge.classifier, judge.gate)


def _refusals(bundle: Any, films: Sequence[Any], own: Any = None) -> list[Any]:
    """Say of each film whether the gate refuses it; now a part of `cxr.scoring.predict.predict`."""
    import numpy as np

    judge = bundle.judge if films else None
    if judge is None:
        return [None] * len(films)
    if own is not None and judge.classifier is bundle:
        return list(judge.gate(own))
    inputs = np.stack([judge.classifier.prepare(film) for film in films])
    return list(judge.gate.judge(judge.classifier.network, inputs))


def _layers(bundle: Any) -> list[str]:
    """Name the layers that a layered method can look at; now `Network.convolutions`."""
    return list(bundle.network.convolutions())


#: By old path, the functions that became parts of objects.
REPLACED: dict[str, dict[str, Callable[..., Any]]] = {
    "explanation": {"layers": _layers},
    "gate": {"gate_of": _gate_of, "refusals": _refusals},
}


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    old = name.removeprefix("cxr.")
    if old == name or old not in MOVED:
        return None
    # A package of old, so that what lay below it is looked for here too.
    return importlib.util.spec_from_loader(name, _Forward(), is_package=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Find the old paths; everything else is found as ever."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return _spec(name)


class _Forward(importlib.abc.Loader):
    """Hand out the module at its new path under the old one."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        new = f"cxr.{MOVED[module.__name__.removeprefix('cxr.')]}"
        warnings.warn(
            f"{module.__name__} is now {new}; the old path goes with version 0.3.",
            DeprecationWarning,
            stacklevel=2,
        )
        real = importlib.import_module(new)
        module.__dict__.update(
            {key: value for key, value in vars(real).items() if not key.startswith("__")}
        )
        for name, new_module in ELSEWHERE.get(module.__name__.removeprefix("cxr."), {}).items():
            module.__dict__[name] = getattr(importlib.import_module(f"cxr.{new_module}"), name)
        module.__dict__.update(REPLACED.get(module.__name__.removeprefix("cxr."), {}))
        module.__doc__, module.__dict__["__all__"] = real.__doc__, getattr(real, "__all__", [])


def forwarded(package: str, module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that was a module in 0.1 and is now a room.

    Parameters
    ----------
    package
        The room, ``cxr.training``.
    module
        In it, what the module of that name is now.
    """

    def get(name: str) -> Any:
        missing = AttributeError(f"module {package!r} has no attribute {name!r}")
        # What Python itself asks for, and the rooms' own modules, are not of old.
        if name.startswith("__") or importlib.util.find_spec(f"{package}.{name}"):
            raise missing
        real = importlib.import_module(f"{package}.{module}")
        if name not in real.__all__:
            raise missing
        warnings.warn(
            f"{package}.{name} is now {package}.{module}.{name}; the old path goes with "
            "version 0.3.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(real, name)

    return get


def install() -> None:
    """Have Python look for the old paths behind all others; once is enough."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
