import assert from "node:assert/strict";
import { test } from "node:test";

import {
  heldByFinger,
  heldSides,
  movedBy,
  RegionList,
  Regions,
  sameRegions,
  sendRegions,
  sidesOf,
  sizedBy,
} from "../../../cxr/web/static/film_regions.js";

const film = { width: 200, height: 100 };
const region = (label, left = 0.1) => ({
  shape: "box",
  label,
  finding: "pneumonia",
  left,
  top: 0.2,
  right: 0.5,
  bottom: 0.6,
});
const near = (one, other) =>
  Object.keys(other).forEach((side) => assert.ok(Math.abs(one[side] - other[side]) < 1e-9, side));

test("a box lies between two corners, whichever come first, and within the film", () => {
  const sides = { left: 0.1, top: 0.2, right: 0.5, bottom: 0.6 };
  near(sidesOf([20, 20], [100, 60], film), sides);
  near(sidesOf([100, 20], [20, 60], film), sides);
  near(sidesOf([-50, -5], [300, 160], film), { left: 0, top: 0, right: 1, bottom: 1 });
});

test("a box that is moved keeps its size and stays on the film", () => {
  near(movedBy(region("other"), 0.1, -0.1), { left: 0.2, top: 0.1, right: 0.6, bottom: 0.5 });
  near(movedBy(region("other"), 5, 5), { left: 0.6, top: 0.6, right: 1, bottom: 1 });
  near(movedBy(region("other"), -5, -5), { left: 0, top: 0, right: 0.4, bottom: 0.4 });
});

test("a box that is sized has one side of each pair moved, and some size left", () => {
  const least = [0.01, 0.01];
  near(sizedBy(region("other"), 0.1, 0.1, [false, false], least), {
    left: 0.1,
    top: 0.2,
    right: 0.6,
    bottom: 0.7,
  });
  near(sizedBy(region("other"), -0.1, -0.1, [true, true], least), {
    left: 0,
    top: 0.1,
    right: 0.5,
    bottom: 0.6,
  });
  near(sizedBy(region("other"), -9, 9, [false, false], least), {
    left: 0.1,
    top: 0.2,
    right: 0.11,
    bottom: 1,
  });
});

test("what was done can be undone, one step after the other", () => {
  const regions = new RegionList();
  const one = region("other");
  regions.change([one]);
  regions.replace(one, region("finding"));
  assert.equal(regions.list[0].label, "finding");
  assert.ok(regions.undo());
  assert.deepEqual(regions.list, [one]);
  regions.remove(one);
  assert.deepEqual(regions.list, []);
  assert.ok(regions.undo() && regions.undo());
  assert.deepEqual(regions.list, []);
  assert.ok(!regions.undo());
});

test("the server has the last word once it has answered to what was sent last", () => {
  const regions = new RegionList();
  const told = [];
  regions.change([region("other"), region(null)]);
  sendRegions("film", regions, (value) => told.push(value));
  const [{ film: sent }] = told;
  // What nobody has said anything of is not sent.
  assert.deepEqual(
    sent.list.map(({ label }) => label),
    ["other"],
  );
  // An answer to something before: the reader has gone on.
  regions.take({ list: [], taken: "before" });
  assert.equal(regions.list.length, 2);
  regions.take({ list: sent.list, taken: sent.number });
  assert.equal(regions.list.length, 2);
  // A list that was cleared.
  regions.take({ list: [], taken: undefined });
  assert.deepEqual(regions.labelled, []);
});

test("a side that is being dragged stays where it is if the page is drawn anew", () => {
  const regions = new RegionList();
  const told = [];
  regions.change([region("other")]);
  sendRegions("film", regions, (value) => told.push(value));
  const [{ film: sent }] = told;
  // The answer comes while the reader drags on, and the page is drawn once more.
  const dragged = regions.replace(regions.list[0], region("other", 0.3));
  for (let times = 0; times < 2; times++) {
    regions.take({ list: sent.list, taken: sent.number });
    assert.deepEqual(regions.list, [dragged]);
  }
  assert.ok(regions.changed);
  assert.ok(regions.undo());
  assert.deepEqual(regions.list, [region("other")]);
});

test("what the server has not answered to goes with what is sent next", () => {
  const [one, other] = [new RegionList(), new RegionList()];
  one.change([region("other")]);
  other.change([region("finding")]);
  const told = [];
  sendRegions("one", one, (value) => told.push(value));
  sendRegions("other", other, (value) => told.push(value));
  assert.deepEqual(Object.keys(told[1]).sort(), ["one", "other"].sort());
  one.take({ list: one.labelled, taken: one.sent });
  other.take({ list: other.labelled, taken: other.sent });
  sendRegions("other", other, (value) => told.push(value));
  assert.ok(!("one" in told[2]));
});

test("regions are the same where all that is told of them is", () => {
  assert.ok(sameRegions([region("other")], [region("other")]));
  assert.ok(!sameRegions([region("other")], [region("other", 0.2)]));
  assert.ok(!sameRegions([region("other")], []));
});

