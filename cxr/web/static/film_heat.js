// The heatmap: a small grid of numbers, made as large as the film in the browser.

export const NO_RANGE = 1e-7; // a smaller range is none: stretching it would paint noise
export const LINES = [0.2, 0.4, 0.6, 0.8]; // values at which contour lines are drawn

export class Heat {
  // `data`: grid (rows of numbers), inset (rows and columns that the network does not see), top
  // and full (where the common scale ends: times the mean of the map, and in the grid's unit), and
  // the words for people; `film`: {width, height}.
  constructor(data, film) {
    Object.assign(this, {
      method: data.method,
      caption: data.caption,
      top: data.top,
      full: data.full,
    });
    this.rows = data.grid.length;
    this.columns = data.grid[0].length;
    this.grid = Float32Array.from(data.grid.flat());
    const [top, left] = data.inset;
    this.inside = { left, top, width: film.width - 2 * left, height: film.height - 2 * top };
    [this.low, this.high] = this.extremes();
  }

  // What the values 0 and 1 of a scale are, as {low, range}: the map's own least and most, or
  // nothing and the top of the scale common to all maps. Null where there is nothing to draw.
  scale(common) {
    if (common) return this.full > 0 ? { low: 0, range: this.full } : null;
    const range = this.high - this.low;
    return range > NO_RANGE ? { low: this.low, range: range + NO_RANGE } : null;
  }

  // From a position in the film to one in the grid: linear, corners of the outermost pixels
  // aligned with the outermost nodes.
  static along(at, start, length, nodes) {
    return length > 1
      ? Math.min(1, Math.max(0, (at - start - 0.5) / (length - 1))) * (nodes - 1)
      : 0;
  }

  node(u, v) {
    const i = Math.min(Math.floor(u), Math.max(this.columns - 2, 0)),
      right = Math.min(i + 1, this.columns - 1);
    const j = Math.min(Math.floor(v), Math.max(this.rows - 2, 0)),
      below = Math.min(j + 1, this.rows - 1);
    const at = (row, column) => this.grid[row * this.columns + column];
    return (
      (1 - (v - j)) * ((1 - (u - i)) * at(j, i) + (u - i) * at(j, right)) +
      (v - j) * ((1 - (u - i)) * at(below, i) + (u - i) * at(below, right))
    );
  }

  // Least and most over the film's pixels, which are next to the nodes: within a cell of the grid
  // the values are bilinear, so that its outermost pixels have the extremes.
  extremes() {
    const beside = (length, nodes) => {
      const pixels = new Set();
      for (let node = 0; node < nodes; node++) {
        const at = nodes > 1 ? (node * (length - 1)) / (nodes - 1) : 0;
        pixels.add(Math.floor(at)).add(Math.min(Math.ceil(at), length - 1));
      }
      return [...pixels].map((pixel) => Heat.along(pixel + 0.5, 0, length, nodes));
    };
    const us = beside(this.inside.width, this.columns),
      vs = beside(this.inside.height, this.rows);
    const values = vs.flatMap((v) => us.map((u) => this.node(u, v)));
    return [Math.min(...values), Math.max(...values)];
  }

  // At a position of the film within what the network sees, in the grid's unit.
  value(x, y) {
    const { left, top, width, height } = this.inside;
    return this.node(
      Heat.along(x, left, width, this.columns),
      Heat.along(y, top, height, this.rows),
    );
  }

  // The contour at a value of a scale as an SVG path in the film's coordinates, by marching squares.
  contour(share, common) {
    const scale = this.scale(common);
    if (!scale) return "";
    const level = scale.low + share * scale.range;
    const { left, top, width, height } = this.inside,
      most = Math.max(width, height);
    const nx = Math.max(2, Math.round((160 * width) / most)),
      ny = Math.max(2, Math.round((160 * height) / most));
    const px = (i) => left + (i * width) / (nx - 1),
      py = (j) => top + (j * height) / (ny - 1);
    const values = (this.values ??= Float32Array.from({ length: nx * ny }, (_, k) =>
      this.value(px(k % nx), py(Math.floor(k / nx))),
    ));
    const parts = [];
    for (let j = 0; j + 1 < ny; j++) {
      for (let i = 0; i + 1 < nx; i++) {
        const corners = [
          [i, j],
          [i + 1, j],
          [i + 1, j + 1],
          [i, j + 1],
        ];
        const heights = corners.map(([x, y]) => values[y * nx + x] - level);
        const crossings = [];
        for (let side = 0; side < 4; side++) {
          const from = heights[side],
            to = heights[(side + 1) % 4];
          if (from >= 0 === to >= 0) continue;
          const share = from / (from - to),
            [x0, y0] = corners[side],
            [x1, y1] = corners[(side + 1) % 4];
          crossings.push(
            `${px(x0 + share * (x1 - x0)).toFixed(1)} ${py(y0 + share * (y1 - y0)).toFixed(1)}`,
          );
        }
        for (let k = 0; k + 1 < crossings.length; k += 2) {
          parts.push(`M${crossings[k]}L${crossings[k + 1]}`);
        }
      }
    }
    return parts.join("");
  }
}

// Colour maps: 256 times red, green and blue each, as Python sends them.
export class Colours {
  constructor(base64) {
    this.table = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  }

  css(value) {
    const at = 3 * Math.round(value * 255);
    return `rgb(${this.table[at]},${this.table[at + 1]},${this.table[at + 2]})`;
  }

  // Black or white, whichever sets a line of the value's colour off.
  edge(value) {
    const [red, green, blue] = this.table.subarray(3 * Math.round(value * 255));
    return 0.299 * red + 0.587 * green + 0.114 * blue > 90 ? "#000" : "#fff";
  }

  // From most, above, to least.
  get gradient() {
    return `linear-gradient(${Array.from({ length: 17 }, (_, i) => this.css((16 - i) / 16)).join(",")})`;
  }
}
