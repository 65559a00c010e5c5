"""The architectures, one a file: a file put here is found, listed and built by its name.

Each module holds a builder and ``ARCHITECTURE``, which describes it. None imports Keras before it
builds: the list of architectures is wanted where no network is.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..architecture import Architecture

__all__ = ["discover"]


def discover() -> dict[str, Architecture]:
    """Import the modules of this folder and return their architectures by name, in its order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    architectures: list[Architecture] = [module.ARCHITECTURE for module in modules]
    return {architecture.name: architecture for architecture in architectures}
