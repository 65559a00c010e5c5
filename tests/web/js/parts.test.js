import assert from "node:assert/strict";
import { test } from "node:test";

import { isLate, untilNext } from "../../../cxr/web/static/parts.js";

test("what was made earlier is not shown after what was made later", () => {
  const root = {};
  const late = (number, by = "a") => isLate(root, { by, number });
  assert.equal(late(10), false);
  assert.equal(late(12), false);
  assert.equal(late(11), true);
  assert.equal(late(12), false); // the same once more
  assert.equal(isLate({}, { by: "a", number: 11 }), false); // another element begins anew
  assert.equal(late(1, "b"), false); // a server that was started anew counts from the start
  assert.equal(late(2, "b"), false);
});

test("only the end of the last showing counts", () => {
  const root = {},
    ended = [];
  const first = untilNext(root, () => ended.push(1));
  const second = untilNext(root, () => ended.push(2));
  first();
  assert.deepEqual(ended, []);
  second();
  assert.deepEqual(ended, [2]);
});