test("a box is held by its sides and corners, and by nothing within or outside", () => {
  const box = [100, 50, 300, 250];
  const held = (x, y) => heldSides("box", box, x, y);
  assert.deepEqual(held(301, 150), [1, 0]);
  assert.deepEqual(held(97, 150), [-1, 0]);
  assert.deepEqual(held(200, 52), [0, -1]);
  assert.deepEqual(held(297, 254), [1, 1]);
  assert.deepEqual(held(104, 247), [-1, 1]);
  for (const [x, y] of [
    [200, 150],
    [310, 150],
    [301, 270],
  ]) {
    assert.equal(held(x, y), null);
  }
});

test("an ellipse is held by its line", () => {
  const ellipse = [100, 50, 300, 250];
  const held = (x, y) => heldSides("ellipse", ellipse, x, y);
  assert.deepEqual(held(302, 150), [1, 0]);
  assert.deepEqual(held(200, 48), [0, -1]);
  const diagonal = 100 * Math.SQRT1_2;
  assert.deepEqual(held(200 - diagonal, 150 + diagonal), [-1, 1]);
  assert.equal(held(102, 52), null); // the corner of its box
  assert.equal(held(200, 150), null);
});

test("a finger holds a region by the handle next to it, wherever the line is", () => {
  const held = (x, y) => heldByFinger([100, 50, 300, 250], x, y);
  assert.deepEqual(held(115, 64), [-1, -1]);
  assert.deepEqual(held(290, 38), [1, -1]);
  assert.deepEqual(held(100, 270), [-1, 1]);
  assert.deepEqual(held(312, 262), [1, 1]);
  assert.deepEqual(held(215, 140), [0, 0]);
  assert.equal(held(200, 50), null); // a side
  assert.equal(held(323, 250), null);
  // A handle is no smaller than a fingertip; of a small region the nearest is meant.
  assert.deepEqual(heldByFinger([100, 100, 120, 120], 95, 95), [-1, -1]);
  assert.deepEqual(heldByFinger([100, 100, 120, 120], 111, 110), [0, 0]);
});

test("a finger sizes a region by its corner and moves it by its middle, within the film", () => {
  globalThis.devicePixelRatio = 2;
  const kept = [];
  const view = { keepRegions: () => kept.push(1) };
  const placed = { toFilm: (x, y) => [x / 2, y / 2], toScreen: (x, y) => [2 * x, 2 * y] };
  const state = { regions: new RegionList() };
  const pane = { film, placed, state, lines: { querySelector: () => null } };
  const regions = new Regions(view, pane);
  const list = () => state.regions.list;
  state.regions.change([region("other")]); // 20, 20 to 100, 60 of the film and of the screen
  regions.start(2 * 110, 2 * 70, "box", true);
  regions.move(2 * 120, 2 * 80);
  regions.end();
  near(list()[0], { left: 0.1, top: 0.2, right: 0.55, bottom: 0.7 });
  regions.start(2 * 70, 2 * 50, "box", true);
  regions.move(2 * 80, 2 * 50);
  regions.move(2 * 80, 2 * 45);
  regions.end();
  near(list()[0], { left: 0.15, top: 0.15, right: 0.6, bottom: 0.65 });
  regions.start(2 * 80, 2 * 45, "box", true);
  regions.move(2 * 190, 2 * 45);
  near(list()[0], { left: 0.55, top: 0.15, right: 1, bottom: 0.65 });
  regions.cancel(); // a second finger: it was the beginning of a pinch
  near(list()[0], { left: 0.15, top: 0.15, right: 0.6, bottom: 0.65 });
  assert.equal(list().length, 1);
  assert.equal(kept.length, 2);
});

test("what the arrow keys moved is kept of its film, though another one is shown by then", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.devicePixelRatio = 1;
  const kept = [];
  const view = {
    keepRegions: ({ film, state }) => kept.push([film.sha256, state]),
    paintSoon() {},
  };
  const of = (sha256) => {
    const state = { regions: new RegionList() };
    state.regions.change([region("other")]);
    return { film: { ...film, sha256 }, state };
  };
  const [one, other] = [of("one"), of("other")];
  const placed = { direction: (x, y) => [x, y] };
  const pane = { ...one, placed, lines: { querySelector: () => null } };
  const regions = new Regions(view, pane);
  assert.ok(regions.nudge(1, 0, false));
  Object.assign(pane, other);
  assert.ok(regions.nudge(1, 0, false));
  assert.ok(regions.nudge(1, 0, false));
  assert.deepEqual(kept, [["one", one.state]]);
  t.mock.timers.tick(1000);
  assert.deepEqual(kept.slice(1), [["other", other.state]]);
  // Both presses were one step of this film's own.
  assert.ok(other.state.regions.undo());
  assert.deepEqual(other.state.regions.list, [region("other")]);
});
