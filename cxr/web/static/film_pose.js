// Where a film stands on the screen: turned, flipped, zoomed and moved. Film coordinates are in
// its pixels from its upper left corner, screen coordinates in device pixels of the canvas.

const CLOSEST = 40,
  FARTHEST = 0.05; // device pixels a film pixel

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

  shift({ film }, x, y) {
    // The middle of the screen stays on the film, so that the film is never lost.
    this.u = Math.min(1, Math.max(0, this.u + x / film.width));
    this.v = Math.min(1, Math.max(0, this.v + y / film.height));
    this.fitted = false;
  }
}

// A film of {width, height} in a canvas of {width, height}: the matrix from film to screen.
export class Placement {
  constructor(view, pose, film, canvas) {
    const [a, b, c, d] = pose.axes;
    const upright = a !== 0;
    this.film = film;
    this.middle = [canvas.width / 2, canvas.height / 2];
    this.fit = upright
      ? Math.min(canvas.width / film.width, canvas.height / film.height)
      : Math.min(canvas.width / film.height, canvas.height / film.width);
    this.scale = this.fit * view.zoom;
    [this.a, this.b, this.c, this.d] = [a, b, c, d].map((part) => part * this.scale);
    const x = view.u * film.width,
      y = view.v * film.height;
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
