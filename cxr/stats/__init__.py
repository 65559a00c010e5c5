"""Statistics of scores and calls: intervals, curves, paired tests, the bootstrap."""

__all__: list[str] = []
