"""The methods that a heatmap can be made by: title, sign convention, source, price."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FAST", "METHODS", "Method"]


@dataclass(frozen=True)
class Method:
    """What to know of a method before it is chosen.

    Attributes
    ----------
    title : str
        Name for people.
    sign : str
        What a high value means and what is not drawn, in plain words.
    reference : str
        The paper.
    layered : bool
        Whether it looks at a layer; the others look at the film itself.
    slow : bool
        Whether it needs many passes of the network rather than one.
    """

    title: str
    sign: str
    reference: str
    layered: bool
    slow: bool


_RAISED = "Higher: this part raised the score more. What lowered the score is not drawn."

#: Name and facts of each method, the usual ones first.
METHODS = {
    "gradcam": Method(
        "Grad-CAM",
        _RAISED,
        "Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based "
        "Localization, ICCV 2017",
        layered=True,
        slow=False,
    ),
    "gradcam++": Method(
        "Grad-CAM++",
        _RAISED,
        "Chattopadhay et al., Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep "
        "Convolutional Networks, WACV 2018",
        layered=True,
        slow=False,
    ),
    "layercam": Method(
        "LayerCAM",
        _RAISED,
        "Jiang et al., LayerCAM: Exploring Hierarchical Class Activation Maps for Localization, "
        "IEEE Transactions on Image Processing 30, 2021",
        layered=True,
        slow=False,
    ),
    "hirescam": Method(
        "HiResCAM",
        _RAISED,
        "Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of "
        "convolutional neural networks, arXiv:2011.08891, 2020",
        layered=True,
        slow=False,
    ),
    "scorecam": Method(
        "Score-CAM",
        "Higher: shown alone, this part keeps the score higher. What lowers it is not drawn.",
        "Wang et al., Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural "
        "Networks, CVPR Workshops 2020",
        layered=True,
        slow=True,
    ),
    "smoothgrad": Method(
        "SmoothGrad",
        "Higher: the score reacts more to a change here. A magnitude without direction: it may "
        "have raised the score or lowered it.",
        "Smilkov et al., SmoothGrad: removing noise by adding noise, arXiv:1706.03825, 2017",
        layered=False,
        slow=True,
    ),
    "integrated_gradients": Method(
        "Integrated gradients",
        "Higher: this part raised the score more above that of an evenly grey film. What lowered "
        "it is not drawn.",
        "Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017",
        layered=False,
        slow=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "Higher: the score falls more when this part is covered in grey. Where covering raises "
        "it, nothing is drawn.",
        "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014",
        layered=False,
        slow=True,
    ),
}

#: Those that come with the score, at about the price of the forward pass alone.
FAST = tuple(name for name, method in METHODS.items() if not method.slow)
