// One film on black: its picture, lines over it, and what is written in its corners.

import { CanvasPainter } from "./film_cpu.js";
import { graphicsCard, TexturePainter } from "./film_gpu.js";
import { LINES } from "./film_heat.js";
import { lungLines } from "./film_lungs.js";
import { Placement, Pose } from "./film_pose.js";
import { RegionList } from "./film_regions.js";
import { FilmWindow } from "./film_window.js";

const STATES_KEPT = 200;
const readStates = new Map(); // by the film's key

// How a film is looked at. It belongs to the film: who comes back to it finds it as it was.
export class FilmState {
  constructor(film) {
    this.window = new FilmWindow(film);
    this.pose = new Pose();
    this.inverted = false;
    this.rulers = [];
    this.regions = new RegionList();
    this.isNew = true; // it was not painted yet
  }

  static of(film) {
    const id = film.key;
    const state = readStates.get(id) ?? new FilmState(film);
    readStates.delete(id);
    readStates.set(id, state);
    if (readStates.size > STATES_KEPT) readStates.delete(readStates.keys().next().value);
    return state;
  }

  reset(levels) {
    this.window.reset(levels);
    this.pose.reset();
    this.inverted = false;
  }
}

export const isSame = (one, other) => one.sha256 === other.sha256 && one.name === other.name;

// What the page compares the film with, in a word: another film, or a method.
export function besideOf({ films: [one, other] }) {
  if (!other) return "";
  return isSame(one, other) ? other.heatmap?.method : other.sha256;
}

export class Pane {
  // `template`: of the pane's elements; `draw`: "auto", "gpu" or "cpu"; `paintAgain`: called where
  // the picture was lost.
  constructor(template, draw, paintAgain) {
    this.root = template.content.firstElementChild.cloneNode(true);
    this.draw = draw;
    this.paintAgain = paintAgain;
    const find = (name) => this.root.querySelector(name);
    this.canvas = find("canvas");
    this.lines = find(".lines");
    this.labels = find(".labels");
    this.scale = find(".scale");
    this.parts = {
      zoom: find(".zoom"),
      window: find(".window"),
      title: find(".title"),
      marks: find(".marks"),
      lungs: find(".of-lungs"),
      probe: find(".probe"),
      scores: find(".scores"),
    };
    this.frame = null; // see Placement
  }

  close() {
    this.painter?.free();
    this.root.remove();
  }

  // Another film. The field is black until its levels are there, and never shows the former film
  // under the name of this one.
  show(film, heat, title) {
    if (this.state) this.regions.cancel(); // what is dragged or drawn just now is of the film before
    this.state = FilmState.of(film);
    this.levels = this.placed = null;
    this.root.classList.add("empty");
    this.painter?.take(null);
    this.painter?.paint({});
    this.update(film, heat, title);
  }

  // The same film with another heatmap or title.
  update(film, heat, title) {
    this.film = film;
    this.heat = heat;
    this.parts.title.textContent = title;
    this.canvas.setAttribute(
      "aria-label",
      `Film ${film.name}, ${film.width} by ${film.height} pixels`,
    );
  }

  take(levels) {
    this.levels = levels;
    this.choosePainter(levels);
    this.painter.take(levels);
    if (this.state.isNew) this.state.window.reset(levels);
    this.state.isNew = false;
    this.root.classList.remove("empty");
  }

  choosePainter(levels) {
    const card = this.draw === "cpu" ? null : graphicsCard();
    const fits = card && Math.max(levels.width, levels.height) <= card.maximum;
    const gpu = fits && (this.draw === "gpu" || !card.software);
    if (this.painter instanceof (gpu ? TexturePainter : CanvasPainter)) return;
    if (this.painter) this.renewCanvas();
    if (gpu) {
      try {
        this.painter = new TexturePainter(
          this.canvas,
          () => this.paintAgain(),
          () => this.withoutCard(),
        );
        return;
      } catch {
        this.renewCanvas();
      }
    }
    this.painter = new CanvasPainter(this.canvas);
  }

  // The graphics card was lost and did not come back: the processor paints from now on.
  withoutCard() {
    this.draw = "cpu";
    if (!this.levels) {
      this.renewCanvas();
      this.painter = null; // chosen with the next film's levels
      return;
    }
    this.choosePainter(this.levels);
    this.painter.take(this.levels);
    this.paintAgain();
  }

  // A canvas that was drawn on in one way cannot be drawn on in the other.
  renewCanvas() {
    this.painter?.free();
    const fresh = this.canvas.cloneNode();
    this.canvas.replaceWith(fresh);
    this.canvas = fresh;
  }

  // Whole device pixels, so that the browser does not stretch the picture.
  resize() {
    const { width, height } = this.root.getBoundingClientRect();
    const size = [width, height].map((side) => Math.max(1, Math.floor(side * devicePixelRatio)));
    if (this.canvas.width === size[0] && this.canvas.height === size[1]) return;
    [this.canvas.width, this.canvas.height] = size;
    this.canvas.style.width = `${size[0] / devicePixelRatio}px`;
    this.canvas.style.height = `${size[1] / devicePixelRatio}px`;
  }

