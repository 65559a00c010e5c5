// Where a film stands on the screen: turned, flipped, zoomed and moved. Film coordinates are in
// its pixels from its upper left corner, screen coordinates in device pixels of the canvas.

const CLOSEST = 40,
  FARTHEST = 0.05, // device pixels a film pixel
  UNLIKE = 2.5; // times: of two films' lungs, as shares of their heights, none is so much higher

// Flipped first, then turned clockwise.
export class Pose {
  constructor() {
    this.reset();
  }

  reset() {
    this.turns = 0;
    this.flipped = false;
  }

  rotate() {
    this.turns = (this.turns + 1) % 4;
  }

  // As the reader sees it, left and right change places, however the film is turned.
  flip() {
    this.turns = (4 - this.turns) % 4;
    this.flipped = !this.flipped;
  }

  // [a, b, c, d] of the matrix that takes film directions to those of the screen.
  get axes() {
    const [a, b, c, d] = [
      [1, 0, 0, 1],
      [0, 1, -1, 0],
      [-1, 0, 0, -1],
      [0, -1, 1, 0],
    ][this.turns];
    return this.flipped ? [-a, -b, c, d] : [a, b, c, d];
  }
}

// What films that are compared share: zoom over that at which it fits, and which point of the
// film, as shares of its width and height, is in the middle.
export class View {
  constructor() {
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.u = this.v = 0.5;
    this.fitted = true;
  }

  // Move by pixels of the screen.
  pan(placement, right, down) {
    const [x, y] = placement.direction(-right, -down);
    this.shift(placement, x, y);
  }

  // Take a scale, and keep the film's point at (x, y) of the screen where it is.
  zoomTo(placement, scale, x = placement.middle[0], y = placement.middle[1]) {
    const next = Math.min(CLOSEST, Math.max(Math.min(FARTHEST, placement.fit), scale));
    const share = 1 - placement.scale / next;
    const [dx, dy] = placement.direction(x - placement.middle[0], y - placement.middle[1]);
    this.zoom = next / placement.fit;
    this.shift(placement, dx * share, dy * share);
  }

  shift({ frame }, x, y) {
    // The middle of the screen stays on the film, so that the film is never lost.
    this.u = Math.min(1, Math.max(0, this.u + x / frame.width));
    this.v = Math.min(1, Math.max(0, this.v + y / frame.height));
    this.fitted = false;
  }
}

// Where another film stands in the pixels of a film, if lungs are to lie over lungs and to be as
// high: what the view counts in, so that both films zoom and move as one. Boxes are [left, top,
// right, bottom]. Null where they cannot be of like bodies, or one is missing.
export function matchedFrame(one, other, box, otherBox) {
  if (!box || !otherBox) return null;
  const middle = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];
  const ratio = (otherBox[3] - otherBox[1]) / (box[3] - box[1]);
  const share = (ratio * one.height) / other.height;
  if (!(share > 1 / UNLIKE && share < UNLIKE)) return null;
  const [[x, y], [u, v]] = [middle(box), middle(otherBox)];
  return {
    left: u - ratio * x,
    top: v - ratio * y,
    width: ratio * one.width,
    height: ratio * one.height,
  };
}

// A film of {width, height} in a canvas of {width, height}: the matrix from film to screen. `frame`:
// the part of the film, or more than it, that the view counts in; the whole film by default.
export class Placement {
  constructor(view, pose, film, canvas, frame = null) {
    const [a, b, c, d] = pose.axes;
    const upright = a !== 0;
    this.film = film;
    this.frame = frame ?? { left: 0, top: 0, width: film.width, height: film.height };
    const { left, top, width, height } = this.frame;
    this.middle = [canvas.width / 2, canvas.height / 2];
    this.fit = upright
      ? Math.min(canvas.width / width, canvas.height / height)
      : Math.min(canvas.width / height, canvas.height / width);
    this.scale = this.fit * view.zoom;
    [this.a, this.b, this.c, this.d] = [a, b, c, d].map((part) => part * this.scale);
    const x = left + view.u * width,
      y = top + view.v * height;
    // On whole pixels, so that 1:1 shows the film's own pixels and moving does not blur.
    this.e = Math.round(this.middle[0] - this.a * x - this.c * y);
    this.f = Math.round(this.middle[1] - this.b * x - this.d * y);
  }

  // Enlarged far, a film shows its own pixels rather than a blur that looks like detail.
  get squares() {
    return this.scale >= 4;
  }

  // A direction of the screen as one of the film.
  direction(x, y) {
    const area = this.scale * this.scale;
    return [(this.a * x + this.b * y) / area, (this.c * x + this.d * y) / area];
  }

  toFilm(x, y) {
    return this.direction(x - this.e, y - this.f);
  }

  toScreen(x, y) {
    return [this.a * x + this.c * y + this.e, this.b * x + this.d * y + this.f];
  }
}
