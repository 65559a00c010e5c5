import assert from "node:assert/strict";
import { test } from "node:test";

import { Levels } from "../../../cxr/web/static/film_load.js";
import { FilmWindow, presetsOf } from "../../../cxr/web/static/film_window.js";

const range = (low, high) => ({
  kind: "range",
  center: (low + high) / 2,
  width: high - low,
  name: "",
});

// A film without windows of its own, of levels 0 to `top`, sent in 8 or 16 bits.
const plain = (top) => ({
  scale: {
    offset: 0,
    step: top / (top <= 255 ? 255 : 65535),
    padding: false,
    low: 0,
    high: top,
    unit: 1,
  },
  inverted: false,
  windows: [range(0, top)],
  own: false,
});

// A film with the values 0 to 4095 and these windows.
const valued = (windows, scale = {}, inverted = false) => ({
  scale: { offset: 0, step: 1, padding: false, low: 0, high: 4095, unit: 1, ...scale },
  inverted,
  windows,
  own: true,
});

const ramp = new Levels(
  Uint16Array.from({ length: 101 * 101 }, (_, i) => Math.floor(i / 101) * 655),
  101,
  101,
);
const every = (max, tables) =>
  new Levels(new (max === 255 ? Uint8Array : Uint16Array)(4), 2, 2, tables);

test("at first the whole range is shown of a film without windows", () => {
  const window = new FilmWindow(plain(4095));
  assert.deepEqual(window.figures, [4095, 2047.5]);
  const greys = window.greys(every(65535), false);
  assert.deepEqual([greys[0], greys[65535]], [0, 255]);
  assert.match(window.text, /^WW 4095 {2}WL 204[78] {2}of 0 to 4095$/);
});

test("a value at the lower end is black, one at the upper end white", () => {
  const window = new FilmWindow(plain(255));
  window.set(100, 150);
  const [shown, inverse] = [false, true].map((inverted) => window.greys(every(255), inverted));
  for (const [level, grey] of [
    [100, 0],
    [150, 128],
    [200, 255],
  ]) {
    assert.equal(shown[level], grey);
    assert.equal(inverse[level], 255 - grey);
  }
});

test("a film sent in 16 bits keeps its own levels", () => {
  const window = new FilmWindow(plain(4095));
  window.set(1000, 2000);
  const greys = window.greys(every(65535), false);
  const sent = (level) => Math.round((level / 4095) * 65535);
  assert.equal(greys[sent(1500)], 0);
  assert.equal(greys[sent(2500)], 255);
  assert.equal(window.told(window.value(sent(1500))), "1500");
});

test("a film starts at the first window of its file, and offers all of them by name", () => {
  const film = valued([
    { kind: "linear", center: 2000, width: 400, name: "LUNG" },
    { kind: "sigmoid", center: 900, width: 500, name: "" },
  ]);
  const window = new FilmWindow(film);
  assert.deepEqual(window.figures, [400, 2000]);
  assert.match(window.text, /WW 400 {2}WL 2000 {2}of 0 to 4095 {2}File: LUNG/);
  const names = presetsOf(film).map(({ name }) => name);
  assert.deepEqual(names.slice(0, 4), [
    "File: LUNG",
    "File: window 2",
    "Auto: all values",
    "Auto: inside the collimation",
  ]);
  window.choose(1, ramp);
  assert.deepEqual(window.figures, [500, 900]);
  assert.equal(window.greys(every(65535), false)[900], 128);
});

test("what the window of the file cuts off comes back", () => {
  const window = new FilmWindow(valued([{ kind: "linear", center: 2000, width: 400, name: "" }]));
  const seen = () => new Set(window.greys(every(65535), false).slice(2600, 4096)).size;
  assert.equal(seen(), 1);
  window.set(4095, 2047.5);
  assert.ok(seen() > 80);
  window.reset();
  assert.equal(seen(), 1);
});

test("a linear window is that of the standard, a narrow one a threshold", () => {
  const window = new FilmWindow(valued([{ kind: "linear", center: 41, width: 1, name: "" }]));
  assert.deepEqual([...window.greys(every(65535), false).slice(39, 43)], [0, 0, 255, 255]);
});

