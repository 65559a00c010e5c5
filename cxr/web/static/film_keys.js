// The keys of the film, and the panel that lists all keys and lets the reader change them.

import { CHOICES, habits, keepHabit } from "./habits.js";
import { ACTIONS, actionOf, areChanged, asAtFirst, change, isTyped, keyOf } from "./keys.js";

const STEP = 48; // CSS pixels that an arrow key moves the film

const WAYS = {
  arrowleft: [1, 0],
  arrowright: [-1, 0],
  arrowup: [0, 1],
  arrowdown: [0, -1],
};

// What has no key that can be changed.
const ALSO = {
  Regions: [
    ["Drag", "A region, while they are drawn; then say what it is"],
    ["Drag a line", "Size the region that it is of; by finger: a corner, or its middle to move it"],
    ["Enter", "One in the middle, with the film focused"],
    ["Arrows", "Move the last one; with Shift, size it"],
    ["Delete", "Remove the last one"],
  ],
  Zoom: [
    ["+  −", "Zoom, with the film focused"],
    ["Arrows", "Move, with the film focused"],
  ],
  "Mouse and touch": [
    ["Wheel, pinch", "Zoom there"],
    ["Drag", "Move"],
    ["Right-drag", "Window: sideways width, up brighter"],
    ["Shift-drag", "The same"],
    ["Double click", "Fit"],
  ],
  Panel: [["Esc", "Close this list, leave the ruler or the regions"]],
};

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
        if (actionOf(event.key)?.id === "flash") view.flash(false);
      },
      first,
    );
    window.addEventListener("blur", () => view.flash(false), { signal });
    view.find(".help .close").addEventListener("click", () => this.help(false), { signal });
    this.acts = {
      overlay: () => view.toggleOverlay(),
      invert: () => view.invert(),
      rotate: () => view.rotate(),
      flip: () => view.flip(),
      fit: () => view.fit(),
      one: () => view.zoomTo(view.panes[0], 1),
      ruler: () => view.measure(!view.measuring),
      box: () => view.mark("box"),
      ellipse: () => view.mark("ellipse"),
      beside: () => view.toggleBeside(),
      prior: () => view.togglePrior(),
      preset: () => view.nextPreset(),
      scale: () => view.toggleCommon(),
      lungs: () => view.toggleLungs(),
      reset: () => view.reset(),
      help: () => this.help(this.panel.hidden),
    };
    this.changing = null; // the action that waits for another key
    view.find(".help .as-at-first").addEventListener("click", () => this.takeBack(), { signal });
  }

  down(event) {
    if (this.changing) {
      this.take(event);
      return;
    }
    if (isTyped(event)) return;
    const target = event.composedPath()[0];
    const key = event.key.toLowerCase();
    const action = actionOf(key)?.id;
    if (!(
      this.escape(key) ||
      this.hold(action) ||
      this.onRegion(key, action, target, event.shiftKey) ||
      this.onFilm(key, target) ||
      this.act(action, event.repeat)
    )) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  hold(action) {
    if (action !== "flash" || !this.view.canHeat) return false;
    this.view.flash(true);
    return true;
  }

  act(action, repeated) {
    const act = this.acts[action];
    if (act && !repeated) act();
    return Boolean(act);
  }

  // While regions are drawn the keys are those of the last one.
  onRegion(key, action, target, shift) {
    const { view } = this;
    if (!view.drawing) return false;
    if (action === "undo") {
      view.undoRegion();
      return true;
    }
    if (key === "delete" || key === "backspace") return view.removeRegion();
    const pane = view.panes.find(({ canvas }) => canvas === target);
    if (!pane?.placed) return false;
    const way = WAYS[key];
    if (key === "enter") pane.regions.addInTheMiddle(view.drawing);
    return key === "enter" || Boolean(way && pane.regions.nudge(-way[0], -way[1], shift));
  }

  onFilm(key, target) {
    const pane = this.view.panes.find(({ canvas }) => canvas === target);
    if (!pane?.placed) return false;
    const way = WAYS[key];
    const zoom = { "+": 1.25, "=": 1.25, "-": 0.8, _: 0.8 }[key];
    if (way) this.view.move(pane, ...way.map((part) => part * STEP * devicePixelRatio));
    if (zoom) this.view.zoomBy(pane, zoom);
    return Boolean(way || zoom);
  }

  escape(key) {
    if (key !== "escape") return false;
    if (this.view.toolbar.closeMenus()) return true;
    if (!this.panel.hidden) this.help(false);
    else if (this.view.panes.some((pane) => pane.regions.close())) return true;
    else if (this.view.measuring) this.view.measure(false);
    else if (this.view.drawing) this.view.mark(this.view.drawing);
    else return false;
    return true;
  }

  help(open) {
    const { activeElement } = this.view.root.getRootNode();
    this.panel.hidden = !open;
    if (this.changing) this.wait(null);
    this.tell("");
    this.view.toolbar.reflect();
    if (open) {
      this.before = activeElement;
      this.panel.querySelector(".close").focus({ preventScroll: true });
      this.panel.scrollTop = 0;
    } else this.before?.focus({ preventScroll: true });
  }

  // `there`: the actions that the page has besides those of the film. While films are scored the page is
  // drawn anew again and again: a choice that is open in the panel would close.
  show(there) {
    if (there.join() !== this.there?.join()) this.list(there);
  }

  list(there) {
    this.there = there;
    const actions = ACTIONS.filter(
      ({ id }) => id in this.acts || id === "flash" || there.includes(id),
    );
    const titles = [...new Set([...actions.map(({ group }) => group), ...Object.keys(ALSO)])];
    const of = (title) => actions.filter(({ group }) => group === title);
    this.panel
      .querySelector(".keys")
      .replaceChildren(
        ...titles.map((title) => this.group(title, of(title), ALSO[title] ?? [])),
        this.ofHabits(),
      );
    this.panel.querySelector(".as-at-first").hidden = !areChanged();
  }

  group(title, actions, others) {
    const group = titled("dl", title);
    const add = (content, meaning) => {
      const term = document.createElement("dt");
      term.append(content);
      const said = Object.assign(document.createElement("dd"), { textContent: meaning });
      group.append(term, said);
      return term;
    };
    for (const action of actions) {
      const waits = this.changing === action.id;
      const button = Object.assign(document.createElement("button"), {
        type: "button",
        textContent: waits ? "…" : keyOf(action.id).toUpperCase(),
        title: "Change this key",
      });
      button.dataset.action = action.id;
      button.setAttribute("aria-label", `Key ${keyOf(action.id)}: ${action.meaning}. Change it`);
      button.setAttribute("aria-pressed", String(waits));
      button.addEventListener("click", () => this.wait(waits ? null : action));
      add(button, action.meaning).className = "changeable";
    }
    for (const [key, meaning] of others) add(key, meaning);
    return group;
  }

  // What the reader wants every film to be like at first.
  ofHabits() {
    const group = titled("div", "Every film at first");
    group.className = "habits";
    for (const [name, { title, options }] of Object.entries(CHOICES)) {
      const select = document.createElement("select");
      select.append(...options.map(([value, text]) => new Option(text, value)));
      select.value = habits[name] ?? "";
      select.addEventListener("change", () => {
        keepHabit(name, select.value);
        this.tell("Kept in this browser; it holds from the next film on.");
      });
      const label = document.createElement("label");
      label.append(title, select);
      group.append(label);
    }
    const also = "The method of heatmaps, and blind or not, are as they were chosen last.";
    group.append(Object.assign(document.createElement("p"), { textContent: also }));
    return group;
  }

  tell(text) {
    this.panel.querySelector(".told").textContent = text;
  }

  wait(action) {
    this.changing = action?.id ?? null;
    this.tell(action ? `Press the new key for: ${action.meaning}. Esc leaves it.` : "");
    this.list(this.there);
    this.focusOn(action?.id);
  }

  focusOn(id) {
    this.panel.querySelector(`[data-action="${id}"]`)?.focus({ preventScroll: true });
  }

  // The key that was pressed while an action waits for one.
  take(event) {
    if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const id = this.changing;
    const wrong = event.key === "Escape" ? "" : change(id, event.key);
    if (wrong) {
      this.tell(`${wrong} Press another key, or Esc.`);
      return;
    }
    this.wait(null);
    if (event.key !== "Escape") this.tell("Changed, and kept in this browser.");
    this.focusOn(id);
  }

  takeBack() {
    asAtFirst();
    this.wait(null);
    this.tell("The keys are as at first.");
  }
}

function titled(tag, title) {
  const group = document.createElement(tag);
  group.append(
    Object.assign(document.createElement("div"), { textContent: title, className: "title" }),
  );
  return group;
}
