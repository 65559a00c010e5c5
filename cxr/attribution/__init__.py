"""The methods behind the heatmaps; `cxr.explanation` is what others call.

`activation`: class activation maps, which come with the score. `gradients`: SmoothGrad and
integrated gradients. `perturbation`: Score-CAM and occlusion. The last two run the network many
times; `sweep` does that in batches, with progress, and stops when told to.
"""

from .maps import attribute, check, expected_seconds, passes
from .sweep import Progress, Stopped, StoppedError

__all__ = [
    "Progress",
    "Stopped",
    "StoppedError",
    "attribute",
    "check",
    "expected_seconds",
    "passes",
]
