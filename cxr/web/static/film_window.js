// Window width and level, in the film's own values: which of them are told apart on the screen.

import { collimated } from "./film_collimation.js";
import { habits } from "./habits.js";

// What a window shows, from one share of the film's values to another, the darker ones first.
const AUTOMATIC = [
  { name: "Auto: all values", shares: [0, 1] },
  { name: "Auto: inside the collimation", shares: [0.005, 0.995], inside: true },
  { name: "1st to 99th percentile", shares: [0.01, 0.99] },
  { name: "Lungs: darker levels", short: "Lungs", shares: [0.01, 0.7] },
  {
    name: "Bones, mediastinum: brighter levels",
    short: "Bones, mediastinum",
    shares: [0.3, 0.99],
  },
];

// How a film may be shown: by the windows of its file, then by what its values give.
export function presetsOf(film) {
  const named = (window, i) =>
    film.own ? `File: ${window.name || `window ${i + 1}`}` : "Full range";
  return [...film.windows.map((window, i) => ({ name: named(window, i), window })), ...AUTOMATIC];
}

// As numpy.rint, a half to the even side; steps that are no whole numbers add up with an error.
function rounded(value) {
  const near = Math.round(value * 1e6) / 1e6,
    up = Math.round(near);
  return up - near === 0.5 && up % 2 ? up - 1 : up;
}

const between = (low, value, high) => Math.min(high, Math.max(low, value));

export class FilmWindow {
  // `film`: {scale: {offset, step, padding, low, high, unit}, inverted, windows, own}.
  constructor(film) {
    this.film = film;
    this.scale = film.scale;
    this.presets = presetsOf(film);
    const ends = film.windows.flatMap(({ center, width }) => [
      center - width / 2,
      center + width / 2,
    ]);
    this.least = Math.min(this.scale.low, ...ends);
    this.most = Math.max(this.scale.high, ...ends);
    this.span = Math.max(this.most - this.least, this.scale.unit);
    this.digits = between(1, 1 - Math.floor(Math.log10(this.scale.unit)), 12);
    this.reset();
  }

  // As the file says; with its levels at hand, as the reader wants every film at first.
  reset(levels = null) {
    this.take(this.film.windows[0]);
    this.preset = 0;
    const wanted = levels && this.presets.findIndex(({ name }) => name === habits.window);
    if (wanted > 0) this.choose(wanted, levels);
  }

  take({ kind, center, width, ...table }) {
    this.kind = kind;
    this.level = center;
    this.width = width;
    this.table = kind === "table" ? { center, width, ...table } : null;
    this.shown = null;
  }

  get figures() {
    return [this.width, this.level].map((value) => Number(value.toFixed(this.digits)));
  }

  // A number of the film's values as text.
  told(value) {
    return String(Number(value.toFixed(this.scale.unit < 1 ? this.digits : 0)));
  }

  get text() {
    const { low, high } = this.scale;
    const chosen = this.presets[this.preset];
    const preset = this.film.own || this.preset ? `  ${chosen?.short ?? chosen?.name ?? ""}` : "";
    return `WW ${this.told(this.width)}  WL ${this.told(this.level)}  of ${this.told(low)} to ${this.told(high)}${preset}`;
  }

  set(width, level) {
    this.width = between(this.scale.unit, width, 2 * this.span);
    this.level = between(this.least, level, this.most);
    this.preset = this.shown = null;
  }

  // Right widens, up brightens; the narrower the window, the finer the step.
  drag(right, down) {
    const step = Math.max(this.width, this.span / 40) / 300;
    const brighter = this.film.inverted ? -1 : 1;
    this.set(this.width + right * step, this.level + brighter * down * step);
  }

  choose(preset, levels) {
    const { window, shares, inside } = this.presets[preset];
    if (window) this.take(window);
    else {
      const box = inside ? collimated(levels, this.scale.padding) : null;
      const ends = levels.percentiles(shares, this.scale.padding, box);
      const [low, high] = ends.map((level) => this.value(level)).sort((a, b) => a - b);
      this.take({ kind: "exact", center: 0, width: 1 });
      this.set(high - low, (low + high) / 2);
    }
    this.preset = preset;
  }

  // The value of a level as it was sent; null for padding.
  value(level) {
    const { offset, step, padding } = this.scale;
    return padding && level === 0 ? null : offset + step * level;
  }

  // The grey of a value, 0 black and 1 white, before the reader inverts.
  grey(value, entries) {
    if (value === null) return 0;
    const shown = this.windowed(value, entries);
    return this.film.inverted ? 1 - shown : shown;
  }

  // As cxr.films.windows shows it.
  windowed(value, entries) {
    const { kind, level, width, table } = this;
    if (kind === "table") {
      // Made wider or moved, a table keeps its shape.
      const moved = rounded(table.center + ((value - level) * table.width) / width);
      return entries[between(0, moved - table.first, entries.length - 1)] / table.top;
    }
    if (width <= 0) return 0;
    if (kind === "sigmoid") {
      return 1 / (1 + Math.exp(between(-700, (-4 * (value - level)) / width, 700)));
    }
    if (kind !== "linear" || width < 1) return between(0, (value - level) / width + 0.5, 1);
    if (width === 1) return value > level - 0.5 ? 1 : 0;
    return between(0, (value - (level - 0.5)) / (width - 1) + 0.5, 1);
  }

  // The grey of each level, 0 to 255. The same array as long as nothing changes.
  greys(levels, inverted) {
    if (this.shown?.levels === levels && this.shown.inverted === inverted) return this.shown.greys;
    const greys = new Uint8Array(levels.max + 1);
    const entries = this.table && levels.tables[this.table.table];
    for (let level = 0; level <= levels.max; level++) {
      const grey = Math.round(255 * this.grey(this.value(level), entries));
      greys[level] = inverted ? 255 - grey : grey;
    }
    this.shown = { levels, inverted, greys };
    return greys;
  }
}
