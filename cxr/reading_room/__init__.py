"""What a reader has on the desk: films as entries of a worklist, scored and explained meanwhile.

`cxr.web` shows it in a browser; nothing in here knows of pages.
"""

__all__: list[str] = []
