"""Labelled films as tables: folders, splits by patient, published sets, duplicates and shift."""

__all__: list[str] = []
