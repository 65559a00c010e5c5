"""Draw the rooms of `cxr`: ``python .ci/draw_rooms.py > docs/images/rooms.svg``.

The layers are those of the import contract in ``pyproject.toml``; a test compares them.
"""

from __future__ import annotations

WIDTH, ROW, GAP, MARGIN = 520, 40, 18, 16
STYLE = "font-family: system-ui, sans-serif; font-size: 16px"


#: The layers, the top one first.
LAYERS = [
    ["pages"],
    ["web", "cli"],
    ["exports"],
    ["reading_room", "bulk", "figures"],
    ["training", "monitoring"],
    ["site"],
    ["evidence", "model"],
    ["scoring"],
    ["datasets", "lungs", "heatmaps"],
    ["films", "stats", "storage", "networks"],
    ["access", "errors", "plain_text", "process", "progress"],
]


def drawing(rows: list[list[str]]) -> str:
    """Return the drawing as SVG: a row of boxes per layer, and arrows that point down."""
    height = 2 * MARGIN + len(rows) * ROW + (len(rows) - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="The rooms of cxr by layer; each imports from those below it">',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#16181c"/>',
    ]
    for i, row in enumerate(rows):
        top = MARGIN + i * (ROW + GAP)
        width = (WIDTH - 2 * MARGIN - (len(row) - 1) * GAP) / len(row)
        for j, name in enumerate(row):
            left = MARGIN + j * (width + GAP)
            parts.append(
                f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{ROW}" rx="4" '
                f'fill="#2a2e35" stroke="#7d8794"/>'
                f'<text x="{left + width / 2:g}" y="{top + ROW / 2 + 5:g}" fill="#f0f2f4" '
                f'text-anchor="middle" style="{STYLE}">{name}</text>'
            )
        if i:
            tip = top - 3
            parts.append(
                f'<path d="M{WIDTH / 2:g} {top - GAP + 2} V{tip} m-5 -6 l5 6 l5 -6" '
                f'fill="none" stroke="#e0a030" stroke-width="2"/>'
            )
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    print(drawing(LAYERS), end="")
