// Keys, and the panel that lists them.

const STEP = 48; // CSS pixels that an arrow key moves the film
const TYPED_IN =
  "textarea, select, [contenteditable], input:not([type=range]):not([type=radio]):not([type=checkbox])";

const LISTED = [
  [
    "Heatmap",
    [
      ["O", "Show or hide it"],
      ["H", "Flash it while held"],
      ["S", "One scale for all maps, or each on its own range"],
    ],
  ],
  [
    "Film",
    [
      ["W", "Next window preset"],
      ["I", "Invert"],
      ["R", "Turn by 90 degrees"],
      ["X", "Flip left and right"],
      ["L", "Outline of the lungs on or off"],
      ["M", "Ruler on or off"],
      ["C", "Side by side on or off"],
      ["P", "The patient's earlier film next to it, on or off"],
      ["0", "Reset"],
    ],
  ],
  [
    "Zoom",
    [
      ["F", "Fit the film to the field"],
      ["1", "One pixel on one of the screen"],
      ["+  −", "Zoom, with the film focused"],
      ["Arrows", "Move, with the film focused"],
    ],
  ],
  [
    "Mouse and touch",
    [
      ["Wheel, pinch", "Zoom there"],
      ["Drag", "Move"],
      ["Right-drag", "Window: sideways width, up brighter"],
      ["Shift-drag", "The same"],
      ["Double click", "Fit"],
    ],
  ],
];
const OF_THE_PAGE = [["J  K", "Next and previous film of the list"]];
const OF_THE_PANEL = [
  ["?", "This list"],
  ["Esc", "Close this list, leave the ruler"],
];

export class Keys {
  constructor(view) {
    this.view = view;
    this.panel = view.find(".help");
    const { signal } = view.end;
    // Before Streamlit, which would take R for a new run of the script.
    const first = { signal, capture: true };
    document.addEventListener("keydown", (event) => this.down(event), first);
    document.addEventListener(
      "keyup",
      (event) => {
        if (event.key.toLowerCase() === "h") view.flash(false);
      },
      first,
    );
    window.addEventListener("blur", () => view.flash(false), { signal });
    view.find(".help .close").addEventListener("click", () => this.help(false), { signal });
    this.acts = {
      o: () => view.toggleOverlay(),
      i: () => view.invert(),
      r: () => view.rotate(),
      x: () => view.flip(),
      f: () => view.fit(),
      1: () => view.zoomTo(view.panes[0], 1),
      m: () => view.measure(!view.measuring),
      c: () => view.toggleBeside(),
      p: () => view.togglePrior(),
      w: () => view.nextPreset(),
      s: () => view.toggleCommon(),
      l: () => view.toggleLungs(),
      0: () => view.reset(),
      "?": () => this.help(this.panel.hidden),
    };
  }

  down(event) {
    const target = event.composedPath()[0];
    if (target instanceof Element && target.matches(TYPED_IN)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (!(
      this.escape(key) ||
      this.hold(key) ||
      this.onFilm(key, target) ||
      this.act(key, event.repeat)
    )) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  hold(key) {
    if (key !== "h" || !this.view.canHeat) return false;
    this.view.flash(true);
    return true;
  }

  act(key, repeated) {
    const act = Object.hasOwn(this.acts, key) ? this.acts[key] : null;
    if (act && !repeated) act();
    return Boolean(act);
  }

  onFilm(key, target) {
    const pane = this.view.panes.find(({ canvas }) => canvas === target);
    if (!pane?.placed) return false;
    const way = { arrowleft: [1, 0], arrowright: [-1, 0], arrowup: [0, 1], arrowdown: [0, -1] }[
      key
    ];
    const zoom = { "+": 1.25, "=": 1.25, "-": 0.8, _: 0.8 }[key];
    if (way) this.view.move(pane, ...way.map((part) => part * STEP * devicePixelRatio));
    if (zoom) this.view.zoomBy(pane, zoom);
    return Boolean(way || zoom);
  }

  escape(key) {
    if (key !== "escape") return false;
    if (this.view.toolbar.closeMenus()) return true;
    if (!this.panel.hidden) this.help(false);
    else if (this.view.measuring) this.view.measure(false);
    else return false;
    return true;
  }

  help(open) {
    const { activeElement } = this.view.root.getRootNode();
    this.panel.hidden = !open;
    this.view.toolbar.reflect();
    if (open) {
      this.before = activeElement;
      this.panel.querySelector(".close").focus({ preventScroll: true });
      this.panel.scrollTop = 0;
    } else this.before?.focus({ preventScroll: true });
  }

  // `extra`: pairs of key and meaning that the page adds.
  list(extra) {
    const groups = [...LISTED, ["Elsewhere", [...OF_THE_PAGE, ...extra, ...OF_THE_PANEL]]];
    this.panel.querySelector(".keys").replaceChildren(
      ...groups.map(([title, entries]) => {
        const group = document.createElement("dl");
        const add = (tag, text) =>
          group.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
        group.append(
          Object.assign(document.createElement("div"), { textContent: title, className: "title" }),
        );
        for (const [key, meaning] of entries) {
          add("dt", key);
          add("dd", meaning);
        }
        return group;
      }),
    );
  }
}