test("a table keeps its shape where it is moved or made wider", () => {
  const entries = Uint16Array.from([0, 0, 50, 100, 100]);
  const table = { kind: "table", center: 102, width: 5, name: "", table: 0, first: 100, top: 100 };
  const window = new FilmWindow(valued([table]));
  const levels = every(65535, [entries]);
  assert.deepEqual([...window.greys(levels, false).slice(99, 106)], [0, 0, 0, 128, 255, 255, 255]);
  window.set(5, 202);
  assert.deepEqual([...window.greys(levels, false).slice(200, 205)], [0, 0, 128, 255, 255]);
  window.set(10, 102);
  assert.equal(window.greys(levels, false)[102], 128);
  assert.equal(window.greys(levels, false)[104], 255);
});

test("where small values are bright the sense is turned, and padding stays black", () => {
  const scale = { offset: 4096, step: -1, padding: true };
  const film = valued([{ kind: "exact", center: 2047.5, width: 4095, name: "" }], scale, true);
  const greys = new FilmWindow(film).greys(every(65535), false);
  assert.deepEqual([greys[0], greys[1], greys[4096]], [0, 0, 255]);
  assert.equal(new FilmWindow(film).value(0), null);
  assert.equal(new FilmWindow(film).value(1), 4095);
});

test("width and level stay in their range", () => {
  const window = new FilmWindow(plain(255));
  window.set(-5, 900);
  assert.deepEqual(window.figures, [1, 255]);
  window.set(1e6, -3);
  assert.deepEqual(window.figures, [510, 0]);
});

test("values in small steps have figures with as many digits", () => {
  const scale = { low: 0, high: 1, unit: 0.001, step: 0.001 };
  const window = new FilmWindow(
    valued([{ kind: "exact", center: 0.5, width: 0.25, name: "" }], scale),
  );
  assert.match(window.text, /WW 0.25 {2}WL 0.5 {2}of 0 to 1/);
  window.set(1e-9, 0.1234);
  assert.deepEqual(window.figures, [0.001, 0.1234]);
});

test("dragging to the right widens, upwards brightens", () => {
  const window = new FilmWindow(plain(255));
  const [width, level] = window.figures;
  window.drag(30, 0);
  assert.ok(window.width > width);
  window.drag(0, -30);
  assert.ok(window.level < level);
  assert.equal(window.preset, null);
  const turned = new FilmWindow({ ...plain(255), inverted: true });
  turned.drag(0, -30);
  assert.ok(turned.level > level);
});

test("a narrow window is dragged in finer steps", () => {
  const moved = [200, 20].map((width) => {
    const window = new FilmWindow(plain(255));
    window.set(width, 127);
    window.drag(10, 0);
    return window.width - width;
  });
  assert.ok(moved[0] > 5 * moved[1]);
});

test("presets go from one percentile to another", () => {
  const window = new FilmWindow(plain(65535));
  window.presets.forEach(({ shares, inside }, preset) => {
    if (inside) return;
    window.choose(preset, ramp);
    assert.equal(window.preset, preset);
    const [low, high] = shares ? shares.map((share) => share * 65500) : [0, 65535];
    assert.ok(Math.abs(window.level - window.width / 2 - low) < 700, `${preset}`);
    assert.ok(Math.abs(window.level + window.width / 2 - high) < 700, `${preset}`);
  });
  window.reset();
  assert.deepEqual(window.figures, [65535, 32767.5]);
});

test("a film of one level has a window all the same", () => {
  const window = new FilmWindow(plain(255));
  window.choose(1, new Levels(new Uint8Array(64).fill(9), 8, 8));
  assert.equal(window.width, 1);
});

test("inside the collimation the border does not count, nor does a marker on it", () => {
  const [width, height] = [400, 300];
  const data = new Uint16Array(width * height).fill(4000);
  for (let y = 60; y < 250; y++) {
    for (let x = 80; x < 320; x++) data[y * width + x] = 1000 + ((x * 7 + y * 3) % 500);
  }
  for (let x = 10; x < 30; x++) data[20 * width + x] = 0;
  const levels = new Levels(data, width, height);
  const window = new FilmWindow(valued([range(0, 4095)]));
  const auto = (name) => window.presets.findIndex((preset) => preset.name === `Auto: ${name}`);
  window.choose(auto("inside the collimation"), levels);
  assert.ok(Math.abs(window.width - 500) < 20, `${window.width}`);
  assert.ok(Math.abs(window.level - 1250) < 20, `${window.level}`);
  window.choose(auto("all values"), levels);
  assert.deepEqual(window.figures, [4000, 2000]);
});
