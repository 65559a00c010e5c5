"""Score and explain a film made on the spot with every bundle that ships."""

import io

import numpy as np
from PIL import Image

import cxr

y, x = np.mgrid[0:1:256j, 0:1:256j]
lungs = sum(((x - cx) / 0.16) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1 for cx in (0.3, 0.7))
file = io.BytesIO()
Image.fromarray((170 - 110 * lungs + 20 * y).astype(np.uint8)).save(file, "PNG")
film = cxr.read(file.getvalue())
cards = cxr.available()
assert cards, "no bundle ships"
for card in cards:
    prediction = cxr.load(card.name).predict(film, heatmap=not card.baseline)
    assert prediction.refusal is None, prediction.refusal
    assert prediction.score is not None
    assert (prediction.heatmap is None) == card.baseline  # a regression has no convolution
    print(f"{card.name}: {prediction.score:.3f}")
