import assert from "node:assert/strict";
import { test } from "node:test";

import { matchedFrame, Placement, Pose, View } from "../../../cxr/web/static/film_pose.js";

const film = { width: 300, height: 200 };
const canvas = { width: 800, height: 480 };

const poses = [false, true].flatMap((flipped) =>
  [0, 1, 2, 3].map((turns) => Object.assign(new Pose(), { turns, flipped })),
);

const near = (one, other, by = 1e-9) =>
  one.forEach((part, i) => assert.ok(Math.abs(part - other[i]) < by, `${one} is not ${other}`));

test("from the film to the screen and back is where it began, however it is posed", () => {
  for (const pose of poses) {
    const view = new View();
    view.zoomTo(new Placement(view, pose, film, canvas), 2.7, 100, 50);
    view.pan(new Placement(view, pose, film, canvas), 33, -21);
    const placement = new Placement(view, pose, film, canvas);
    for (const point of [
      [0, 0],
      [300, 200],
      [12.5, 188.25],
    ]) {
      near(placement.toFilm(...placement.toScreen(...point)), point);
    }
  }
});

test("a film that fits is whole and touches two sides", () => {
  for (const pose of poses) {
    const placement = new Placement(new View(), pose, film, canvas);
    const corners = [
      [0, 0],
      [300, 0],
      [0, 200],
      [300, 200],
    ].map((corner) => placement.toScreen(...corner));
    const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
    const [width, height] = [xs, ys].map((all) => Math.max(...all) - Math.min(...all));
    assert.ok(Math.min(...xs) >= -1 && Math.min(...ys) >= -1);
    assert.ok(Math.abs(width - 800) < 1e-9 || Math.abs(height - 480) < 1e-9);
    assert.ok(width <= 800 + 1e-9 && height <= 480 + 1e-9);
  }
});

test("turned by 90 degrees the upper left corner comes to the upper right", () => {
  const pose = new Pose();
  pose.rotate();
  const placement = new Placement(new View(), pose, film, canvas);
  const [x, y] = placement.toScreen(0, 0);
  assert.ok(x > 400 && y < 240);
});

test("four turns and two flips change nothing", () => {
  const pose = new Pose();
  for (let i = 0; i < 4; i++) pose.rotate();
  pose.flip();
  pose.flip();
  assert.deepEqual(pose, new Pose());
});

test("a flip changes left and right on the screen, however the film is turned", () => {
  for (const pose of poses) {
    const before = new Placement(new View(), pose, film, canvas);
    const after = Object.assign(new Pose(), pose);
    after.flip();
    const flipped = new Placement(new View(), after, film, canvas);
    const [x, y] = before.toScreen(40, 30);
    near(flipped.toScreen(40, 30), [canvas.width - x, y], 2);
  }
});

test("zooming keeps the point under the pointer", () => {
  for (const pose of poses) {
    const view = new View();
    const before = new Placement(view, pose, film, canvas);
    const point = before.toFilm(420, 210);
    view.zoomTo(before, 3, 420, 210);
    const after = new Placement(view, pose, film, canvas);
    assert.ok(Math.abs(after.scale - 3) < 1e-9);
    near(after.toScreen(...point), [420, 210], 1);
  }
});

test("the film is never moved out of sight, nor zoomed without end", () => {
  const view = new View();
  const placement = () => new Placement(view, new Pose(), film, canvas);
  view.pan(placement(), 1e6, -1e6);
  assert.deepEqual([view.u, view.v], [0, 1]);
  view.zoomTo(placement(), 1e6);
  assert.ok(Math.abs(placement().scale - 40) < 1e-9);
  view.zoomTo(placement(), 0);
  assert.ok(placement().scale > 0);
  view.fit();
  assert.deepEqual([view.u, view.v, view.zoom], [0.5, 0.5, 1]);
});

test("a film's corner lies on a whole pixel of the screen", () => {
  const view = new View();
  view.zoomTo(new Placement(view, new Pose(), film, canvas), 1.7, 11, 13);
  const { e, f } = new Placement(view, new Pose(), film, canvas);
  assert.deepEqual([e, f], [Math.round(e), Math.round(f)]);
});

const box = [60, 40, 240, 160];
const other = { width: 900, height: 1000 };
const otherBox = [200, 300, 700, 780];

test("matched by the lungs both films have them at one height, wherever one looks", () => {
  const frame = matchedFrame(film, other, box, otherBox);
  const view = new View();
  const both = () => [
    new Placement(view, new Pose(), film, canvas),
    new Placement(view, new Pose(), other, canvas, frame),
  ];
  const alike = () => {
    const [one, two] = both();
    for (const edge of [1, 3]) {
      assert.ok(Math.abs(one.toScreen(0, box[edge])[1] - two.toScreen(0, otherBox[edge])[1]) <= 1);
    }
    near([one.toScreen(150, 0)[0]], [two.toScreen(450, 0)[0]], 1.01);
  };
  alike();
  // Zoomed and moved on either of the two.
  view.zoomTo(both()[1], both()[1].scale * 3, 200, 120);
  alike();
  view.pan(both()[0], 40, -25);
  alike();
  const before = both()[1].toFilm(300, 200);
  view.pan(both()[1], -12, 31);
  near(both()[1].toScreen(...before), [288, 231], 1.01);
  alike();
});

test("films are not matched by lungs that are missing or of another size by far", () => {
  assert.equal(matchedFrame(film, other, box, null), null);
  assert.equal(matchedFrame(film, other, undefined, otherBox), null);
  assert.equal(matchedFrame(film, other, box, [200, 300, 700, 340]), null);
  // In pixels they may be: one film has more of them.
  const large = { width: 3000, height: 2000 };
  assert.ok(
    matchedFrame(
      film,
      large,
      box,
      box.map((part) => 10 * part),
    ),
  );
});
