import assert from "node:assert/strict";
import { test } from "node:test";

import { CanvasPainter } from "../../../cxr/web/static/film_cpu.js";
import { Colours, Heat } from "../../../cxr/web/static/film_heat.js";
import { Levels } from "../../../cxr/web/static/film_load.js";
import { Placement, Pose, View } from "../../../cxr/web/static/film_pose.js";

const film = { width: 60, height: 40 };
const heat = (grid, inset = [0, 0], given = {}) =>
  new Heat({ grid, inset, top: 4, full: 2, method: "", caption: "", ...given }, film);
const colours = new Colours(
  btoa(String.fromCharCode(...Array.from({ length: 256 }, (_, i) => [i, 255 - i, i >> 1]).flat())),
);

test("the outermost nodes lie on the outermost pixels within the margin", () => {
  const map = heat(
    [
      [1, 2],
      [3, 5],
    ],
    [4, 6],
  );
  assert.deepEqual(map.inside, { left: 6, top: 4, width: 48, height: 32 });
  assert.equal(map.value(6.5, 4.5), 1);
  assert.equal(map.value(53.5, 4.5), 2);
  assert.equal(map.value(6.5, 35.5), 3);
  assert.equal(map.value(53.5, 35.5), 5);
  assert.ok(Math.abs(map.value(30, 20) - 11 / 4) < 1e-9);
});

test("a map's own scale goes from its least to its most over the pixels", () => {
  const map = heat([
    [0, 8, 0],
    [0, 8, 0],
  ]);
  // Between two pixels the node in the middle has none of its own.
  assert.ok(map.high < 8 && map.high > 7.7);
  assert.equal(map.low, 0);
  const { low, range } = map.scale(false);
  assert.ok(Math.abs((map.high - low) / range - 1) < 1e-6);
});

test("a map without a range is not stretched, and an empty one has no common scale", () => {
  assert.equal(heat([[3, 3]]).scale(false), null);
  assert.deepEqual(heat([[3, 3]]).scale(true), { low: 0, range: 2 });
  assert.equal(heat([[0, 0]], [0, 0], { full: 0 }).scale(true), null);
});

test("a contour runs where the map has its value", () => {
  const map = heat([[0, 1]]);
  const path = map.contour(0.5, false);
  const xs = [...path.matchAll(/[ML]([\d.]+) /g)].map((found) => Number(found[1]));
  assert.ok(xs.length > 20);
  xs.forEach((x) => assert.ok(Math.abs(x - 30) < 1, x));
  assert.equal(heat([[1, 1]]).contour(0.5, false), "");
});

test("colours come from the table, and edges set them off", () => {
  assert.equal(colours.css(0), "rgb(0,255,0)");
  assert.equal(colours.css(1), "rgb(255,0,127)");
  assert.equal(colours.edge(0), "#000");
  assert.match(colours.gradient, /^linear-gradient\(rgb\(255,0,127\).*rgb\(0,255,0\)\)$/);
});

function painted(map, overlay) {
  const canvas = { ...film, getContext: () => context };
  const context = {
    createImageData: (width, height) => ({
      width,
      height,
      data: new Uint8ClampedArray(4 * width * height),
    }),
    putImageData: (image) => (context.image = image),
  };
  const painter = new CanvasPainter(canvas);
  painter.take(new Levels(new Uint8Array(film.width * film.height).fill(100), 60, 40));
  painter.paint({
    placement: new Placement(new View(), new Pose(), film, canvas),
    greys: Uint8Array.from({ length: 256 }, (_, level) => level),
    heat: { map, colours, common: false, ...overlay },
  });
  return (x, y) => [...context.image.data.slice(4 * (y * 60 + x), 4 * (y * 60 + x) + 3)];
}

test("the heatmap is mixed with the film, and transparent below the cut and on the margin", () => {
  const at = painted(heat([[0, 1]], [0, 10]), { opacity: 0.5, cut: 0.2 });
  assert.deepEqual(at(5, 20), [100, 100, 100]);
  assert.deepEqual(at(11, 20), [100, 100, 100]);
  const [red, green, blue] = at(49, 20);
  assert.deepEqual([red, green], [178, 50]);
  assert.ok(Math.abs(blue - (100 + 127) / 2) <= 1);
  assert.notDeepEqual(at(30, 20), [100, 100, 100]);
});

test("at no opacity the film is alone, at full the heatmap", () => {
  const map = heat([[0, 1]]);
  assert.deepEqual(painted(map, { opacity: 0, cut: 0.2 })(59, 0), [100, 100, 100]);
  assert.deepEqual(painted(map, { opacity: 1, cut: 0.2 })(59, 0), [255, 0, 127]);
});
