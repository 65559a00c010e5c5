"""How the decoders of this package become known to pydicom, which has them decode on request."""

from __future__ import annotations

from types import ModuleType

from pydicom.pixels import get_decoder

__all__ = ["register"]


def register(plugin: ModuleType) -> None:
    """Add a plugin to pydicom's decoders, once.

    Parameters
    ----------
    plugin : module
        With ``LABEL``, its name; ``DECODER_DEPENDENCIES``, by transfer syntax the packages it
        needs; ``is_available`` and ``decode_frame``, which pydicom calls.
    """
    for syntax in plugin.DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if plugin.LABEL not in decoder.available_plugins:
            decoder.add_plugin(plugin.LABEL, (plugin.__name__, plugin.decode_frame.__name__))
