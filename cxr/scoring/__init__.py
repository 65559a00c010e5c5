"""A film becomes a score: the bundle on disk and its card, refusal, prediction, explanation."""

__all__: list[str] = []
