"""Class activation maps: how the activations of a layer are weighted with their gradients.

Each takes the activations (films, rows, columns, channels), the gradients of the logit by them and
the logits (films,), and returns (films, rows, columns), not negative. The first three follow
tf-keras-vis 0.8.7 step by step, so that they agree with it where a denominator is next to zero too.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

__all__ = ["WEIGHTINGS", "gradcam", "gradcam_plus_plus", "hirescam", "layercam"]


def gradcam(maps: tf.Tensor, gradients: tf.Tensor, _logits: tf.Tensor) -> tf.Tensor:
    """Weight each channel with its mean gradient; in units of the logit.

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))


def gradcam_plus_plus(maps: tf.Tensor, gradients: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Weight each channel with its positive gradients, more where few places carry them.

    In units of the score's exponential, a factor of each film: the class score of the paper is
    the exponential of the logit, whose derivatives are then powers of the gradient.

    References
    ----------
    Chattopadhay et al., Grad-CAM++, WACV 2018, equations 10, 11 and 19.
    """
    # Beyond 80 float32 would overflow; there the factor of the film is another.
    first = tf.exp(tf.minimum(logits, 80.0))[:, None, None, None] * gradients
    second = first * gradients
    third = second * gradients
    total = tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
    denominator = second * 2.0 + third * total
    # Without a gradient there is no share either: 0 over 1.
    denominator += tf.cast(second == 0.0, maps.dtype)
    shares = second / denominator
    whole = tf.reduce_sum(shares, axis=(1, 2), keepdims=True)
    whole += tf.cast(whole == 0.0, maps.dtype)
    weights = tf.reduce_sum(tf.nn.relu(first) * (shares / whole), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))


def layercam(maps: tf.Tensor, gradients: tf.Tensor, _logits: tf.Tensor) -> tf.Tensor:
    """Weight each place of each channel with its own gradient where positive.

    References
    ----------
    Jiang et al., LayerCAM, IEEE Transactions on Image Processing 30, 2021, equations 5 and 6.
    """
    return tf.nn.relu(tf.reduce_sum(maps * tf.nn.relu(gradients), axis=-1))


def hirescam(maps: tf.Tensor, gradients: tf.Tensor, _logits: tf.Tensor) -> tf.Tensor:
    """Weight each place of each channel with its own gradient, of either sign.

    References
    ----------
    Draelos and Carin, HiResCAM, arXiv:2011.08891, equation 3; the negative part is not kept here.
    """
    return tf.nn.relu(tf.reduce_sum(maps * gradients, axis=-1))


Weighting = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
#: By the name of the method.
WEIGHTINGS: dict[str, Weighting] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "layercam": layercam,
    "hirescam": hirescam,
}
