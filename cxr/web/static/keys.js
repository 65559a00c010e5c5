// Every key that can be changed, in one table, and what the reader made of it: kept in this browser.

/* eslint-disable no-restricted-globals */

const NAME = "cxr.keys";

// What it is called here, its key at first, and what is said of it. `press`: the button of the page
// that it presses.
const GROUPS = {
  Heatmap: [
    ["overlay", "o", "Show or hide it"],
    ["flash", "h", "Flash it while held"],
    ["scale", "s", "One scale for all maps, or each on its own range"],
    ["method", "n", "By the next method of one pass", ".st-key-next_method button"],
  ],
  Film: [
    ["preset", "w", "Next window preset"],
    ["invert", "i", "Invert"],
    ["rotate", "r", "Turn by 90 degrees"],
    ["flip", "x", "Flip left and right"],
    ["lungs", "l", "Outline of the lungs on or off"],
    ["ruler", "m", "Ruler on or off"],
    ["beside", "c", "Side by side on or off"],
    ["prior", "p", "The patient's earlier film next to it, on or off"],
    ["reset", "0", "Reset"],
  ],
  Regions: [
    ["box", "b", "Draw regions as boxes, on or off"],
    ["ellipse", "e", "Draw regions as ellipses, on or off"],
  ],
  Zoom: [
    ["fit", "f", "Fit the film to the field"],
    ["one", "1", "One pixel on one of the screen"],
  ],
  List: [
    ["next", "j", "Next film of the list"],
    ["previous", "k", "Previous film of the list"],
    ["view", "v", "Next film of the study"],
    ["unread", "u", "Next unread film", ".st-key-next_unread button"],
    ["above", "g", "Next film above its operating point", ".st-key-next_above button"],
  ],
  Call: [
    ["agree", "a", "Agree", "[class*='st-key-agree_'] button"],
    ["disagree", "d", "Disagree", "[class*='st-key-override_'] button"],
    [
      "undo",
      "z",
      "Undo the last call; while regions are drawn, their last change",
      ".st-key-undo_call button",
    ],
    ["finding", "t", "Score and heatmap of the next finding", ".st-key-next_finding button"],
  ],
  Panel: [["help", "?", "This list"]],
};

export const ACTIONS = Object.entries(GROUPS).flatMap(([group, actions]) =>
  actions.map(([id, first, meaning, press]) => ({ id, first, meaning, press, group })),
);
const byId = Object.fromEntries(ACTIONS.map((action) => [action.id, action]));
// Taken by the film that is focused, whatever the reader chose.
const FIXED = { "+": "Zoom", "=": "Zoom", "-": "Zoom", _: "Zoom" };

// Of what was kept, what is still a key of an action, each but once.
export function sensible(kept) {
  const changed = {};
  for (const [id, key] of Object.entries(kept && typeof kept === "object" ? kept : {})) {
    if (!Object.hasOwn(byId, id) || typeof key !== "string" || [...key].length !== 1) continue;
    if (key === " " || key in FIXED) continue;
    changed[id] = key.toLowerCase();
  }
  const keys = ACTIONS.map(({ id, first }) => changed[id] ?? first);
  return new Set(keys).size === keys.length ? changed : {};
}

function read() {
  try {
    return sensible(JSON.parse(localStorage.getItem(NAME)));
  } catch {
    return {}; // a browser that keeps nothing, or something else under this name
  }
}

let changed = read();

function keep(next) {
  changed = next;
  try {
    localStorage.setItem(NAME, JSON.stringify(changed));
  } catch {
    // It holds while the page is open.
  }
}

export const keyOf = (id) => changed[id] ?? byId[id].first;

// The action of a key, or undefined.
export const actionOf = (key) => ACTIONS.find(({ id }) => keyOf(id) === key.toLowerCase());

// Whether an action leads to another film, and is not about the one that is open.
export const leadsOn = (action) => action?.group === "List";

// Give an action another key; says why not, and "" where it has it now.
export function change(id, key) {
  if ([...key].length !== 1 || key === " ") return "Take a letter, a figure or a sign.";
  const wanted = key.toLowerCase();
  const other = actionOf(wanted);
  if (other && other.id !== id) return `${wanted.toUpperCase()} is taken: ${other.meaning}.`;
  if (wanted in FIXED) return `${wanted} is taken: ${FIXED[wanted]}.`;
  const next = { ...changed, [id]: wanted };
  if (wanted === byId[id].first) delete next[id];
  keep(next);
  return "";
}

export const areChanged = () => Object.keys(changed).length > 0;

export const asAtFirst = () => keep({});

// Press the button of the page that an action stands for; whether there is one.
export function press({ press: selector }) {
  const button = [...document.querySelectorAll(selector ?? "none")].find((one) => !one.disabled);
  button?.click();
  return Boolean(button);
}

// Whether somebody types, so that a letter is a letter.
const TYPED_IN =
  "textarea, select, [contenteditable], input:not([type=range]):not([type=radio]):not([type=checkbox])";

export function isTyped(event) {
  const target = event.composedPath()[0];
  if (target instanceof Element && target.matches(TYPED_IN)) return true;
  return event.ctrlKey || event.metaKey || event.altKey;
}
