// The film viewer. The film's levels come once, the heatmap as a small grid of numbers; from then
// on nothing goes back to the server but the regions that the reader draws.

import { hanging } from "./film_hanging.js";
import { Colours, Heat } from "./film_heat.js";
import { Keys } from "./film_keys.js";
import { keptFilm, loadFilm, nextAhead } from "./film_load.js";
import { besideOf, FilmState, isSame, Pane } from "./film_pane.js";
import { Pointers } from "./film_pointer.js";
import { matchedFrame, View } from "./film_pose.js";
import { Regions, sendRegions } from "./film_regions.js";
import { Rulers } from "./film_rulers.js";
import { Toolbar } from "./film_tools.js";
import { habits } from "./habits.js";
import { isLate, rootIn, stylesheet, template, untilNext } from "./parts.js";

const [markup, style] = await Promise.all([template("film.html"), stylesheet("film.css")]);

export default function (component) {
  const { data, parentElement } = component;
  const root = rootIn(parentElement, style, () => markup.content.firstElementChild.cloneNode(true));
  if (isLate(root, data.made)) return () => {};
  root.view ??= new FilmView(root, data.draw);
  root.view.keep = (regions) => component.setStateValue("regions", regions);
  root.view.show(data);
  return untilNext(root, () => {
    root.view?.close();
    root.view = null;
  });
}

// How the heatmap is drawn outlives a change of film: a reader sets it once.
const overlay = {
  on: false,
  contour: false,
  common: false,
  lungs: false,
  opacity: null,
  cut: null,
  map: null,
};

