"""The reading session: films as entries of a worklist, scored and explained in the background.

`cxr.web` shows it in a browser; nothing in here knows of pages.
"""

__all__: list[str] = []
