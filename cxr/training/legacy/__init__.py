"""Published Keras 2 models taken over into bundles, bit for bit.

A stored model is data: its description is read as JSON and compared with the networks of this
package, its weights are read as arrays and set into the network that it turns out to be. Nothing in
a model file is executed.
"""

from typing import Any

from .steps import LegacyError

__all__ = ["LegacyError", "import_legacy"]


def __getattr__(name: str) -> Any:
    """Import what needs TensorFlow at its first use: the process that reads files has none."""
    if name != "import_legacy":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .importing import import_legacy

    return import_legacy
