"""The command line: a thin layer over the package."""

from .._moved import forwarded

__all__: list[str] = []

__getattr__ = forwarded(__name__, "parser")
