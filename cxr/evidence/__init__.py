"""How good a model is: figures on labeled films, comparisons, and audits of its heatmaps."""

__all__: list[str] = []
