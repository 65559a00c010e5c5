"""Made pictures that are no plausible film: what `cxr.scoring.picture_check` learns to tell.

Each function takes films as gray in [0, 1], white = dense, and a generator of random numbers, and
returns one picture, as a file would hold it. What a film may look like without a fault (`film`)
is varied too, and in the same way in all of them: borders, markers and gray scale must not tell
one from the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["film", "light_box", "negative", "screenshot", "thin_bar", "two_films"]

Grey = NDArray[np.float32]
Random = np.random.Generator

_WORDS = (
    "L", "R", "PA", "AP", "ERECT", "SUPINE", "PORTABLE", "THORAX", "CHEST PA", "W 2048 L 1024",
    "12:04:51", "2019-03-11", "Se 1/1", "Im 1/1", "Zoom 0.61", "kV 120 mAs 2.1", "EI 412",
    "ROOM 3", "Study list", "File  Edit  View", "Window/Level", "Measure", "Annotate", "Reset",
    "Invert", "Layout", "Export", "Previous", "Next", "Hospital", "Accession",
)  # fmt: skip


def film(pixels: Grey, rng: Random) -> Grey:
    """Vary a film as films of other devices, hands and exports differ."""
    return _worn(_toned(_cut(pixels, rng), rng), rng)


def negative(pixels: Grey, rng: Random) -> Grey:
    """Change black and white over; some as a detector's raw signal, which is no logarithm yet."""
    turned = 1 - _toned(_cut(pixels, rng), rng)
    if rng.random() < 0.35:
        steepness = rng.uniform(0.5, 4)
        turned = np.expm1(steepness * turned) / np.expm1(steepness)
    if rng.random() < 0.3:  # raw images seldom reach both ends of their range
        low, high = rng.uniform(0, 0.3), rng.uniform(0.6, 1)
        turned = low + (high - low) * turned
    return _worn(turned.astype(np.float32), rng)


