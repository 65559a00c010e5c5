import assert from "node:assert/strict";
import { test } from "node:test";

import { Levels, nextAhead } from "../../../cxr/web/static/film_load.js";

const counted = (width, height) =>
  new Levels(
    Uint8Array.from({ length: width * height }, (_, i) => i % 251),
    width,
    height,
  );

test("at full size the levels are the film's own", () => {
  const levels = counted(100, 70);
  const size = levels.at(1);
  assert.equal(size.step, 1);
  assert.equal(size.data, levels.sizes[0].data);
});

test("each smaller size has half the pixels a side, and the mean of four", () => {
  const levels = counted(101, 70);
  const half = levels.at(0.5);
  assert.deepEqual([half.width, half.height, half.step], [51, 35, 2]);
  const { data } = levels.sizes[0];
  assert.equal(half.data[0], Math.floor((data[0] + data[1] + data[101] + data[102] + 2) / 4));
  // An odd last column stands for itself.
  assert.equal(half.data[50], (data[100] + data[201] + 1) >> 1);
});

test("a size is chosen that is not skipped through, and none is too small", () => {
  const levels = counted(256, 256);
  for (const scale of [0.9, 0.5, 0.3, 0.2, 0.126]) {
    const { step } = levels.at(scale);
    assert.ok(scale * step > 0.7 && scale * step < 1.42, `${scale}: ${step}`);
  }
  assert.ok(levels.at(1e-6).width >= 32);
  assert.equal(levels.at(7).step, 1);
});

test("percentiles count the pixels below", () => {
  const levels = new Levels(
    Uint8Array.from({ length: 1000 }, (_, i) => i / 4),
    100,
    10,
  );
  assert.deepEqual(levels.percentiles([0, 0.5, 1]), [0, 124, 249]);
  assert.equal(levels.max, 255);
  assert.equal(new Levels(new Uint16Array(4), 2, 2).max, 65535);
});

test("percentiles leave padding out, and what is outside of a box", () => {
  const levels = new Levels(
    Uint8Array.from({ length: 100 }, (_, i) => (i % 10 < 5 ? 0 : i % 10)),
    10,
    10,
  );
  assert.deepEqual(levels.percentiles([0, 1], true), [5, 9]);
  const box = { left: 6, top: 0, right: 8, bottom: 10 };
  assert.deepEqual(levels.percentiles([0, 1], false, box), [6, 7]);
});

test("the level under a point, and none outside of the film", () => {
  const levels = counted(100, 70);
  assert.equal(levels.level(3.7, 1.2), 103);
  for (const [x, y] of [
    [-0.1, 0],
    [100, 0],
    [0, 70],
    [NaN, NaN],
  ]) {
    assert.equal(levels.level(x, y), undefined);
  }
});

test("films are fetched ahead one after the other, and one under way to its end", () => {
  const films = ["prior", "older", "oldest"].map((key) => ({ key }));
  const [underWay, fetched] = [new Map(), new Set()];
  assert.equal(nextAhead(films, underWay, fetched), films[0]);
  // As the film's fetching begins; a page that is drawn anew meanwhile does not end it.
  underWay.set("prior", null);
  fetched.add("prior");
  assert.equal(nextAhead(films, underWay, fetched), films[0]);
  underWay.clear();
  assert.equal(nextAhead(films, underWay, fetched), films[1]);
  for (const { key } of films) fetched.add(key);
  assert.equal(nextAhead(films, underWay, fetched), undefined);
});