class FilmView {
  constructor(root, draw) {
    this.root = root;
    this.draw = draw;
    this.overlay = overlay;
    this.view = new View();
    this.panes = [];
    this.beside = habits.layout || "none"; // or "heatmap", "film", "prior"
    this.measuring = false;
    this.drawing = null; // or "box", "ellipse"
    this.flashed = false;
    this.loads = new Map(); // what ends the fetching of a film, by its key
    this.fetched = new Set(); // keys of those that were fetched while the film is open
    this.end = new AbortController();
    this.find = (name) => root.querySelector(name);
    this.template = this.find("template");
    this.toolbar = new Toolbar(this);
    this.keys = new Keys(this);
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.find(".panes"));
  }

  close() {
    this.end.abort();
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
    this.loads.forEach((load) => load.abort());
    this.panes.forEach((pane) => pane.close());
  }

  show(data) {
    const before = this.data;
    this.data = data;
    this.root.style.setProperty("--field", `${data.field}px`);
    this.root.dataset.sha256 = data.films[0].sha256;
    this.colours ??= Object.fromEntries(
      Object.entries(data.colours).map(([name, table]) => [name, new Colours(table)]),
    );
    overlay.opacity ??= data.opacity;
    overlay.cut ??= data.cut;
    overlay.map ??= Object.keys(data.colours)[0];
    this.films = data.films.map((film) => ({
      film,
      heat: film.heatmap && new Heat(film.heatmap, film),
    }));
    this.prior = data.prior && this.priorOf(data);
    if (before?.films[0].sha256 !== data.films[0].sha256) {
      this.view.fit();
      this.hush();
      this.fetched.clear();
      this.atFirst = habits.zoom === "one";
    }
    // Who chooses an earlier film from the list wants to see it.
    if (before && before.priors_chosen !== data.priors_chosen) this.beside = "prior";
    // A film that the page compares with is shown at once; the reader may put it away.
    if (!before || besideOf(before) !== besideOf(data)) {
      if (data.films[1]) this.beside = "film";
      else if (this.beside === "film") this.beside = "none";
    }
    this.keys.show(data.keys);
    for (const film of [...data.films, data.prior]) {
      if (film?.regions) FilmState.of(film).regions.take(film.regions);
    }
    if (!this.canDraw) this.drawing = null;
    this.arrange();
  }

  // The earlier film of the patient, and the current one as it hangs next to it: their maps are on
  // one scale, where the reader wants that.
  priorOf({ prior, current, films: [film] }) {
    const { heatmap } = film;
    let [{ heat }] = this.films;
    if (heat && prior.heatmap) {
      const { top } = prior.heatmap;
      heat = new Heat({ ...heatmap, top, full: (heatmap.full / heatmap.top) * top }, film);
    }
    return {
      film: prior,
      heat: prior.heatmap && new Heat(prior.heatmap, prior),
      ownHeat: heat,
      frame: matchedFrame(film, prior, current.lungs_box, prior.lungs_box),
    };
  }

  // What is shown, from left to right, and when each has its heatmap.
  slots() {
    const [one, other] = this.films;
    if (this.hung) {
      const { current } = this.data;
      const heated = () => overlay.on !== this.flashed;
      if (!this.prior) {
        return [{ ...one, title: current.hung_name, scores: current.scores, heated }];
      }
      const { film, heat, frame } = this.prior;
      return [
        {
          ...one,
          heat: this.prior.ownHeat,
          title: current.hung_name,
          scores: current.scores,
          heated,
        },
        { film, heat, title: film.hung_name, scores: film.scores, frame, heated },
      ];
    }
    if (this.beside === "film" && other) {
      // Whoever puts methods side by side has asked for their maps; H shows the film alone.
      if (this.byMethods) {
        return [one, other].map((slot) => ({
          ...slot,
          title: slot.heat.method,
          heated: () => !this.flashed,
        }));
      }
      const named = ({ film, heat }) =>
        heat && one.heat && heat.method !== one.heat.method
          ? `${film.name} · ${heat.method}`
          : film.name;
      return [one, other].map((slot) => ({
        ...slot,
        title: named(slot),
        heated: () => overlay.on !== this.flashed,
      }));
    }
    if (this.beside === "heatmap" && one.heat) {
      return [
        { ...one, title: "Film", heated: () => this.flashed },
        { ...one, title: "Film and heatmap", heated: () => true },
      ];
    }
    return [{ ...one, title: "", heated: () => overlay.on !== this.flashed }];
  }

  arrange() {
    const slots = this.slots();
    while (this.panes.length > slots.length) this.panes.pop().close();
    while (this.panes.length < slots.length) this.addPane();
    const { classList } = this.find(".panes");
    classList.toggle("reversed", Boolean(this.hung && hanging.right));
    classList.toggle("awaiting", Boolean(this.hung && !this.prior));
    slots.forEach(({ film, heat, title, heated, scores = "", frame = null }, i) => {
      const pane = this.panes[i],
        known = pane.film;
      pane.heated = heated;
      pane.frame = frame;
      pane.parts.scores.textContent = scores;
      if (known?.key === film.key) {
        pane.update(film, heat, title);
      } else pane.show(film, heat, title);
    });
    this.load();
    this.resize();
    this.refresh();
  }

  addPane() {
    const pane = new Pane(this.template, this.draw, () => this.paintSoon());
    pane.rulers = new Rulers(pane, () => this.refresh());
    pane.regions = new Regions(this, pane);
    pane.pointers = new Pointers(this, pane);
    this.find(".panes").append(pane.root);
    this.panes.push(pane);
  }

  load() {
    const wanted = new Set();
    for (const pane of this.panes) {
      if (pane.levels) continue;
      const levels = keptFilm(pane.film);
      if (levels) pane.take(levels);
      else wanted.add(pane.film);
    }
    const ahead = wanted.size ? null : this.ahead;
    const ids = new Set([...wanted, ...(ahead ? [ahead] : [])].map((film) => film.key));
    for (const [id, load] of this.loads) {
      if (!ids.has(id)) {
        load.abort();
        this.loads.delete(id);
        this.fetched.delete(id);
      }
    }
    for (const film of [...wanted, ...(ahead ? [ahead] : [])]) {
      if (!this.loads.has(film.key)) this.fetch(film);
    }
    // A moment's word stays for its moment, though the page is drawn anew meanwhile.
    if (this.tells && !wanted.size) return;
    this.hush();
    if (wanted.size) this.waiting = setTimeout(() => this.notice("Fetching the film"), 400);
  }

  // Once what is to be seen is there, the earlier film comes, so that its key shows it at once, and
  // then those that the reader may choose instead: each once, as there may be room for some alone.
  get ahead() {
    const films = [...(this.prior ? [this.prior.film] : []), ...this.data.ahead];
    return nextAhead(films, this.loads, this.fetched);
  }

  async fetch(film) {
    const load = new AbortController();
    this.loads.set(film.key, load);
    this.fetched.add(film.key);
    try {
      await loadFilm(film, load.signal);
    } catch {
      if (load.signal.aborted) return;
      this.loads.delete(film.key);
      if (!this.panes.some((pane) => pane.film.key === film.key)) return; // ahead of its time
      this.hush();
      this.notice("The film could not be fetched. Reload the page.");
      return;
    }
    this.loads.delete(film.key);
    this.load();
    this.toolbar.reflect();
    this.paint(); // at once: before the next frame the browser may build much else of the page
  }

  notice(text) {
    const notice = this.find(".notice");
    notice.textContent = text;
    notice.hidden = !text;
  }

  hush() {
    clearTimeout(this.waiting);
    this.tells = false;
    this.notice("");
  }

  // Read out by screen readers, once the value rests.
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      this.find(".said").textContent = text;
    }, 350);
  }

  // What the reader does.

  get states() {
    return [...new Set(this.panes.map((pane) => pane.state))];
  }
  get state() {
    return this.panes[0].state;
  }
  get hasHeat() {
    return this.panes.some((pane) => pane.heat);
  }

  // Whether anybody looked for lungs.
  get hasLungs() {
    return this.panes.some(({ film }) => film.lungs);
  }

  // Whether the reader may ask for a map: it is there, or on its way and shown once it comes.
  get canHeat() {
    return this.hasHeat || this.data.coming;
  }

  // Whether the page compares the film with itself, by another method.
  get byMethods() {
    const [one, other] = this.films;
    return Boolean(other?.heat && one.heat && isSame(one.film, other.film));
  }

  // Whether an earlier film hangs next to the film, or has its place there and comes.
  get hung() {
    return this.beside === "prior" && this.data.current;
  }

  // Whether the maps are shown whatever the reader says of the overlay.
  get mapsAsked() {
    return this.beside === "heatmap" || (this.beside === "film" && this.byMethods);
  }

  change(act, said) {
    this.states.forEach(act);
    if (said) this.say(said);
    this.refresh();
  }

  toggleOverlay() {
    if (!this.canHeat || this.mapsAsked) return;
    overlay.on = !overlay.on;
    this.refresh();
  }

  // The outline of the lungs, or why there is none.
  toggleLungs() {
    if (!this.hasLungs) return;
    overlay.lungs = !overlay.lungs;
    const said = this.panes.map(({ film }) => film.lungs?.said).filter(Boolean);
    this.say(overlay.lungs ? ["Lungs", ...new Set(said)].join(". ") : "No outline of the lungs");
    this.refresh();
  }

  // Every map on its own range, or all on one scale.
  toggleCommon() {
    if (!this.hasHeat) return;
    overlay.common = !overlay.common;
    this.say(
      overlay.common
        ? "One scale for all maps, in times the mean of each"
        : "Each map on its own range",
    );
    this.refresh();
  }

  flash(on) {
    if (this.flashed === on) return;
    this.flashed = on;
    this.refresh();
  }

  invert() {
    this.change(
      (state) => {
        state.inverted = !state.inverted;
      },
      this.state.inverted ? "Not inverted" : "Inverted",
    );
  }
  rotate() {
    this.change((state) => state.pose.rotate(), "Turned by 90 degrees");
  }
  flip() {
    this.change((state) => state.pose.flip(), "Left and right have changed places");
  }

  fit() {
    this.view.fit();
    this.paintSoon();
  }
  zoomTo(pane, scale, x, y) {
    if (!pane.placed) return;
    this.view.zoomTo(pane.placement(this.view), scale, x, y);
    this.paintSoon();
  }

  zoomBy(pane, factor, x, y) {
    this.zoomTo(pane, pane.placement(this.view).scale * factor, x, y);
  }
  move(pane, right, down) {
    this.view.pan(pane.placement(this.view), right, down);
    this.paintSoon();
  }

  sayWindow() {
    const [width, level] = this.state.window.figures;
    this.say(`Window width ${width}, level ${level}`);
    this.refresh();
  }

  dragWindow(pane, right, down) {
    pane.state.window.drag(right, down);
    this.sayWindow();
  }
  setWindow(width, level) {
    this.state.window.set(width, level);
    this.sayWindow();
  }

  // By its name: the windows of a file are its own.
  choosePreset(name) {
    for (const { state, levels } of this.panes) {
      const preset = state.window.presets.findIndex((other) => other.name === name);
      if (levels && preset >= 0) state.window.choose(preset, levels);
    }
    this.sayWindow();
  }

  nextPreset() {
    const { presets, preset } = this.state.window;
    this.choosePreset(presets[((preset ?? -1) + 1) % presets.length].name);
  }

  measure(on) {
    this.measuring = on;
    this.drawing = null;
    this.refresh();
  }

  // Regions.

  get canDraw() {
    return Boolean(this.data.labels.length && this.data.films[0].regions);
  }
  get labels() {
    return this.data.labels;
  }

  // What the reader said of a region, in words.
  wordsOf({ label, finding }) {
    const { words } = this.labels.find((known) => known.label === label);
    if (label !== "finding" || !finding) return words;
    return finding.charAt(0).toUpperCase() + finding.slice(1);
  }

  // Take a tool, or put it away.
  mark(shape) {
    if (!this.canDraw) return;
    this.drawing = this.drawing === shape ? null : shape;
    this.measuring = false;
    if (!this.drawing) for (const { regions } of this.panes) regions.asked = null;
    this.say(
      this.drawing ? `Draw ${this.drawing === "box" ? "boxes" : "ellipses"}` : "Not drawing",
    );
    this.refresh();
  }

  // The pane whose regions were changed last, of those that are shown.
  get drawnOn() {
    return this.panes.find(({ state }) => state.regions === this.lastDrawn) ?? this.panes[0];
  }
  get undoable() {
    return Boolean(this.drawnOn?.state.regions.history.length);
  }

  // Tell the server what is on a film now.
  keepRegions(pane) {
    const { regions } = pane.state;
    this.lastDrawn = regions;
    if (regions.changed) sendRegions(pane.film.sha256, regions, this.keep);
    this.refresh();
  }

  undoRegion() {
    const pane = this.drawnOn;
    if (!this.canDraw || !pane.state.regions.undo()) return;
    pane.regions.asked = null;
    this.say("Undone");
    this.keepRegions(pane);
  }

  removeRegion() {
    return this.drawnOn.regions.removeLast();
  }
  clearRulers() {
    this.change((state) => {
      state.rulers.length = 0;
    }, "No rulers");
  }

  putBeside(what) {
    this.beside = what;
    this.arrange();
  }

  // The earlier film of the patient; where there is none, a moment's word says so.
  togglePrior() {
    this.putBeside(this.beside === "prior" ? "none" : "prior");
    if (this.beside === "none" || this.prior) return;
    if (!this.data.current) this.tell(this.data.prior_said);
    else this.say(this.data.prior_said); // it has its place, and comes
  }

  // A moment's word over the film.
  tell(text) {
    this.say(text);
    this.hush();
    this.notice(text);
    this.tells = true;
    this.waiting = setTimeout(() => this.hush(), 2500);
  }

  changeHanging() {
    hanging.change();
    this.say(hanging.right ? "Current film on the right" : "Current film on the left");
    this.arrange();
  }

  toggleBeside() {
    const [one, other] = this.films;
    const possible = other ? "film" : one.heat ? "heatmap" : "none";
    this.putBeside(this.panes.length > 1 ? "none" : possible);
  }

  reset() {
    this.view.fit();
    this.measuring = false;
    this.drawing = null;
    for (const { state, levels } of this.panes) state.reset(levels);
    this.say("Reset");
    this.refresh();
  }

  toggleFull() {
    if (this.root.matches(":fullscreen")) document.exitFullscreen();
    else this.root.requestFullscreen();
  }

  // Drawing.

  refresh() {
    this.toolbar.reflect();
    this.paintSoon();
  }

  resize() {
    const first = this.panes[0]?.placed?.scale;
    this.panes.forEach((pane) => pane.resize());
    // Zoomed in, a pixel of the film stays as large as it was.
    if (first && !this.view.fitted) this.view.zoom = first / this.panes[0].placement(this.view).fit;
    this.paint();
  }

  paintSoon() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    for (const pane of this.panes) {
      pane.paint(this.view, {
        ...overlay,
        shown: pane.heated(),
        colours: this.colours[overlay.map],
      });
      if (!pane.placed) continue;
      pane.rulers.paint(pane.placed);
      pane.regions.paint();
    }
    if (this.atFirst && this.panes[0]?.placed) {
      this.atFirst = false;
      this.zoomTo(this.panes[0], 1);
    }
    const { dataset } = this.root,
      first = this.panes[0];
    if (!first?.levels) {
      delete dataset.painted;
      return;
    }
    const { window, pose, inverted } = first.state;
    dataset.painted = first.film.sha256;
    dataset.window = window.figures.join(",");
    dataset.inverted = inverted;
    dataset.rotation = 90 * pose.turns;
    dataset.flipped = pose.flipped;
    dataset.drawing = this.drawing ?? "";
    dataset.regions = first.state.regions.labelled.length;
    dataset.lungs = overlay.lungs && this.hasLungs ? "on" : "off";
    dataset.prior = this.hung && this.panes[1]?.levels ? this.panes[1].film.sha256 : "";
  }
}
