"""Training: a recipe and films become a bundle.

`run` goes all the way: `batches` and `augmentation` bring the films, `frozen_features` those of
a frozen base, `box_supervision` the boxes; `fit` starts from `initialization` and `callbacks` keep
what a stopped run continues from; `write_bundle` makes the bundle, its weights as small as
`float16` can make them.
"""

from .._moved import forwarded

__all__: list[str] = []

# In version 0.1 this was the module that is now `run`.
__getattr__ = forwarded(__name__, "run")
