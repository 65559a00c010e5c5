"""Films and overlays as pictures for exports: bounded in size, compressed, with text below."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import Heatmap
from ..heatmaps.overlay import CUT, colour_table

__all__ = ["bounded", "colour_bar", "grey", "jpeg", "with_legend"]

QUALITY = 85
#: Narrower pictures are widened with black, so that the words below them can be read.
NARROWEST = 360


def bounded(
    film: Radiograph, heatmap: Heatmap | None, side: int
) -> tuple[Radiograph, Heatmap | None]:
    """Return a film and its heatmap at most `side` pixels on a side, the film as it is if smaller.

    The heatmap is always another object than the one given, so that what it works out at the
    film's size goes with it instead of staying with the list that it came from.

    Raises
    ------
    ValueError
        If the heatmap is not the film's.
    """
    if heatmap and (heatmap.height, heatmap.width) != (film.height, film.width):
        raise ValueError(
            f"Expected a heatmap of {film.height} x {film.width}. "
            f"Received: {heatmap.height} x {heatmap.width}"
        )
    scale = min(1.0, side / max(film.height, film.width))
    height, width = (max(1, round(n * scale)) for n in (film.height, film.width))
    if scale < 1:
        # Pillow widens the kernel where it makes a picture smaller, so nothing is skipped over.
        image = Image.fromarray(film.pixels).resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.clip(np.asarray(image, np.float32), 0, 1)
        film = dataclasses.replace(film, pixels=pixels)
    return film, dataclasses.replace(heatmap, height=height, width=width) if heatmap else None


def grey(film: Radiograph) -> Image.Image:
    """Return a film as a picture of 8 bits."""
    return Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    """Compress a picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def colour_bar(width: int, height: int) -> Image.Image:
    """Return the colors of a heatmap from `CUT` at the left to 1 at the right."""
    at = np.rint(np.linspace(CUT, 1, width) * 255).astype(int)
    return Image.fromarray(np.repeat(colour_table()[at][None], height, axis=0))


def with_legend(picture: Image.Image, lines: Sequence[str]) -> NDArray[np.uint8]:
    """Put a color bar and lines of text on black below a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB.
    lines : sequence of str
        Each is broken where it is wider than the picture.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3), the picture unchanged in its upper left corner. Wider than the picture
        only where that has fewer than 360 columns.
    """
    width = max(picture.width, NARROWEST)
    size = max(12, round(width / 55))
    font = ImageFont.load_default(size)
    pad, step = size // 2, round(size * 1.4)
    broken = [part for line in lines for part in _broken(line, font, width - 2 * pad)]
    height = picture.height + 2 * pad + (1 + len(broken)) * step
    canvas = Image.new("RGB", (width, height))
    canvas.paste(picture, (0, 0))
    draw = ImageDraw.Draw(canvas)
    y = picture.height + pad
    low = f"{CUT:g}"
    draw.text((pad, y), low, "white", font)
    left = pad + round(font.getlength(low)) + pad
    bar = colour_bar(width // 3, size)
    canvas.paste(bar, (left, y))
    draw.text((left + bar.width + pad, y), "1", "white", font)
    for row, line in enumerate(broken, start=1):
        draw.text((pad, y + row * step), line, "white", font)
    return np.asarray(canvas)


def _broken(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    rows = [""]
    for word in line.split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    return [row for row in rows if row]
