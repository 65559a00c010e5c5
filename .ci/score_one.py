"""Score and explain a film made on the spot with every bundle that ships."""

import io

import numpy as np
from PIL import Image

import cxr
from cxr.scoring.predict import predict

y, x = np.mgrid[0:1:256j, 0:1:256j]
lungs = sum(((x - cx) / 0.16) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1 for cx in (0.3, 0.7))
file = io.BytesIO()
Image.fromarray((170 - 110 * lungs + 20 * y).astype(np.uint8)).save(file, "PNG")
film = cxr.read(file.getvalue())
cards = cxr.available()
assert cards, "no bundle ships"
for card in cards:
    bundle = cxr.load(card.name)
    assert bundle.predict(film).refusal is not None  # it is a drawing
    (prediction,) = predict(bundle, [film], heatmaps=not card.baseline, overridden={0})
    assert prediction.score is not None
    assert (prediction.heatmap is None) == card.baseline  # a regression has no convolution
    print(f"{card.name}: {prediction.score:.3f}")
