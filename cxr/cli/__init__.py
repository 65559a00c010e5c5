"""The command line: a thin layer over the package."""

__all__: list[str] = []
