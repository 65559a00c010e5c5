"""Heatmaps: where in a film a score came from, by eight methods.

`heatmap` is the value, `methods` names the methods, `attribute` runs them. Class activation maps
come with the score (`cxr.networks.class_activation`); `gradients` has SmoothGrad and integrated
gradients, `perturbation` Score-CAM and occlusion. These run the network many times: `sweep` does
that in batches, with progress, and stops when told to.
"""

__all__: list[str] = []
