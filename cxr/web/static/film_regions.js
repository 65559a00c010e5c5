// Regions: boxes and ellipses that the reader draws on a film, each with what it is. They go back to
// the server, as shares of the film.

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 4; // CSS pixels on a side; what is smaller was a click
const EDGE = 6; // CSS pixels from a line within which it is taken hold of
const FINGER = 22; // CSS pixels from the middle of a handle within which a finger takes it
const HANDLE = 7; // CSS pixels of a handle's radius, as it is seen
const STEP = 6; // CSS pixels that an arrow key moves or sizes a region
const REST = 700; // ms after which what the keys moved is sent
const LIFTED = 500; // ms in which a click is that of the finger that was lifted
const GAP = 3; // CSS pixels between a region and its words
const CHOICES = [210, 150]; // CSS pixels that the list of choices takes at most
const MOST = 50; // as in cxr/scoring/region.py

// The regions of a film. `list` holds objects that are never changed; one without a label is not
// sent. The server has the last word once it has answered to what was sent last.
export class RegionList {
  constructor() {
    this.list = [];
    this.history = []; // of lists
    this.sent = null; // number of what was sent last and not yet answered
    this.known = []; // what the server was told, or told, last
  }

  // Whether the server has yet to hear of something.
  get changed() {
    return !sameRegions(this.labelled, this.known);
  }

  get labelled() {
    return this.list.filter(({ label }) => label);
  }

  // Put another list in place; with `same` it is one step with the last one.
  change(list, same = false) {
    if (!same) this.history.push(this.list);
    this.list = list;
  }

  undo() {
    if (!this.history.length) return false;
    this.list = this.history.pop();
    return true;
  }

  replace(region, next, same = false) {
    this.change(
      this.list.map((other) => (other === region ? next : other)),
      same,
    );
    return next;
  }

  remove(region) {
    this.change(this.list.filter((other) => other !== region));
  }

  // What the server holds; `taken`: the number of what it last got of this film.
  take({ list, taken }) {
    if (this.sent !== null && this.sent !== taken) return;
    this.sent = null;
    // A page that is drawn anew tells nothing new: what is being drawn or moved meanwhile stays.
    const isKnown = sameRegions(this.known, list);
    this.known = list;
    if (isKnown || sameRegions(this.labelled, list)) return;
    this.list = [...list, ...this.list.filter(({ label }) => !label)];
    this.history = [];
  }
}

const PARTS = ["shape", "label", "finding", "left", "top", "right", "bottom"];

export function sameRegions(one, other) {
  return (
    one.length === other.length &&
    one.every((region, i) => PARTS.every((part) => region[part] === other[i][part]))
  );
}

const within = (share) => Math.min(1, Math.max(0, share));

// The sides of the box between two points of a film of {width, height}, as shares of it.
export function sidesOf([x0, y0], [x1, y1], { width, height }) {
  const [left, right] = [x0, x1].map((x) => within(x / width)).sort((a, b) => a - b);
  const [top, bottom] = [y0, y1].map((y) => within(y / height)).sort((a, b) => a - b);
  return { left, top, right, bottom };
}

