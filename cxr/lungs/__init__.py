"""Where the lungs are in a film.

`segment` finds them, `once` does so once a film, `hanging` tells which way up it is, `zones`
divides them, `outline` draws them, `share` measures maps, `agreement` the network.
"""

from __future__ import annotations

__all__: list[str] = []
