// Mouse, pen and fingers on a film.

const LINE = 24; // CSS pixels a line, where a wheel counts in lines

export class Pointers {
  constructor(view, pane) {
    this.view = view;
    this.pane = pane;
    this.held = new Map(); // where each pointer was last
    const on = (event, act) => pane.root.addEventListener(event, act, { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => {
      this.move(event);
      this.hint(event);
      this.pane.probe(...this.pane.place(event));
    });
    on("pointerleave", () => this.pane.probe(-1, NaN));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => {
      if (this.held.has(event.pointerId)) this.pane.regions.cancel();
      this.up(event);
    });
    on("wheel", (event) => this.wheel(event));
    on("dblclick", (event) => {
      if (this.onFilm(event) && !view.measuring && !view.drawing) view.fit();
    });
    on("contextmenu", (event) => event.preventDefault());
  }

  onFilm(event) {
    return event.target === this.pane.canvas && this.pane.placed;
  }

  // The left button moves, measures or draws, the right one or Shift (on a Mac also Control) sets the
  // window; the middle one moves whatever the left one does.
  task(event) {
    if (event.button === 2 || event.shiftKey || event.ctrlKey) return "window";
    if (event.button !== 0) return "move";
    return this.view.measuring ? "measure" : this.view.drawing ? "draw" : "move";
  }

  down(event) {
    if (!this.onFilm(event)) return;
    if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
    this.pane.canvas.setPointerCapture(event.pointerId);
    const place = this.pane.place(event);
    if (!this.held.size) {
      this.doing = this.task(event);
      if (this.doing === "measure") this.pane.rulers.start(...place);
      if (this.doing === "draw") {
        this.pane.regions.start(...place, this.view.drawing, event.pointerType === "touch");
      }
    } else if (this.doing === "measure") {
      // A second finger: the first one was the beginning of a pinch.
      this.pane.rulers.remove(this.pane.rulers.drawn);
      this.pane.rulers.drawn = null;
      this.doing = "move";
    } else if (this.doing === "draw") {
      this.pane.regions.cancel();
      this.doing = "move";
    }
    this.held.set(event.pointerId, place);
    this.pane.root.dataset.doing = this.doing;
  }

  move(event) {
    const before = this.held.get(event.pointerId);
    if (!before) return;
    const now = this.pane.place(event);
    const [right, down] = [now[0] - before[0], now[1] - before[1]];
    if (this.held.size > 1) this.pinch(event.pointerId, before, now);
    else if (this.doing === "measure") {
      this.pane.rulers.move(...now);
      this.view.paintSoon();
    } else if (this.doing === "draw") {
      this.pane.regions.move(...now);
      this.view.paintSoon();
    } else if (this.doing === "window") {
      this.view.dragWindow(this.pane, right / devicePixelRatio, down / devicePixelRatio);
    } else this.view.move(this.pane, right, down);
    this.held.set(event.pointerId, now);
  }

  // Where a press would take hold of a region's side, the pointer says so.
  hint(event) {
    if (this.held.size || event.pointerType === "touch") return;
    const { canvas, regions, placed } = this.pane;
    const isOver = this.view.drawing && placed && event.target === canvas;
    const held = isOver && regions.heldAt(...this.pane.place(event))?.held;
    const [across, along] = held || [0, 0];
    const way = across && along ? (across === along ? "nwse" : "nesw") : across ? "ew" : "ns";
    canvas.style.cursor = held ? `${way}-resize` : "";
  }

  pinch(moved, before, now) {
    const still = [...this.held].find(([id]) => id !== moved)[1];
    const spread = (place) => Math.hypot(place[0] - still[0], place[1] - still[1]) || 1;
    this.view.move(this.pane, (now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.view.zoomBy(
      this.pane,
      spread(now) / spread(before),
      (now[0] + still[0]) / 2,
      (now[1] + still[1]) / 2,
    );
  }

  up(event) {
    if (!this.held.delete(event.pointerId) || this.held.size) return;
    delete this.pane.root.dataset.doing;
    if (this.doing === "draw") {
      this.pane.regions.end();
      this.view.refresh();
    }
    if (this.doing !== "measure") return;
    const length = this.pane.rulers.end();
    if (length) this.view.say(`Length ${length}`);
    this.view.refresh();
  }

  wheel(event) {
    event.preventDefault();
    if (!this.onFilm(event)) return;
    const step = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    this.view.zoomBy(this.pane, Math.exp(-step * 0.0015), ...this.pane.place(event));
  }
}