// The same box elsewhere: moved, but not out of the film.
export function movedBy({ left, top, right, bottom }, across, down) {
  const x = Math.min(1 - right, Math.max(-left, across));
  const y = Math.min(1 - bottom, Math.max(-top, down));
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

// The box with other sides, one of each pair moved: that which is on the right, or at the bottom, on
// the screen. It keeps the least size.
export function sizedBy(box, across, down, flipped, least) {
  const { left, top, right, bottom } = box;
  return {
    left: flipped[0] ? Math.min(right - least[0], within(left + across)) : left,
    right: flipped[0] ? right : Math.max(left + least[0], within(right + across)),
    top: flipped[1] ? Math.min(bottom - least[1], within(top + down)) : top,
    bottom: flipped[1] ? bottom : Math.max(top + least[1], within(bottom + down)),
  };
}

// Which sides of a region on the screen a pointer takes hold of at (x, y): -1 the left or upper one, 1
// the right or lower one, 0 neither, across and along; null where it is not on the region's line.
export function heldSides(shape, [x0, y0, x1, y1], x, y) {
  if (shape === "ellipse") {
    const [a, b] = [(x1 - x0) / 2, (y1 - y0) / 2];
    const [across, along] = [(x - x0 - a) / a, (y - y0 - b) / b];
    if (Math.abs(Math.hypot(across, along) - 1) * Math.min(a, b) > EDGE) return null;
    // Between two ends of its axes both sides are held.
    return [across, along].map((part) => (Math.abs(part) < 0.4 ? 0 : Math.sign(part)));
  }
  const isAt = (at, end) => Math.abs(at - end) <= EDGE;
  const isWithin = (at, from, to) => at >= from - EDGE && at <= to + EDGE;
  if (!isWithin(x, x0, x1) || !isWithin(y, y0, y1)) return null;
  const sides = [
    [x, x0, x1],
    [y, y0, y1],
  ].map(([at, from, to]) => (isAt(at, to) ? 1 : isAt(at, from) ? -1 : 0));
  return sides.some(Boolean) ? sides : null;
}

// The handles of a region on the screen: its corners, and its middle, by which it is moved.
const handles = ([x0, y0, x1, y1]) => [
  [x0, y0, [-1, -1]],
  [x1, y0, [1, -1]],
  [x0, y1, [-1, 1]],
  [x1, y1, [1, 1]],
  [(x0 + x1) / 2, (y0 + y1) / 2, [0, 0]],
];

// As `heldSides`, for a finger, which meets no line: the sides of the handle next to it, neither side of
// both pairs where that is the middle.
export function heldByFinger(sides, x, y) {
  const away = ([at, along]) => Math.hypot(at - x, along - y);
  const nearest = handles(sides).reduce((one, other) => (away(other) < away(one) ? other : one));
  return away(nearest) <= FINGER ? nearest[2] : null;
}

let number = 0;
const unanswered = new Map(); // by the film's hash, its list

// Note that a film's regions have changed; `send` gets all that the server has not answered to yet.
export function sendRegions(sha256, regions, send) {
  regions.sent = `${Date.now()}-${++number}`;
  regions.known = regions.labelled;
  unanswered.set(sha256, regions);
  for (const [film, list] of unanswered) if (list.sent === null) unanswered.delete(film);
  send(
    Object.fromEntries(
      [...unanswered].map(([film, list]) => [
        film,
        {
          number: list.sent,
          list: list.labelled.map((region) =>
            Object.fromEntries(PARTS.map((part) => [part, region[part]])),
          ),
        },
      ]),
    ),
  );
}

// The regions on one pane.
export class Regions {
  // `view`: what tells the tool, the words of the labels, and takes what was drawn.
  constructor(view, pane) {
    this.view = view;
    this.pane = pane;
    this.group = pane.lines.querySelector(".regions");
    this.items = new Map(); // elements of each region
    this.drawn = null; // what is being drawn
    this.held = null; // the region that is being sized or moved, its sides that are held, and from where
    this.asked = null; // the region whose choices are open
  }

  get regions() {
    return this.pane.state.regions;
  }

  start(x, y, shape, byFinger) {
    this.held = this.heldAt(x, y, byFinger);
    if (this.held) return;
    this.from = this.pane.placed.toFilm(x, y);
    this.drawn = { shape, label: null, finding: this.pane.film.regions?.finding ?? "" };
    this.move(x, y);
  }

  move(x, y) {
    if (this.held) this.drag(x, y);
    if (!this.drawn) return;
    const to = this.pane.placed.toFilm(x, y);
    this.drawn = { ...this.drawn, ...sidesOf(this.from, to, this.pane.film) };
  }

  cancel() {
    this.drawn = null;
    if (this.held?.isMoved) this.regions.undo();
    this.held = null;
  }

  // The region on whose line or, by a finger, on whose handle a place of the canvas lies, the one drawn
  // last first.
  heldAt(x, y, byFinger) {
    const at = [x, y].map((part) => part / devicePixelRatio);
    for (const region of [...this.regions.list].reverse()) {
      const sides = this.onScreen(region);
      const held = byFinger ? heldByFinger(sides, ...at) : heldSides(region.shape, sides, ...at);
      if (held) return { region, first: region, sides, held, from: at, isMoved: false };
    }
    return null;
  }

  // Move the sides that are held, or the whole region, to a place of the canvas; the region keeps a
  // least size, and stays on the film.
  drag(x, y) {
    const { region, isMoved } = this.held;
    const moved = this.held.held.some(Boolean) ? this.sized(x, y) : this.moved(x, y);
    if (moved.left === moved.right || moved.top === moved.bottom) return; // all outside of the film
    const next = this.regions.replace(region, { ...region, ...moved }, isMoved);
    if (this.asked === region) this.asked = next;
    Object.assign(this.held, { region: next, isMoved: true });
  }

  sized(x, y) {
    const { sides, held, from } = this.held;
    const ends = [...sides];
    [x, y].forEach((part, i) => {
      // By as much as the pointer has moved: it is next to what it holds, and nothing jumps.
      const by = part / devicePixelRatio - from[i];
      if (held[i] < 0) ends[i] = Math.min(sides[i] + by, ends[i + 2] - SMALLEST);
      if (held[i] > 0) ends[i + 2] = Math.max(sides[i + 2] + by, ends[i] + SMALLEST);
    });
    const [x0, y0, x1, y1] = ends.map((part) => part * devicePixelRatio);
    const { placed, film } = this.pane;
    return sidesOf(placed.toFilm(x0, y0), placed.toFilm(x1, y1), film);
  }

  moved(x, y) {
    const { from, first } = this.held;
    const { placed, film } = this.pane;
    const before = placed.toFilm(...from.map((part) => part * devicePixelRatio));
    const now = placed.toFilm(x, y);
    return movedBy(first, (now[0] - before[0]) / film.width, (now[1] - before[1]) / film.height);
  }

  // Keep what was drawn and ask what it is; a click draws nothing.
  end() {
    const { drawn, held } = this;
    this.drawn = this.held = null;
    if (held?.isMoved && held.region.label) this.view.keepRegions(this.pane);
    if (drawn && this.isLarge(drawn)) this.add(drawn);
  }

  isLarge(region) {
    const [x0, y0, x1, y1] = this.onScreen(region);
    return Math.min(x1 - x0, y1 - y0) >= SMALLEST;
  }

  add(region) {
    if (this.regions.list.length >= MOST) {
      this.view.say(`A film has at most ${MOST} regions`);
      return;
    }
    this.regions.change([...this.regions.list, region]);
    this.ask(region);
  }

  // A region in the middle of what is seen, for who has no pointer.
  addInTheMiddle(shape) {
    const { width, height } = this.pane.canvas,
      { placed, film } = this.pane;
    const corners = [
      [0.38, 0.38],
      [0.62, 0.62],
    ].map(([x, y]) => placed.toFilm(x * width, y * height));
    const sides = sidesOf(...corners, film);
    if (sides.left === sides.right || sides.top === sides.bottom) return;
    this.add({ shape, label: null, finding: film.regions?.finding ?? "", ...sides });
  }

  // Move the last region by steps of the screen, or move its right and lower side.
  nudge(right, down, sizing) {
    const region = this.regions.list.at(-1);
    if (!region) return false;
    const { placed, film } = this.pane;
    const step = STEP * devicePixelRatio;
    const [x, y] = placed.direction(right * step, down * step);
    const across = x / film.width,
      along = y / film.height;
    let sides = movedBy(region, across, along);
    if (sizing) {
      // Which sides of the film's are on the right and at the bottom of the screen.
      const [ox, oy] = placed.direction(1, 1);
      const least = [1 / film.width, 1 / film.height];
      sides = sizedBy(region, across, along, [ox < 0, oy < 0], least);
    }
    if (this.moving?.state !== this.pane.state) this.settle(); // another film is shown by now
    const next = this.regions.replace(region, { ...region, ...sides }, Boolean(this.moving));
    if (this.asked === region) this.asked = next;
    clearTimeout(this.moving?.timer);
    const { state } = this.pane;
    this.moving = { film, state, region: next, timer: setTimeout(() => this.settle(), REST) };
    this.view.paintSoon();
    return true;
  }

  // Send what the keys have moved, of the film that it was moved on.
  settle() {
    if (!this.moving) return;
    const { film, state, region, timer } = this.moving;
    clearTimeout(timer);
    this.moving = null;
    if (region.label) this.view.keepRegions({ film, state });
  }

  removeLast() {
    const region = this.regions.list.at(-1);
    if (region) this.remove(region);
    return Boolean(region);
  }

  remove(region) {
    if (this.asked === region) this.asked = null;
    this.regions.remove(region);
    this.view.say("Region removed");
    this.view.keepRegions(this.pane);
    this.pane.canvas.focus({ preventScroll: true });
  }

  ask(region) {
    this.asked = region;
    this.view.say("What is it?");
    this.view.paint();
    this.items.get(region)?.choices.querySelector("button").focus({ preventScroll: true });
  }

  // Whether the choices were open.
  close() {
    if (!this.asked) return false;
    this.asked = null;
    this.view.refresh();
    this.pane.canvas.focus({ preventScroll: true });
    return true;
  }

  choose(region, label) {
    this.asked = null;
    const next = this.regions.replace(region, { ...region, label }, !region.label);
    this.view.say(`${next.shape === "box" ? "Box" : "Ellipse"}: ${this.view.wordsOf(next)}`);
    this.view.keepRegions(this.pane);
    this.pane.canvas.focus({ preventScroll: true });
  }

  // Left, top, right and bottom side in CSS pixels of the pane.
  onScreen({ left, top, right, bottom }) {
    const { placed, film } = this.pane;
    const [[x0, y0], [x1, y1]] = [
      [left, top],
      [right, bottom],
    ].map(([x, y]) =>
      placed.toScreen(x * film.width, y * film.height).map((part) => part / devicePixelRatio),
    );
    return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
  }

  paint() {
    const shown = this.drawn ? [...this.regions.list, this.drawn] : this.regions.list;
    for (const [region, item] of this.items) {
      if (shown.includes(region)) continue;
      item.line.remove();
      item.tag.remove();
      this.items.delete(region);
    }
    for (const region of shown) {
      if (!this.items.has(region)) this.items.set(region, this.elements(region));
      this.place(region, this.items.get(region));
    }
  }

  place(region, { line, tag, what, remove, choices }) {
    const sides = this.onScreen(region);
    const [x0, y0, x1, y1] = sides;
    const path = region.shape === "box" ? boxPath(sides) : ellipsePath(sides);
    for (const stroke of line.querySelectorAll(".edge, .line")) stroke.setAttribute("d", path);
    const isHeld = this.view.drawing && region !== this.drawn;
    const knobs = isHeld ? handles(sides).map(([x, y]) => circlePath(x, y)) : [];
    line.querySelector(".handles").setAttribute("d", knobs.join(""));
    line.dataset.label = region.label ?? "";
    const words = region.label ? this.view.wordsOf(region) : "What is it?";
    if (what.textContent !== words) what.textContent = words;
    const number = this.regions.list.indexOf(region) + 1;
    what.setAttribute("aria-label", `Region ${number}: ${words}. Say what it is`);
    remove.setAttribute("aria-label", `Remove region ${number}`);
    const edits = Boolean(this.view.drawing);
    tag.classList.toggle("quiet", !edits);
    what.disabled = !edits;
    remove.hidden = !edits;
    tag.hidden = region === this.drawn;
    choices.hidden = this.asked !== region || !edits;
    if (!choices.hidden) {
      // Only what was seen can have missed something.
      choices.querySelector("[data-needs-map]")?.toggleAttribute("disabled", !this.pane.heat);
    }
    const { clientWidth: wide, clientHeight: tall } = this.pane.root;
    const high = tag.offsetHeight || 24;
    const above = y0 - high - GAP;
    const seen = x1 > 0 && x0 < wide && y1 > 0 && y0 < tall;
    const clamp = (value, most) => Math.max(0, Math.min(value, most));
    const x = seen ? clamp(x0, wide - (tag.offsetWidth || 90)) : x0;
    const y = seen ? clamp(above >= 0 ? above : y1 + GAP, tall - high) : above;
    tag.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    // Where they hide the least of the film: under the region, over its words, or on it.
    const below = y1 + CHOICES[1] < tall;
    choices.classList.toggle("up", !below && y >= CHOICES[1]);
    choices.style.setProperty("--below", `${below ? Math.max(high, y1 - y) + GAP : high + GAP}px`);
    choices.classList.toggle("back", x + CHOICES[0] > wide);
  }

  elements(region) {
    const line = document.createElementNS(SVG, "g");
    for (const name of ["edge", "line", "handles"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      line.append(path);
    }
    this.group.append(line);
    const button = (name, text, act) => {
      const made = Object.assign(document.createElement("button"), {
        type: "button",
        className: name,
        textContent: text,
      });
      onTap(made, act);
      return made;
    };
    const tag = document.createElement("div");
    tag.className = "region";
    const what = button("what", "", () => this.ask(region));
    const remove = button("remove", "×", () => this.remove(region));
    remove.title = "Remove this region";
    const choices = document.createElement("div");
    choices.className = "choices";
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", "What is it?");
    for (const { label, map } of this.view.labels) {
      const words = this.view.wordsOf({ ...region, label });
      const choice = button("choice", words, () => this.choose(region, label));
      if (map) choice.dataset.needsMap = "";
      choices.append(choice);
    }
    choices.addEventListener("keydown", (event) => step(event, choices));
    tag.append(what, remove, choices);
    this.pane.labels.append(tag);
    return { line, tag, what, remove, choices };
  }
}

// When a finger was lifted from a button last: of any, since the click that follows may meet the button
// that lay below.
let lifted = -Infinity;

// Do something when a button is pressed. A finger's press counts when it is lifted: a browser takes the
// first tap after a quick stroke for the end of that stroke, and makes no click of it.
function onTap(button, act) {
  button.addEventListener("pointerup", (event) => {
    if (event.pointerType !== "touch" || button.disabled || !isOver(button, event)) return;
    lifted = event.timeStamp;
    act();
  });
  button.addEventListener("click", (event) => {
    if (event.timeStamp - lifted > LIFTED) act();
  });
}

function isOver(element, { clientX, clientY }) {
  const { left, top, right, bottom } = element.getBoundingClientRect();
  return left <= clientX && clientX <= right && top <= clientY && clientY <= bottom;
}

// Up and down go through the choices.
function step(event, choices) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way) return;
  const all = [...choices.querySelectorAll("button:not(:disabled)")];
  const at = all.indexOf(choices.getRootNode().activeElement);
  all[(at + way + all.length) % all.length].focus();
  event.preventDefault();
}

const boxPath = ([x0, y0, x1, y1]) => `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;

const circlePath = (x, y) =>
  `M${x - HANDLE} ${y}a${HANDLE} ${HANDLE} 0 1 1 ${2 * HANDLE} 0a${HANDLE} ${HANDLE} 0 1 1 ${-2 * HANDLE} 0Z`;

function ellipsePath([x0, y0, x1, y1]) {
  const [a, b] = [(x1 - x0) / 2, (y1 - y0) / 2];
  return `M${x0} ${y0 + b}a${a} ${b} 0 1 1 ${2 * a} 0a${a} ${b} 0 1 1 ${-2 * a} 0Z`;
}
