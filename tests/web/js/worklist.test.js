import assert from "node:assert/strict";
import { test } from "node:test";

import { ledTo } from "../../../cxr/web/static/worklist_steps.js";

// A page with a film, which is all that the module asks of it.
const viewer = Object.assign(new EventTarget(), {
  dataset: { sha256: "one" },
  matches: (selector) => selector.includes(".viewer"),
});
globalThis.document = viewer;
// Node tells the path of an event to the first who asks alone.
const press = () =>
  viewer.dispatchEvent(Object.assign(new Event("pointerup"), { composedPath: () => [viewer] }));
const { forgetWork, holdOn, isWorkedWith } =
  await import("../../../cxr/web/static/worklist_hold.js");

test("the arrows lead by one row, Home and End to the ends, where the list has the focus", () => {
  const led = (key, at = 2) => ledTo(at, 5, undefined, key);
  assert.deepEqual(
    ["ArrowDown", "ArrowUp", "Home", "End"].map((key) => led(key)),
    [3, 1, 0, 4],
  );
  assert.equal(led("End", -1), 4); // none is chosen
  assert.equal(led(false), null);
  assert.equal(led("PageDown"), null);
});

test("the reader's own keys lead from anywhere on the page", () => {
  assert.equal(ledTo(2, 5, { id: "next" }, false), 3);
  assert.equal(ledTo(2, 5, { id: "previous" }, false), 1);
  assert.equal(ledTo(2, 5, { id: "view" }, false), null);
});

test("who works with a film keeps it, until the list is gone", async () => {
  assert.equal(isWorkedWith("one"), false);
  press();
  assert.equal(isWorkedWith("one"), true);
  assert.equal(isWorkedWith("two"), false);
  forgetWork();
  assert.equal(isWorkedWith("one"), false);

  const end = new AbortController();
  let times = 0;
  holdOn(() => times++, end);
  press();
  press();
  await new Promise((done) => setTimeout(done, 5));
  assert.equal(times, 1);
  end.abort();
});
