// The buttons under the film.

import { hanging } from "./film_hanging.js";

// Without a secure connection a browser has no clipboard for scripts, and copies what is selected.
async function copied(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = Object.assign(document.createElement("textarea"), { value: text });
    root.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

const SIDES = ["none", "heatmap", "film", "prior"]; // what can stand next to the film

export class Toolbar {
  constructor(view) {
    this.view = view;
    const { find, overlay } = view,
      { signal } = view.end;
    const on = (name, event, act) => find(name).addEventListener(event, act, { signal });
    const click = (name, act) => on(name, "click", act);

    click(".toggle", () => view.toggleOverlay());
    on(".opacity", "input", (event) => this.set({ opacity: event.target.value / 100 }));
    on(".cut", "input", (event) => this.set({ cut: event.target.value / 100 }));
    on(".map", "change", (event) => this.set({ map: event.target.value }));
    click(".contour", () => this.set({ contour: !overlay.contour }));
    click(".common", () => view.toggleCommon());
    click(".lungs-button", () => view.toggleLungs());

    click(".invert", () => view.invert());
    click(".rotate", () => view.rotate());
    click(".flip", () => view.flip());
    click(".fit", () => view.fit());
    click(".one", () => view.zoomTo(view.panes[0], 1));
    click(".ruler", () => view.measure(!view.measuring));
    click(".clear", () => view.clearRulers());
    click(".box-tool", () => view.mark("box"));
    click(".ellipse-tool", () => view.mark("ellipse"));
    click(".undo", () => view.undoRegion());
    click(".reset", () => view.reset());
    click(".link", () => this.copyLink());
    click(".full", () => view.toggleFull());
    click(".keys-button", () => view.keys.help(find(".help").hidden));
    find(".full").hidden = !document.fullscreenEnabled;
    document.addEventListener("fullscreenchange", () => this.reflect(), { signal });

    this.presets = [];
    on(".width", "input", (event) =>
      view.setWindow(Number(event.target.value), view.state.window.level),
    );
    on(".level", "input", (event) =>
      view.setWindow(view.state.window.width, Number(event.target.value)),
    );
    click(".hanging", () => view.changeHanging());
    this.sides = SIDES.map((what) =>
      this.choice(".sides", "", () => {
        view.putBeside(what);
        this.closeMenus();
      }),
    );

    this.menus = [...view.root.querySelectorAll(".menu")].map((menu) => {
      const [button, panel] = menu.children;
      button.addEventListener("click", () => this.open(panel.hidden ? menu : null), { signal });
      return menu;
    });
    document.addEventListener(
      "pointerdown",
      (event) => {
        if (!this.menus.some((menu) => event.composedPath().includes(menu))) this.closeMenus();
      },
      { signal, capture: true },
    );
  }

  choice(place, name, act) {
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      textContent: name,
    });
    button.addEventListener("click", act);
    this.view.find(place).append(button);
    return button;
  }

  set(change) {
    Object.assign(this.view.overlay, change);
    this.view.refresh();
  }

  async copyLink() {
    const { origin, pathname } = location;
    const isCopied = await copied(`${origin}${pathname}${this.view.data.link}`, this.view.root);
    this.view.tell(isCopied ? "Link copied" : "This browser does not let the link be copied");
  }

  open(wanted) {
    for (const menu of this.menus) {
      const [button, panel] = menu.children;
      panel.hidden = menu !== wanted;
      button.setAttribute("aria-expanded", String(menu === wanted));
    }
  }

  // Whether one was open; the focus goes back to its button.
  closeMenus() {
    const menu = this.menus.find(({ children: [, panel] }) => !panel.hidden);
    if (menu?.contains(this.view.root.getRootNode().activeElement)) menu.firstElementChild.focus();
    this.open(null);
    return Boolean(menu);
  }

  // The windows of a file are its own: the list is made anew where they change.
  reflectPresets({ presets }) {
    const names = presets.map(({ name }) => name);
    if (this.presets.map(({ textContent }) => textContent).join("\n") === names.join("\n")) return;
    this.presets.forEach((button) => button.remove());
    this.presets = names.map((name) =>
      this.choice(".presets", name, () => this.view.choosePreset(name)),
    );
  }

  // Bring every control to what holds now.
  reflect() {
    const { view } = this,
      { find, overlay } = view;
    if (!view.panes.length) return;
    const { state } = view,
      { window } = state;
    const press = (element, pressed) =>
      element.setAttribute("aria-pressed", String(Boolean(pressed)));
    const heated = view.panes.filter((pane) => pane.heat && pane.heated());

    press(find(".toggle"), overlay.on && view.canHeat && !view.mapsAsked);
    find(".toggle").disabled = !view.canHeat || view.mapsAsked;
    for (const name of [".opacity", ".cut", ".contour", ".common", ".map"]) {
      find(name).disabled = !view.hasHeat;
    }
    press(find(".lungs-button"), overlay.lungs && view.hasLungs);
    find(".lungs-button").hidden = !view.hasLungs;
    press(find(".contour"), overlay.contour);
    press(find(".common"), overlay.common);
    find(".opacity").value = Math.round(100 * overlay.opacity);
    find(".cut").value = Math.round(100 * overlay.cut);
    const map = find(".map");
    if (!map.options.length) {
      map.replaceChildren(...Object.keys(view.colours).map((name) => new Option(name)));
    }
    map.value = overlay.map;
    const [first] = heated;
    const methods = [...new Set(heated.map((pane) => pane.heat.method))].join(" and ");
    const empty =
      heated.length && heated.every((pane) => !pane.heat.scale(overlay.common))
        ? " It marks no place."
        : "";
    find(".caption").textContent = !view.hasHeat
      ? view.data.without
      : first
        ? `${methods}.${empty} ${first.heat.caption}`
        : "The film alone. O shows the heatmap, holding H flashes it.";
    view.root.dataset.overlay = first ? "on" : "off";

    find(".link").disabled = !view.data.link;
    press(find(".invert"), state.inverted);
    press(find(".rotate"), state.pose.turns);
    press(find(".flip"), state.pose.flipped);
    press(find(".ruler"), view.measuring);
    press(find(".full"), view.root.matches(":fullscreen"));
    press(find(".keys-button"), !find(".help").hidden);
    find(".clear").disabled = !view.states.some(({ rulers }) => rulers.length);
    view.root.classList.toggle("measuring", view.measuring);
    find(".marking").hidden = !view.canDraw;
    press(find(".box-tool"), view.drawing === "box");
    press(find(".ellipse-tool"), view.drawing === "ellipse");
    find(".undo").disabled = !view.undoable;
    view.root.classList.toggle("drawing", Boolean(view.drawing));

    this.reflectPresets(window);
    this.presets.forEach((button, i) => press(button, window.preset === i));
    const [width, level] = window.figures;
    const { least, most, span, scale } = window;
    const told = (value) => window.told(value);
    Object.assign(find(".width"), {
      min: scale.unit,
      max: 2 * span,
      step: scale.unit,
      value: width,
      ariaValueText: `${told(width)} of the film's values`,
    });
    Object.assign(find(".level"), {
      min: least,
      max: most,
      step: scale.unit,
      value: level,
      ariaValueText: `value ${told(level)}`,
    });
    find(".figures").textContent =
      `WW ${told(width)}, WL ${told(level)}, in the film's own values of ${told(scale.low)} to ${told(scale.high)}`;

    const names = [
      "One film",
      "Film and heatmap",
      view.films[1] &&
        `With ${view.byMethods ? view.films[1].heat.method : view.films[1].film.name}`,
      view.prior && view.prior.film.hung_name,
    ];
    this.sides.forEach((button, i) => {
      button.textContent = names[i] ?? "";
      button.hidden = !names[i];
      button.disabled = i === 1 && !view.films[0].heat;
      press(button, view.panes.length > 1 ? view.beside === SIDES[i] : i === 0);
    });
    find(".hanging").hidden = !view.prior;
    press(find(".hanging"), hanging.right);
    press(find(".compare"), view.panes.length > 1);
  }
}
