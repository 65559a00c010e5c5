"""Where the lungs are in a film.

`segment` finds them, `once` does so once a film, `zones` divides them, `share` measures maps,
`agreement` the network.
"""

from __future__ import annotations

__all__: list[str] = []
