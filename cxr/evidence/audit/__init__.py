"""The audit of a bundle's heatmaps: do they follow the network, do they find the disease.

`checks` asks the network (`sanity` and `randomization` have the measures), `localization` the
radiologists' boxes (`box_measures`, `box_figures`); `verdict` says in plain sentences where a
method fails. Both put their rows into the bundle's ``explanations.csv``, which is `table`.
"""

from .store import read, store
from .verdict import failures

__all__ = ["failures", "read", "store"]
