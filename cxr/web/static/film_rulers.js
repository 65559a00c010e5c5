// Rulers: lines over a film with their lengths.

const SVG = "http://www.w3.org/2000/svg";
const LABEL = [90, 24]; // CSS pixels
const LONG_LABEL = [178, 24]; // with where it was measured
const SHORTEST = 3; // CSS pixels; what is shorter was a click

// `from` and `to` in film pixels; spacing (row, column) in mm, or null where it is not known. At the
// detector a body's shadow is larger than the body, and the length says that it is of the shadow.
export function rulerLength({ from, to }, { spacing, at_detector: atDetector }) {
  const across = to[0] - from[0],
    down = to[1] - from[1];
  if (!spacing) return `${Math.round(Math.hypot(across, down))} px`;
  const length = Math.hypot(across * spacing[1], down * spacing[0]).toFixed(1);
  return `${length} mm${atDetector ? " at the detector" : ""}`;
}

export class Rulers {
  // `changed` is called when the reader takes a ruler away.
  constructor(pane, changed) {
    this.pane = pane;
    this.changed = changed;
    this.group = pane.lines.querySelector(".rulers");
    this.items = new Map(); // elements of each ruler
  }

  get list() {
    return this.pane.state.rulers;
  }

  start(x, y) {
    const at = this.pane.placed.toFilm(x, y);
    this.drawn = { from: at, to: at };
    this.list.push(this.drawn);
  }

  move(x, y) {
    if (this.drawn) this.drawn.to = this.pane.placed.toFilm(x, y);
  }

  // The length of what was drawn as text, or null where it was but a click.
  end() {
    const ruler = this.drawn;
    this.drawn = null;
    if (!ruler) return null;
    const { scale } = this.pane.placed;
    const length = Math.hypot(ruler.to[0] - ruler.from[0], ruler.to[1] - ruler.from[1]) * scale;
    if (length >= SHORTEST * devicePixelRatio) return rulerLength(ruler, this.pane.film);
    this.remove(ruler);
    return null;
  }

  remove(ruler) {
    const at = this.list.indexOf(ruler);
    if (at >= 0) this.list.splice(at, 1);
    this.changed();
  }

  paint(placement) {
    const ratio = devicePixelRatio;
    for (const [ruler, item] of this.items) {
      if (this.list.includes(ruler)) continue;
      item.line.remove();
      item.label.remove();
      this.items.delete(ruler);
    }
    for (const ruler of this.list) {
      if (!this.items.has(ruler)) this.items.set(ruler, this.elements(ruler));
      const { line, label, text } = this.items.get(ruler);
      const [x0, y0] = placement.toScreen(...ruler.from).map((part) => part / ratio);
      const [x1, y1] = placement.toScreen(...ruler.to).map((part) => part / ratio);
      const length = Math.hypot(x1 - x0, y1 - y0) || 1;
      const [tx, ty] = [(-5 * (y1 - y0)) / length, (5 * (x1 - x0)) / length]; // across the line's ends
      const path = `M${x0} ${y0}L${x1} ${y1}M${x0 - tx} ${y0 - ty}L${x0 + tx} ${y0 + ty}M${x1 - tx} ${y1 - ty}L${x1 + tx} ${y1 + ty}`;
      for (const stroke of line.children) stroke.setAttribute("d", path);
      const words = rulerLength(ruler, this.pane.film);
      if (text.textContent !== words) text.textContent = words;
      label.lastChild.setAttribute("aria-label", `Remove the ruler of ${words}`);
      const right = x1 >= x0 ? [x1, y1] : [x0, y0];
      label.style.transform = `translate(${this.beside(right).map(Math.round).join("px, ")}px)`;
      label.hidden = ruler === this.drawn && length < SHORTEST;
    }
  }

  // Where the label of a ruler stands that ends there: on the film, as long as its end is.
  beside([x, y]) {
    const { clientWidth: wide, clientHeight: tall } = this.pane.root;
    const seen = x >= 0 && x <= wide && y >= 0 && y <= tall;
    const [long, high] = this.pane.film.at_detector ? LONG_LABEL : LABEL;
    return seen
      ? [Math.min(x + 8, wide - long), Math.min(Math.max(y - high / 2, 0), tall - high)]
      : [x + 8, y];
  }

  elements(ruler) {
    const line = document.createElementNS(SVG, "g");
    for (const name of ["edge", "line"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      line.append(path);
    }
    this.group.append(line);
    const label = document.createElement("div"),
      text = document.createElement("span"),
      cross = document.createElement("button");
    label.className = "length";
    cross.type = "button";
    cross.textContent = "×";
    cross.title = "Remove this ruler";
    cross.addEventListener("click", () => this.remove(ruler));
    label.append(text, cross);
    this.pane.labels.append(label);
    return { line, label, text };
  }
}
