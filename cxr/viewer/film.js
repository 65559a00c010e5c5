// The film viewer. The film comes once as a picture, the heatmap as a small grid of numbers; from
// then on nothing goes back to the server.

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".viewer");
  if (!root) return;
  if (!root.view) root.view = new FilmView(root);
  root.view.show(data);
  return () => { root.view?.close(); root.view = null; };
}

// Overlay settings outlive a change of film: a reader sets them once.
const settings = { on: false, opacity: null, cut: null };

class FilmView {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.field = find(".field");
    this.canvas = find("canvas");
    this.toggle = find(".toggle");
    this.opacity = find(".opacity");
    this.cut = find(".cut");
    this.film = new Image();
    this.flash = false;
    this.end = new AbortController();
    const on = (target, event, act, options = {}) =>
      target.addEventListener(event, act, { signal: this.end.signal, ...options });

    on(this.toggle, "click", () => { settings.on = !settings.on; this.refresh(); });
    on(this.opacity, "input", () => { settings.opacity = this.opacity.value / 100; this.refresh(); });
    on(this.cut, "input", () => { settings.cut = this.cut.value / 100; this.colour(); this.refresh(); });
    on(find(".fit"), "click", () => this.fit());
    on(find(".one"), "click", () => this.zoomTo(1));
    on(this.film, "load", () => this.fit());
    on(this.canvas, "wheel", (e) => this.wheel(e), { passive: false });
    on(this.canvas, "pointerdown", (e) => this.grab(e));
    on(this.canvas, "pointermove", (e) => this.drag(e));
    on(this.canvas, "pointerup", (e) => this.drop(e));
    on(this.canvas, "pointercancel", (e) => this.drop(e));
    on(this.canvas, "dblclick", () => this.fit());
    on(document, "keydown", (e) => this.key(e, true));
    on(document, "keyup", (e) => this.key(e, false));
    on(window, "blur", () => { this.flash = false; this.refresh(); });
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.field);
    this.pointers = new Map();
  }

  close() {
    this.end.abort();
    this.watch.disconnect();
  }

  show(data) {
    this.field.style.height = `${data.field}px`;
    this.canvas.setAttribute("aria-label", `Film ${data.name}, ${data.width} by ${data.height} pixels`);
    this.heat = data.heatmap;
    if (settings.opacity === null && this.heat) settings.opacity = this.heat.opacity;
    if (settings.cut === null && this.heat) settings.cut = this.heat.cut;
    if (this.sha256 !== data.sha256) {
      this.sha256 = data.sha256;
      this.size = [data.width, data.height];
      this.ready = false;
      this.film.src = data.picture;
    }
    this.root.dataset.sha256 = data.sha256;
    this.colour();
    this.refresh();
  }

  // The heatmap's colours at the grid's own proportions, interpolated as Python does it: linearly,
  // corners aligned, then stretched to its range.
  colour() {
    this.overlay = null;
    if (!this.heat) return;
    const [w, h] = this.size.map((side) => Math.round(side * Math.min(1, 384 / Math.max(...this.size))));
    const values = interpolate(this.heat.grid, w, h);
    const table = Uint8Array.from(atob(this.heat.colours), (c) => c.charCodeAt(0));
    const canvas = new OffscreenCanvas(w, h);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(w, h);
    values.forEach((value, i) => {
      const at = 3 * Math.round(value * 255);
      picture.data.set([table[at], table[at + 1], table[at + 2], value > 0 && value >= settings.cut ? 255 : 0], 4 * i);
    });
    context.putImageData(picture, 0, 0);
    this.overlay = canvas;
    const stops = Array.from({ length: 9 }, (_, i) => {
      const at = 3 * Math.round((255 * (8 - i)) / 8);
      return `rgb(${table[at]},${table[at + 1]},${table[at + 2]})`;
    });
    this.root.querySelector(".bar").style.background = `linear-gradient(${stops.join(",")})`;
  }

  get shown() { return Boolean(this.overlay) && (settings.on !== this.flash); }

  refresh() {
    const none = !this.heat;
    this.toggle.disabled = this.opacity.disabled = this.cut.disabled = none;
    this.toggle.setAttribute("aria-pressed", String(settings.on && !none));
    this.opacity.value = 100 * (settings.opacity ?? 0.5);
    this.cut.value = 100 * (settings.cut ?? 0.2);
    this.root.querySelector(".scale").hidden = !this.shown;
    this.root.querySelector(".caption").textContent = none
      ? "No heatmap: the film has no score."
      : this.shown ? `${this.heat.method}. ${this.heat.caption}` : "The film alone. O shows the heatmap, holding H flashes it.";
    this.root.dataset.overlay = this.shown ? "on" : "off";
    this.draw();
  }

  resize() {
    const { width, height } = this.field.getBoundingClientRect();
    if (!width || !height) return;
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    if (this.fitted !== false) this.fit(); else this.draw();
  }

  fit() {
    if (!this.film.naturalWidth || !this.canvas.width) return;
    this.ready = true;
    const [w, h] = [this.film.naturalWidth, this.film.naturalHeight];
    this.scale = Math.min(this.canvas.width / w, this.canvas.height / h);
    this.x = (this.canvas.width - w * this.scale) / 2;
    this.y = (this.canvas.height - h * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  // Scale is in device pixels a film pixel.
  zoomTo(scale, cx = this.canvas.width / 2, cy = this.canvas.height / 2) {
    const next = Math.min(40, Math.max(0.05, scale));
    this.x = cx - ((cx - this.x) * next) / this.scale;
    this.y = cy - ((cy - this.y) * next) / this.scale;
    this.scale = next;
    this.fitted = false;
    this.draw();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * devicePixelRatio, (event.clientY - box.top) * devicePixelRatio];
  }

  wheel(event) {
    event.preventDefault();
    this.zoomTo(this.scale * Math.exp(-event.deltaY * 0.0015), ...this.place(event));
  }

  grab(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.classList.add("dragging");
    this.pointers.set(event.pointerId, this.place(event));
  }

  // One pointer moves the film, two spread or pinch it.
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.place(event);
    if (this.pointers.size === 1) {
      this.x += now[0] - before[0];
      this.y += now[1] - before[1];
      this.fitted = false;
      this.draw();
    } else {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const spread = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoomTo((this.scale * spread(now)) / spread(before), other[0], other[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  drop(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.canvas.classList.remove("dragging");
  }

  key(event, down) {
    const target = event.composedPath()[0];
    if (target instanceof Element && target.matches("textarea, select, [contenteditable], input:not([type=range]):not([type=radio]):not([type=checkbox])")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "h" && this.heat) {
      if (this.flash !== down) { this.flash = down; this.refresh(); }
    } else if (down && !event.repeat) {
      if (key === "o" && this.heat) { settings.on = !settings.on; this.refresh(); }
      if (key === "f") this.fit();
      if (key === "1") this.zoomTo(1);
    }
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const context = this.canvas.getContext("2d", { alpha: false });
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.ready) return;
    const box = [this.x, this.y, this.film.naturalWidth * this.scale, this.film.naturalHeight * this.scale];
    // Enlarged far, a film shows its own pixels rather than a blur that looks like detail.
    context.imageSmoothingEnabled = this.scale < 4;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.film, ...box);
    if (this.shown) {
      context.globalAlpha = settings.opacity;
      context.imageSmoothingEnabled = true;
      // The network does not see the margin, so the heatmap ends where it begins.
      const [m, [x, y, w, h]] = [this.heat.margin, box];
      context.drawImage(this.overlay, x + m * w, y + m * h, (1 - 2 * m) * w, (1 - 2 * m) * h);
      context.globalAlpha = 1;
    }
    this.root.querySelector(".zoom").textContent = `${Math.round(this.scale * 100)} %`;
    this.root.dataset.painted = this.sha256;
  }
}

function interpolate(grid, width, height) {
  const rows = grid.length, columns = grid[0].length;
  const values = new Float32Array(width * height);
  let low = Infinity, high = -Infinity;
  for (let j = 0; j < height; j++) {
    const v = height > 1 ? (j * (rows - 1)) / (height - 1) : 0;
    const r = Math.min(Math.floor(v), Math.max(rows - 2, 0)), dr = v - r, below = Math.min(r + 1, rows - 1);
    for (let i = 0; i < width; i++) {
      const u = width > 1 ? (i * (columns - 1)) / (width - 1) : 0;
      const c = Math.min(Math.floor(u), Math.max(columns - 2, 0)), dc = u - c, right = Math.min(c + 1, columns - 1);
      const value =
        (1 - dr) * ((1 - dc) * grid[r][c] + dc * grid[r][right]) +
        dr * ((1 - dc) * grid[below][c] + dc * grid[below][right]);
      values[j * width + i] = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const range = high - low;
  for (let i = 0; i < values.length; i++) values[i] = range > 1e-7 ? (values[i] - low) / range : 0;
  return values;
}
