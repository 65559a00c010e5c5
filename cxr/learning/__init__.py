"""Behind `cxr.training`: films varied and fed, weights fitted, and the bundle put together.

`augmentation` and `feeding` bring the films, `features` those of a frozen base, `guidance` the
boxes; `first_weights` is where `fitting` may begin, and `journal` keeps what a stopped run goes on
from; `assembly` makes the bundle, its weights as small as `storage` can make them.
"""

__all__: list[str] = []
