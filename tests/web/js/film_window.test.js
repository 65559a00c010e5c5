import assert from "node:assert/strict";
import { test } from "node:test";

import { Levels } from "../../../cxr/web/static/film_load.js";
import { FilmWindow, PRESETS } from "../../../cxr/web/static/film_window.js";

const ramp = new Levels(
  Uint16Array.from({ length: 101 * 101 }, (_, i) => Math.floor(i / 101) * 655),
  101,
  101,
);

test("at first the whole range is shown", () => {
  const window = new FilmWindow(4095);
  assert.deepEqual(window.figures, [4095, 2047.5]);
  assert.deepEqual(window.line(4095, false), [-0, 1 / 4095]);
});

test("a level at the lower end is black, one at the upper end white", () => {
  const window = new FilmWindow(255);
  window.set(100, 150);
  for (const [level, grey] of [
    [100, 0],
    [150, 0.5],
    [200, 1],
  ]) {
    const [offset, factor] = window.line(255, false);
    assert.ok(Math.abs(offset + factor * level - grey) < 1e-9);
    const [inverse, down] = window.line(255, true);
    assert.ok(Math.abs(inverse + down * level - (1 - grey)) < 1e-9);
  }
});

test("a film sent in 16 bits keeps its own levels", () => {
  const window = new FilmWindow(4095);
  window.set(1000, 2000);
  const [offset, factor] = window.line(65535, false);
  const sent = (level) => (level / 4095) * 65535;
  assert.ok(Math.abs(offset + factor * sent(1500)) < 1e-9);
  assert.ok(Math.abs(offset + factor * sent(2500) - 1) < 1e-9);
});

test("width and level stay in their range", () => {
  const window = new FilmWindow(255);
  window.set(-5, 900);
  assert.deepEqual(window.figures, [1, 255]);
  window.set(1e6, -3);
  assert.deepEqual(window.figures, [510, 0]);
});

test("dragging to the right widens, upwards brightens", () => {
  const window = new FilmWindow(255);
  const [width, level] = window.figures;
  window.drag(30, 0);
  assert.ok(window.width > width);
  window.drag(0, -30);
  assert.ok(window.level < level);
  assert.equal(window.preset, null);
});

test("a narrow window is dragged in finer steps", () => {
  const moved = [200, 20].map((width) => {
    const window = new FilmWindow(255);
    window.set(width, 127);
    window.drag(10, 0);
    return window.width - width;
  });
  assert.ok(moved[0] > 5 * moved[1]);
});

test("presets go from one percentile to another", () => {
  const window = new FilmWindow(65535);
  PRESETS.forEach(({ shares }, preset) => {
    window.choose(preset, ramp);
    assert.equal(window.preset, preset);
    const [low, high] = shares ? shares.map((share) => share * 65500) : [0, 65535];
    assert.ok(Math.abs(window.low - low) < 700, `${preset}: ${window.low}`);
    assert.ok(Math.abs(window.high - high) < 700, `${preset}: ${window.high}`);
  });
  window.reset();
  assert.deepEqual(window.figures, [65535, 32767.5]);
});

test("a film of one level has a window all the same", () => {
  const window = new FilmWindow(255);
  window.choose(1, new Levels(new Uint8Array(64).fill(9), 8, 8));
  assert.equal(window.width, 1);
});
