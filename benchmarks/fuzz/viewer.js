// Damaged answers to the viewer: films whose bytes are too few, too many or anything, heatmaps of
// odd grids, habits and keys of whatever JSON a browser kept. Started by `benchmarks.fuzz.viewer`:
// node viewer.js FIRST COUNT SECONDS. Writes lines of number, kind and what happened.

import { readFileSync } from "node:fs";

import { collimated } from "../../cxr/web/static/film_collimation.js";
import { Heat, LINES } from "../../cxr/web/static/film_heat.js";
import { loadFilm } from "../../cxr/web/static/film_load.js";
import { linePath } from "../../cxr/web/static/film_lungs.js";
import { FilmWindow } from "../../cxr/web/static/film_window.js";
import { sensible as sensibleHabits } from "../../cxr/web/static/habits.js";
import { sensible as sensibleKeys } from "../../cxr/web/static/keys.js";

const [first, count, seconds] = process.argv.slice(2).map(Number);
const SLOW = 5; // seconds
const TOLD_EVERY = 100;

// The same numbers for the same input.
function drawn(seed) {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const below = (random, most) => Math.floor(random() * most);
const oneOf = (random, values) => values[below(random, values.length)];
const odd = [0, 1, -1, 0.5, 1e-12, 1e308, -1e308, 65535, 65536, 2 ** 53];
const number = (random) => (random() < 0.3 ? oneOf(random, odd) : (random() - 0.5) * 10000);

// The film never waits here for a second try.
globalThis.setTimeout = (call) => queueMicrotask(call);

async function film(random) {
  const [width, height] = [1 + below(random, 70), 1 + below(random, 70)];
  const bits = oneOf(random, [8, 16]);
  const tables = Array.from({ length: below(random, 3) }, () => 1 + below(random, 300));
  const levelBytes = width * height * (bits / 8);
  const whole = tables.length
    ? 2 * Math.ceil(levelBytes / 2) + 2 * tables.reduce((one, other) => one + other)
    : levelBytes;
  const [low, high] = [number(random), number(random)].sort((one, other) => one - other);
  const kinds = ["range", "linear", "exact", "sigmoid", ...(tables.length ? ["table"] : [])];
  const windows = Array.from({ length: 1 + below(random, 3) }, () => ({
    kind: oneOf(random, kinds),
    center: number(random),
    width: Math.abs(number(random)),
    name: oneOf(random, ["", "LUNG", "\u0000"]),
    first: below(random, 100),
    top: 4095,
    table: below(random, tables.length || 1),
  }));
  const told = {
    key: `film ${random()}`,
    url: "/media/film",
    width,
    height,
    tables,
    scale: {
      offset: number(random),
      step: number(random),
      padding: random() < 0.5,
      low,
      high,
      unit: oneOf(random, [1, 0.1, 1e-6]),
      bits,
    },
    inverted: random() < 0.5,
    windows,
    own: random() < 0.5,
  };
  globalThis.fetch = async () => {
    if (random() < 0.1) throw new TypeError("fetch failed");
    if (random() < 0.1) return { ok: false };
    const wrong = random() < 0.6 ? 0 : below(random, 2 * whole + 4) - whole - 2;
    const bytes = new Uint8Array(Math.max(0, whole + wrong));
    for (let i = 0; i < bytes.length; i++) bytes[i] = below(random, 256);
    return { ok: true, arrayBuffer: async () => bytes.buffer };
  };
  const levels = await loadFilm(told, new AbortController().signal);
  for (let scale = 4; scale > 0.01; scale /= 3) levels.at(scale);
  levels.level(number(random), number(random));
  const { left, top, right, bottom } = collimated(levels, told.scale.padding);
  if (!(left >= 0 && top >= 0 && left < right && top < bottom)) throw new Error("no field");
  const window = new FilmWindow(told);
  for (let preset = 0; preset < window.presets.length; preset++) {
    window.choose(preset, levels);
    const greys = window.greys(levels, random() < 0.5);
    if (greys.length !== levels.max + 1) throw new Error("no grays");
    window.drag(number(random), number(random));
    if (typeof window.text !== "string") throw new Error("no words");
  }
}

function heatmap(random) {
  const [rows, columns] = [1 + below(random, 12), 1 + below(random, 12)];
  const grid = Array.from({ length: rows }, () =>
    Array.from({ length: columns }, () => (random() < 0.5 ? random() : number(random))),
  );
  const size = { width: 1 + below(random, 90), height: 1 + below(random, 90) };
  const inset = [size.height, size.width].map((side) => below(random, side / 2));
  const heat = new Heat(
    { grid, inset, top: number(random), full: number(random), method: "", caption: "" },
    size,
  );
  heat.value(number(random), number(random));
  const common = random() < 0.5;
  for (const line of LINES) {
    if (typeof heat.contour(line, common) !== "string") throw new Error("no line");
  }
  linePath(
    Array.from({ length: below(random, 9) }, () => number(random)),
    random() < 0.5,
  );
}

function kept(random, depth = 0) {
  const names = [
    "window",
    "zoom",
    "layout",
    "method",
    "blind",
    "rotate",
    "invert",
    "__proto__",
    "",
  ];
  const values = [null, true, 0, "", "one", "q", "Auto: all values", "ä".repeat(99), "constructor"];
  if (depth > 3 || random() < 0.4) return oneOf(random, values);
  const inner = Array.from({ length: below(random, 5) }, () => kept(random, depth + 1));
  if (random() < 0.3) return inner;
  return JSON.parse(
    `{${inner.map((value) => `${JSON.stringify(oneOf(random, names))}:${JSON.stringify(value)}`).join(",")}}`,
  );
}

function habits(random) {
  const found = kept(random);
  for (const sensible of [sensibleHabits, sensibleKeys]) {
    const chosen = sensible(found);
    if (JSON.stringify(sensible(chosen)) !== JSON.stringify(chosen))
      throw new Error("not sensible");
  }
}

const told = new Set();
let slowest = 0,
  last = first;
const until = performance.now() + 1000 * seconds;
for (let at = first; at < first + count && performance.now() < until; at++) {
  if ((at - first) % TOLD_EVERY === 0) process.stdout.write(`${at}\tat\t\n`);
  const random = drawn(at);
  const subject = oneOf(random, [film, film, heatmap, habits]);
  const begun = process.cpuUsage();
  let outcome = subject.name;
  try {
    await subject(random);
  } catch (error) {
    outcome =
      error.message === "The film did not arrive"
        ? "did not arrive"
        : `!${error.stack.split("\n").slice(0, 2).join(" ").replace(/\s+/g, " ")}`;
  }
  const { user, system } = process.cpuUsage(begun);
  if (user + system > SLOW * 1e6) outcome = `!slow: more than ${SLOW} s`;
  if (!told.has(outcome)) process.stdout.write(`${at}\toutcome\t${outcome}\n`);
  told.add(outcome);
  slowest = Math.max(slowest, (user + system) / 1e6);
  last = at + 1;
}
// Node's own count of the most memory has that of the process in it which started Node.
const [, most] = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/);
process.stdout.write(`${last}\tend\t${slowest} ${most}\n`);
