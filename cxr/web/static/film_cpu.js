// Draws a film without the graphics card: quicker than WebGL where that is done in software, and
// for films that are larger than a texture may be.

import { Heat } from "./film_heat.js";

const BLACK = 0xff000000;

export class CanvasPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  }

  take(levels) {
    this.levels = levels;
    this.greys = null;
  }

  free() {
    this.levels = this.image = null;
  }

  // `scene`: placement, the grey of each level, and heat where it is filled in: {map, colours,
  // opacity, cut, common}.
  paint({ placement, greys, heat }) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(BLACK);
    if (this.levels) {
      this.look(greys);
      this.film(placement);
      if (heat) this.heat(placement, heat);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  // The grey of every level as a pixel of the screen.
  look(greys) {
    if (this.shown === greys && this.greys) return;
    this.shown = greys;
    this.greys = Uint32Array.from(greys, (grey) => BLACK | (grey << 16) | (grey << 8) | grey);
  }

  film(placement) {
    const { data, width, height, step } = this.levels.at(placement.scale);
    const { squares } = placement,
      { greys, pixels } = this,
      across = this.canvas.width;
    const columns = screenAxis(placement, 0, this.canvas),
      rows = screenAxis(placement, 1, this.canvas);
    // Along the screen's x lies the film's x, or its y where it is turned.
    const [cells, lines, along, down] = columns.upright
      ? [width, height, 1, width]
      : [height, width, width, 1];
    const count = columns.to - columns.from;
    const near = new Int32Array(count),
      far = new Int32Array(count),
      share = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const at = columns.film(columns.from + i) / step - 0.5;
      const cell = Math.min(cells - 1, Math.max(0, squares ? Math.round(at) : snapped(at)));
      near[i] = Math.floor(cell);
      far[i] = Math.min(near[i] + 1, cells - 1);
      share[i] = cell - near[i];
    }
    const first = Math.min(near[0], near[count - 1]),
      last = Math.max(far[0], far[count - 1]);
    const plain = share.every((part) => part === 0);
    const line = new Float32Array(cells);
    for (let j = rows.from; j < rows.to; j++) {
      const at = rows.film(j) / step - 0.5;
      const row = Math.min(lines - 1, Math.max(0, squares ? Math.round(at) : snapped(at)));
      const top = Math.floor(row),
        weight = row - top;
      const upper = top * down,
        lower = Math.min(top + 1, lines - 1) * down;
      let out = j * across + columns.from;
      if (plain && weight === 0) {
        for (let i = 0; i < count; i++) pixels[out++] = greys[data[upper + near[i] * along]];
        continue;
      }
      for (let k = first; k <= last; k++) {
        const level = data[upper + k * along];
        line[k] = level + (data[lower + k * along] - level) * weight + 0.5;
      }
      for (let i = 0; i < count; i++) {
        const level = line[near[i]];
        pixels[out++] = greys[(level + (line[far[i]] - level) * share[i]) | 0];
      }
    }
  }

  heat(placement, { map, colours, opacity, cut, common }) {
    const scale = map.scale(common);
    if (!scale) return;
    const { left, top, width, height } = map.inside,
      { pixels } = this;
    const columns = screenAxis(placement, 0, this.canvas),
      rows = screenAxis(placement, 1, this.canvas);
    const inColumn = columns.upright ? [left, width, map.columns] : [top, height, map.rows];
    const inRow = columns.upright ? [top, height, map.rows] : [left, width, map.columns];
    const [acrossCell, downCell] = columns.upright ? [1, map.columns] : [map.columns, 1];
    const nodes = (axis, [start, length, count]) => {
      const found = [];
      for (let i = axis.from; i < axis.to; i++) {
        const at = axis.film(i);
        if (at >= start && at <= start + length) {
          found.push([i, Heat.along(at, start, length, count)]);
        }
      }
      return found;
    };
    const across = nodes(columns, inColumn),
      keep = 1 - opacity,
      { low, range } = scale;
    const cells = inColumn[2],
      line = new Float32Array(cells + 1);
    for (const [j, v] of nodes(rows, inRow)) {
      const row = Math.floor(v),
        below = Math.min(row + 1, inRow[2] - 1);
      for (let k = 0; k < cells; k++) {
        const value = map.grid[row * downCell + k * acrossCell];
        line[k] =
          (value + (map.grid[below * downCell + k * acrossCell] - value) * (v - row) - low) / range;
      }
      line[cells] = line[cells - 1];
      for (const [i, u] of across) {
        const cell = Math.floor(u),
          value = line[cell] + (line[cell + 1] - line[cell]) * (u - cell);
        if (value < cut || value <= 0) continue;
        const at = j * this.canvas.width + i,
          grey = (pixels[at] & 255) * keep + 0.5;
        const colour = 3 * Math.round(Math.min(1, value) * 255),
          { table } = colours;
        pixels[at] =
          BLACK |
          ((grey + table[colour + 2] * opacity) << 16) |
          ((grey + table[colour + 1] * opacity) << 8) |
          (grey + table[colour] * opacity);
      }
    }
  }
}

// The screen's x (0) or y (1): which of its pixels show the film, and where in the film they lie.
function screenAxis({ a, b, c, d, e, f, film }, axis, canvas) {
  const upright = a !== 0;
  const factor = axis === 0 ? (upright ? a : c) : upright ? d : b;
  const offset = axis === 0 ? e : f;
  const length = (axis === 0) === upright ? film.width : film.height;
  const most = axis === 0 ? canvas.width : canvas.height;
  const ends = [offset, offset + factor * length].sort((one, other) => one - other);
  const from = Math.min(most, Math.max(0, Math.round(ends[0])));
  const to = Math.max(from, Math.min(most, Math.round(ends[1])));
  return { upright, from, to, film: (pixel) => (pixel + 0.5 - offset) / factor };
}

// Exactly on a pixel's middle, where it is there but for rounding.
function snapped(at) {
  const whole = Math.round(at);
  return Math.abs(at - whole) < 1e-6 ? whole : at;
}
