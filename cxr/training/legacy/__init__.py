"""Published Keras 2 models taken over into bundles, bit for bit.

A stored model is data: its description is read as JSON and compared with the networks of this
package, its weights are read as arrays and set into the network that it turns out to be. Nothing in
a model file is executed.
"""

from .importing import import_legacy
from .steps import LegacyError

__all__ = ["LegacyError", "import_legacy"]
