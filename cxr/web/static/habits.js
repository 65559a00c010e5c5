// How a reader wants every film at first: kept in this browser. It says nothing of any film.

/* eslint-disable no-restricted-globals */

const NAME = "cxr.habits";

// What can be chosen, the first where nothing was. A window by its name: those of a file are its own.
export const CHOICES = {
  window: {
    title: "Window",
    options: [
      ["", "As the file says"],
      ["Auto: all values", "All values"],
      ["Auto: inside the collimation", "Inside the collimation"],
      ["1st to 99th percentile", "1st to 99th percentile"],
      ["Lungs: darker levels", "Lungs"],
      ["Bones, mediastinum: brighter levels", "Bones, mediastinum"],
    ],
  },
  zoom: {
    title: "Zoom",
    options: [
      ["", "The whole film"],
      ["one", "One pixel on one of the screen"],
    ],
  },
  layout: {
    title: "Next to it",
    options: [
      ["", "Nothing"],
      ["heatmap", "Its heatmap"],
      ["prior", "The patient's earlier film"],
    ],
  },
};

// Of what was kept, what can be chosen; `method` and `blind` are the page's, which says what it has.
export function sensible(kept) {
  const habits = {};
  if (!kept || typeof kept !== "object") return habits;
  for (const [name, { options }] of Object.entries(CHOICES)) {
    if (options.some(([value]) => value && value === kept[name])) habits[name] = kept[name];
  }
  if (typeof kept.method === "string") habits.method = kept.method.slice(0, 40);
  if (typeof kept.blind === "boolean") habits.blind = kept.blind;
  return habits;
}

function read() {
  try {
    return sensible(JSON.parse(localStorage.getItem(NAME)));
  } catch {
    return {}; // a browser that keeps nothing, or something else under this name
  }
}

export const habits = read();

export function keepHabit(name, value) {
  habits[name] = value;
  try {
    localStorage.setItem(NAME, JSON.stringify(sensible(habits)));
  } catch {
    // It holds while the page is open.
  }
}