def two_films(first: Grey, second: Grey, rng: Random) -> Grey:
    """Put two films into one picture, side by side or one above the other."""
    stacked = rng.random() < 0.2
    width, height = int(rng.integers(160, 320)), int(rng.integers(200, 320))
    parts = [_picture(_toned(_cut(each, rng), rng)) for each in (first, second)]
    gap = int(_one_of(rng, 0, 1, 2, 4, rng.integers(4, 30)))
    room = _room(rng)
    canvas = (width, 2 * height + gap) if stacked else (2 * width + gap, height)
    page = Image.new("L", canvas, room)
    for number, part in enumerate(parts):
        scale = _one_of(rng, 1, rng.uniform(0.8, 1))
        narrow = _one_of(rng, 1, rng.uniform(0.65, 1))
        size = (max(8, int(width * scale * narrow)), max(8, int(height * scale)))
        left = (width - size[0]) // 2 + (0 if stacked else number * (width + gap))
        top = (height - size[1]) // 2 + (number * (height + gap) if stacked else 0)
        page.paste(part.resize(size, Image.Resampling.BILINEAR), (left, top))
    if rng.random() < 0.25:  # in a square, as some exports do
        side = max(page.size)
        square = Image.new("L", (side, side), room)
        square.paste(page, ((side - page.width) // 2, (side - page.height) // 2))
        page = square
    return _worn(_grey(page), rng, borders=0.1)


def screenshot(films: list[Grey], rng: Random) -> Grey:
    """Show a film in a viewer: menus, tools, text, small films, all of it in one picture."""
    width, height = int(rng.integers(480, 760)), int(rng.integers(300, 500))
    dark = rng.random() < 0.8
    back = int(rng.integers(0, 70) if dark else rng.integers(190, 256))
    panel = int(np.clip(back + rng.integers(8, 60) * (1 if dark else -1), 0, 255))
    ink = int(rng.integers(150, 256) if dark else rng.integers(0, 90))
    page = Image.new("L", (width, height), back)
    draw = ImageDraw.Draw(page)
    edges = {"left": 0, "top": 0, "right": width, "bottom": height}
    chosen = [side for side in edges if rng.random() < 0.55] or ["top"]
    for side in chosen:
        _panel(draw, edges, side, panel, ink, films, page, rng)
    room = (edges["left"], edges["top"], edges["right"], edges["bottom"])
    draw.rectangle(room, fill=int(_one_of(rng, 0, back, rng.integers(0, 40))))
    _viewport(page, draw, room, films[0], rng)
    if rng.random() < 0.2:  # the screen's window does not fill the picture
        desk = Image.new("L", (int(width * 1.15), int(height * 1.15)), int(rng.integers(20, 200)))
        desk.paste(page, (int(width * rng.uniform(0, 0.15)), int(height * rng.uniform(0, 0.15))))
        page = desk
    return _grey(page)


def thin_bar(pixels: Grey, rng: Random) -> Grey:
    """Show a film in a viewer that has one thin bar of icons, and little else."""
    shot = _picture(_toned(_cut(pixels, rng), rng))
    upright = rng.random() < 0.25
    tall = rng.uniform(0.6, 1.3) if rng.random() < 0.5 else shot.height / shot.width
    width = int(rng.integers(360, 720))
    height = int(np.clip(width * tall, 240, 720))
    page = Image.new("L", (width, height), int(_one_of(rng, 0, 0, rng.integers(0, 40))))
    deep = int(rng.uniform(0.03, 0.075) * (width if upright else height))
    first = rng.random() < 0.75  # along the top or the left
    start = 0 if first else (width if upright else height) - deep
    bar = (start, 0, start + deep, height) if upright else (0, start, width, start + deep)
    room = (width - deep, height) if upright else (width, height - deep)
    scale = min(room[0] / shot.width, room[1] / shot.height)
    own = (max(16, int(shot.width * scale)), max(16, int(shot.height * scale)))
    size = own if rng.random() < 0.6 else room
    left, top = (room[0] - size[0]) // 2, (room[1] - size[1]) // 2
    at = (left + (deep if upright and first else 0), top + (deep if first and not upright else 0))
    page.paste(shot.resize(size, Image.Resampling.BILINEAR), at)
    draw = ImageDraw.Draw(page)
    dark = rng.random() < 0.75
    shade = int(rng.integers(15, 90) if dark else rng.integers(170, 256))
    ink = int(rng.integers(150, 256) if dark else rng.integers(0, 100))
    draw.rectangle(bar, fill=shade)
    _icons(draw, bar, deep, upright, ink, rng)
    return _grey(page)


def _icons(
    draw: ImageDraw.ImageDraw,
    bar: tuple[int, int, int, int],
    deep: int,
    upright: bool,
    ink: int,
    rng: Random,
) -> None:
    """Put icons into a thin bar, one after the other; they may end before it does."""
    icon = max(4, int(deep * rng.uniform(0.45, 0.85)))
    step = int(icon * rng.uniform(1.3, 2.6))
    before = (deep - icon) // 2
    length = bar[3] - bar[1] if upright else bar[2] - bar[0]
    end = int(length * _one_of(rng, 1, 1, rng.uniform(0.35, 1)))
    for along in range(step // 2, end - icon, step):
        if rng.random() < 0.08:
            continue
        x, y = (bar[0] + before, along) if upright else (along, bar[1] + before)
        tone = int(np.clip(ink + rng.integers(-60, 60), 0, 255))
        box = (x, y, x + icon, y + icon)
        kind = int(rng.integers(4))
        if kind == 0:
            draw.rectangle(box, outline=tone)
        elif kind == 1:
            draw.ellipse(box, fill=tone)
        elif kind == 2:
            draw.rectangle(box, fill=tone)
        else:
            draw.line((x, y + icon, x + icon, y), fill=tone, width=2)
            draw.line((x, y, x + icon, y + icon), fill=tone, width=2)


def light_box(pixels: Grey, rng: Random) -> Grey:
    """Photograph a film on a light box or a monitor: askew, with glare, shade and a pattern."""
    shot = _picture(_toned(_cut(pixels, rng), rng))
    monitor = rng.random() < 0.3
    lit = int(rng.integers(0, 50) if monitor else rng.integers(190, 256))
    wall = int(rng.integers(0, 60) if rng.random() < 0.75 else rng.integers(60, 170))
    width, height = int(rng.integers(240, 420)), int(rng.integers(240, 420))
    scene = Image.new("L", (width, height), wall)
    draw = ImageDraw.Draw(scene)
    share = rng.uniform(0.55, 1.02)
    film_size = (int(width * share * rng.uniform(0.85, 1)), int(height * share))
    left = int((width - film_size[0]) * rng.uniform(0.2, 0.8))
    top = int((height - film_size[1]) * rng.uniform(0.2, 0.8))
    rim = int(rng.uniform(0.01, 0.15) * width)
    box = (left - rim, top - rim, left + film_size[0] + rim, top + film_size[1] + rim)
    draw.rectangle(box, fill=lit, outline=int(rng.integers(0, 256)), width=int(rng.integers(1, 6)))
    scene.paste(shot.resize(film_size, Image.Resampling.BILINEAR), (left, top))
    for _ in range(int(rng.integers(0, 4))):  # clips that hold the film
        at, wide = int(rng.uniform(left, left + film_size[0])), int(rng.integers(6, 24))
        draw.rectangle((at, top - 6, at + wide, top + 8), fill=int(rng.integers(0, 256)))
    scene = _askew(scene, wall, rng)
    return _photographed(_grey(scene), rng, patterned=0.8 if monitor else 0.4)


def _panel(
    draw: ImageDraw.ImageDraw,
    edges: dict[str, int],
    side: str,
    shade: int,
    ink: int,
    films: list[Grey],
    page: Image.Image,
    rng: Random,
) -> None:
    """Put a bar of tools, text or small films along a side, and move that edge inward."""
    width, height = page.size
    upright = side in ("left", "right")
    deep = int((rng.uniform(0.05, 0.26) * width) if upright else rng.uniform(0.04, 0.16) * height)
    if upright:
        start = edges["left"] if side == "left" else edges["right"] - deep
        box = (start, edges["top"], start + deep, edges["bottom"])
        edges[side] = start + deep if side == "left" else start
    else:
        start = edges["top"] if side == "top" else edges["bottom"] - deep
        box = (edges["left"], start, edges["right"], start + deep)
        edges[side] = start + deep if side == "top" else start
    draw.rectangle(box, fill=shade)
    kind = rng.choice(["text", "icons", "films"] if upright else ["text", "icons"])
    step = int(rng.integers(12, 34))
    if kind == "films" and len(films) > 1:
        small = _picture(films[1]).resize((max(4, deep - 8), max(4, deep - 8)))
        for y in range(box[1] + 6, box[3] - small.height, small.height + 8):
            page.paste(small, (box[0] + 4, y))
        return
    if upright:
        spots = [(box[0] + 5, y) for y in range(box[1] + 6, box[3] - 10, step)]
    else:
        wide = step if kind == "icons" else 3 * step
        spots = [(x, box[1] + max(1, deep // 3)) for x in range(box[0] + 6, box[2] - 10, wide)]
    for x, y in spots:
        if rng.random() < 0.15:
            continue
        if kind == "text":
            draw.text((x, y), str(rng.choice(_WORDS)), fill=ink, font=_font(rng, 8, 14))
            continue
        size = int(rng.integers(6, 16))
        tone = int(np.clip(ink + rng.integers(-90, 60), 0, 255))
        if rng.random() < 0.5:
            draw.rectangle((x, y, x + size, y + size), outline=tone)
        else:
            draw.ellipse((x, y, x + size, y + size), fill=tone)


def _viewport(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    room: tuple[int, int, int, int],
    pixels: Grey,
    rng: Random,
) -> None:
    """Put the film into the room that the panels leave, with the text of a viewer on it."""
    wide, high = room[2] - room[0], room[3] - room[1]
    shot = _picture(_toned(_cut(pixels, rng), rng))
    share = rng.uniform(0.75, 1)
    size = (wide, high)
    if rng.random() < 0.8:  # in its own proportions
        scale = min(wide / shot.width, high / shot.height)
        size = (int(shot.width * scale), int(shot.height * scale))
    size = (max(16, int(size[0] * share)), max(16, int(size[1] * share)))
    at = (room[0] + (wide - size[0]) // 2, room[1] + (high - size[1]) // 2)
    page.paste(shot.resize(size, Image.Resampling.BILINEAR), at)
    ink = int(rng.integers(150, 256))
    for corner in range(4):
        if rng.random() < 0.45:
            continue
        x = room[0] + 5 if corner % 2 == 0 else max(room[0], room[2] - 90)
        for line in range(int(rng.integers(1, 6))):
            y = room[1] + 5 + 12 * line if corner < 2 else room[3] - 16 - 12 * line
            draw.text((x, y), str(rng.choice(_WORDS)), fill=ink, font=_font(rng, 8, 13))


def _askew(scene: Image.Image, wall: int, rng: Random) -> Image.Image:
    """Look at a scene from a little aside and a little turned."""
    width, height = scene.size
    far = rng.uniform(0.02, 0.14)
    moved = rng.uniform(-far, far, (4, 2)) * (width, height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    turn = np.deg2rad(rng.normal(0, 4))
    middle = corners.mean(axis=0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    seen = (corners - middle) @ rotation.T + middle + moved
    rows = [
        row
        for (x, y), (u, v) in zip(seen, corners, strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y])
    ]
    plane = np.linalg.lstsq(np.array(rows), corners.ravel(), rcond=None)[0]
    return scene.transform(
        scene.size,
        Image.Transform.PERSPECTIVE,
        tuple(float(value) for value in plane),
        Image.Resampling.BILINEAR,
        fillcolor=wall,
    )


def _photographed(grey: Grey, rng: Random, patterned: float) -> Grey:
    height, width = grey.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = x / width, y / height
    if rng.random() < patterned:  # moire: two grids that nearly agree
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(3, 40)
        bent = np.sin(2 * np.pi * (v + u) * rng.uniform(0, 2)) * rng.uniform(0, 2)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch + bent)
        grey = grey * (1 + rng.uniform(0.02, 0.15) * wave)
    middle = rng.uniform(0.3, 0.7, 2)
    away = (u - middle[0]) ** 2 + (v - middle[1]) ** 2
    grey = grey * (1 - rng.uniform(0, 1.1) * away)
    grey = grey * (1 + rng.uniform(-0.3, 0.3) * (u - 0.5) + rng.uniform(-0.3, 0.3) * (v - 0.5))
    for _ in range(int(rng.integers(0, 4))):  # reflections of lamps and windows
        at, size = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.25, 2)
        spot = np.exp(-(((u - at[0]) / size[0]) ** 2) - ((v - at[1]) / size[1]) ** 2)
        grey = grey + rng.uniform(0.1, 0.8) * spot
    grey = np.clip(grey, 0, 1) ** rng.uniform(0.6, 1.6)
    low, high = rng.uniform(0, 0.15), rng.uniform(0.75, 1)
    blurred = _picture(low + (high - low) * grey).filter(
        ImageFilter.GaussianBlur(rng.uniform(0, 1.4))
    )
    return np.clip(_grey(blurred) + rng.normal(0, rng.uniform(0, 0.03), grey.shape), 0, 1).astype(
        np.float32
    )


def _cut(pixels: Grey, rng: Random) -> Grey:
    """Mirror, turn and cut a film a little."""
    if rng.random() < 0.3:
        pixels = pixels[:, ::-1]
    height, width = pixels.shape
    most = 0.2 if rng.random() < 0.15 else 0.08
    top, bottom, left, right = rng.uniform(0, most, 4)
    pixels = pixels[
        int(top * height) : height - int(bottom * height),
        int(left * width) : width - int(right * width),
    ]
    if rng.random() < 0.2:
        fill = int(_one_of(rng, 0, 255 * pixels[:4].mean()))
        turned = _picture(pixels).rotate(
            float(rng.normal(0, 5)), Image.Resampling.BILINEAR, fillcolor=fill
        )
        pixels = _grey(turned)
    return np.ascontiguousarray(pixels)


def _toned(pixels: Grey, rng: Random) -> Grey:
    """Change the gray scale as windows and processing do."""
    if rng.random() < 0.15:
        order = np.sort(pixels[::3, ::3], axis=None)
        even = np.searchsorted(order, pixels).astype(np.float32) / len(order)
        share = rng.uniform(0.3, 1)
        pixels = share * even + (1 - share) * pixels
    if rng.random() < 0.5:
        low, high = np.quantile(pixels[::3, ::3], [rng.uniform(0, 0.08), 1 - rng.uniform(0, 0.08)])
        pixels = np.clip((pixels - low) / max(high - low, 0.05), 0, 1)
    pixels = pixels ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.3:
        low, high = rng.uniform(0, 0.3), rng.uniform(0.6, 1)
        pixels = low + (high - low) * pixels
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(0, 0.03), pixels.shape)
        pixels = pixels + noise.astype(np.float32)
    return np.asarray(np.clip(pixels, 0, 1), np.float32)


def _worn(pixels: Grey, rng: Random, borders: float = 0.35) -> Grey:
    """Add what stands on films whatever their polarity: borders, markers, text."""
    pixels = np.array(pixels, np.float32)
    height, width = pixels.shape
    if rng.random() < borders:
        shade = _one_of(rng, 0, 0, 1, rng.uniform(0, 1))
        for side in range(4):
            if rng.random() < 0.4:
                continue
            deep = rng.uniform(0, 0.14)
            rows, columns = int(deep * height), int(deep * width)
            across = (pixels[:rows], pixels[height - rows :])
            along = (pixels[:, :columns], pixels[:, width - columns :])
            (*across, *along)[side][:] = shade
    page = _picture(pixels)
    if rng.random() < 0.12:  # filled up to a square, or to a wider sheet
        wide = int(width * rng.uniform(1, 1.3))
        high = int(height * rng.uniform(1, 1.3))
        sheet = Image.new("L", (wide, high), _room(rng))
        sheet.paste(page, ((wide - width) // 2, (high - height) // 2))
        page = sheet
    if rng.random() < 0.35:
        draw = ImageDraw.Draw(page)
        for _ in range(int(rng.integers(1, 5))):
            at = (int(rng.uniform(0, 0.9) * page.width), int(rng.uniform(0, 0.95) * page.height))
            ink = int(_one_of(rng, 255, 255, 0, rng.integers(0, 256)))
            font = _font(rng, 7, 24)
            draw.text(at, str(rng.choice(_WORDS[:17])), fill=ink, font=font)
    return _grey(page)


def _one_of(rng: Random, *values: float | np.integer[Any]) -> float:
    return float(values[int(rng.integers(len(values)))])


def _room(rng: Random) -> int:
    """Return what is around films: black mostly."""
    return int(_one_of(rng, 0, 0, 0, 255, rng.integers(0, 256)))


_fonts: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}


def _font(rng: Random, least: int, most: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    size = int(rng.integers(least, most + 1))
    if size not in _fonts:
        _fonts[size] = ImageFont.load_default(size)
    return _fonts[size]


def _picture(pixels: Grey) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _grey(picture: Image.Image) -> Grey:
    return np.asarray(picture, np.float32) / np.float32(255)