  placement(view) {
    return new Placement(view, this.state.pose, this.film, this.canvas, this.frame);
  }

  // Where an event happened, in device pixels of the canvas.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) * devicePixelRatio,
      (event.clientY - box.top) * devicePixelRatio,
    ];
  }

  // Place and value of the film's pixel at (x, y) of the canvas, until the pointer goes.
  probe(x, y) {
    const { parts, levels, placed } = this;
    const [column, row] = placed && levels ? placed.toFilm(x, y).map(Math.floor) : [];
    const level = levels?.level(column, row);
    const { window } = this.state;
    const value = level === undefined ? undefined : window.value(level);
    parts.probe.textContent =
      value === undefined
        ? ""
        : `x ${column}  y ${row}  ${value === null ? "no value" : window.told(value)}`;
  }

  // `overlay`: {shown, contour, opacity, cut, common, lungs, colours}.
  paint(view, overlay) {
    if (!this.levels) return;
    const placement = (this.placed = this.placement(view)),
      { state, heat } = this;
    const shown = Boolean(overlay.shown && heat);
    this.painter.paint({
      placement,
      greys: state.window.greys(this.levels, state.inverted),
      heat: shown && !overlay.contour ? { ...overlay, map: heat } : null,
    });
    this.paintContours(placement, shown && overlay.contour ? overlay : null);
    this.paintLungs(placement, overlay.lungs);
    this.parts.zoom.textContent = `${Math.round(placement.scale * 100)} %`;
    this.parts.window.textContent = state.window.text;
    const { turns, flipped } = state.pose;
    this.parts.marks.textContent = [
      flipped && "Flipped",
      turns && `Turned ${90 * turns}°`,
      state.inverted && "Inverted",
      this.frame && "Matched by the lungs",
    ]
      .filter(Boolean)
      .join(" · ");
    this.paintScale(shown ? overlay : null);
  }

  paintScale(overlay) {
    this.scale.hidden = !overlay;
    if (!overlay) return;
    const { common, map, cut, contour } = overlay,
      { top } = this.heat;
    const look = [map, cut, contour, common && top].join("/");
    if (this.scale.dataset.look === look) return;
    this.scale.dataset.look = look;
    const [most, least] = this.scale.querySelectorAll("span");
    most.textContent = common ? `≥ ${top.toFixed(1)} × mean` : "most, 1";
    least.textContent = common ? "0" : "least, 0";
    const bar = this.scale.querySelector(".bar");
    bar.style.setProperty("--colours", overlay.colours.gradient);
    bar.style.setProperty("--cut", `${100 * overlay.cut}%`);
    bar.replaceChildren(
      ...(overlay.contour ? LINES : [])
        .filter((level) => level >= overlay.cut)
        .map((level) => {
          const tick = document.createElement("i");
          tick.style.bottom = `${100 * level}%`;
          return tick;
        }),
    );
  }

  paintContours(placement, overlay) {
    const group = this.lines.querySelector(".contours");
    group.style.display = overlay ? "" : "none";
    if (!overlay) return;
    const { common } = overlay;
    if (this.contoured?.heat !== this.heat || this.contoured.common !== common) {
      this.contoured = { heat: this.heat, common };
      group.replaceChildren(
        ...LINES.flatMap((level) =>
          ["edge", "line"].map((name) => {
            const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
            path.setAttribute("class", name);
            path.setAttribute("d", this.heat.contour(level, common));
            path.dataset.level = level;
            return path;
          }),
        ),
      );
    }
    placeLines(group, placement);
    // Lines are thin: at half opacity they are drawn in full.
    group.style.opacity = Math.min(1, 2 * overlay.opacity);
    for (const path of group.children) {
      const level = Number(path.dataset.level);
      path.style.display = level >= overlay.cut ? "" : "none";
      const { colours } = overlay,
        edge = path.getAttribute("class") === "edge";
      path.style.stroke = edge ? colours.edge(level) : colours.css(level);
    }
  }
  paintLungs(placement, on) {
    const group = this.lines.querySelector(".lungs"),
      { lungs } = this.film;
    group.style.display = on && lungs ? "" : "none";
    this.parts.lungs.textContent = (on && lungs?.said) || "";
    if (!on || !lungs) return;
    if (this.outlined !== lungs) {
      this.outlined = lungs;
      group.replaceChildren(...lungLines(lungs));
    }
    placeLines(group, placement);
  }
}

// Lines in the film's coordinates are moved with it.
function placeLines(group, { a, b, c, d, e, f }) {
  const matrix = [a, b, c, d, e, f].map((part) => part / devicePixelRatio);
  group.setAttribute("transform", `matrix(${matrix.join(" ")})`);
}
