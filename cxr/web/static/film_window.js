// Window width and level: which of a film's grey levels are told apart on the screen.

// What each preset shows, from one percentile of the film's levels to another.
export const PRESETS = [
  { name: "Full range", shares: null },
  { name: "1st to 99th percentile", shares: [0.01, 0.99] },
  { name: "Lungs: darker levels", shares: [0.01, 0.7] },
  { name: "Bones, mediastinum: brighter levels", shares: [0.3, 0.99] },
];

const between = (low, value, high) => Math.min(high, Math.max(low, value));
const figure = (value) => Number(value.toFixed(1));

// In levels of 0 to `top`, the film's own depth, whatever depth it was sent in.
export class FilmWindow {
  constructor(top) {
    this.top = top;
    this.reset();
  }

  reset() {
    this.low = 0;
    this.high = this.top;
    this.preset = 0;
  }

  get width() {
    return this.high - this.low;
  }
  get level() {
    return (this.high + this.low) / 2;
  }
  get figures() {
    return [figure(this.width), figure(this.level)];
  }

  get text() {
    const preset = this.preset ? `  ${PRESETS[this.preset].name.split(":")[0]}` : "";
    return `WW ${Math.round(this.width)}  WL ${Math.round(this.level)}  of 0 to ${this.top}${preset}`;
  }

  set(width, level) {
    width = between(1, width, 2 * this.top);
    level = between(0, level, this.top);
    this.low = level - width / 2;
    this.high = level + width / 2;
    this.preset = null;
  }

  // Right widens, up brightens; the narrower the window, the finer the step.
  drag(right, down) {
    const step = Math.max(this.width, this.top / 40) / 300;
    this.set(this.width + right * step, this.level + down * step);
  }

  choose(preset, levels) {
    const { shares } = PRESETS[preset];
    if (shares) {
      const [low, high] = levels
        .percentiles(shares)
        .map((level) => (level * this.top) / levels.max);
      this.set(Math.max(1, high - low), (low + high) / 2);
    } else this.reset();
    this.preset = preset;
  }

  // [offset, factor] that take a level as it was sent to black 0 and white 1.
  line(max, inverted) {
    const factor = this.top / max / this.width,
      offset = -this.low / this.width;
    return inverted ? [1 - offset, -factor] : [offset, factor];
  }
}
