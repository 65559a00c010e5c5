"""What a site proves on its own films: their truth, figures, its threshold and its calibration."""

__all__: list[str] = []
