"""The command line: a thin layer of words over the package."""

__all__: list[str] = []
