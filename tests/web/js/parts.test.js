import assert from "node:assert/strict";
import { test } from "node:test";

import { isLate, untilNext } from "../../../cxr/web/static/parts.js";

test("what was made earlier is not shown after what was made later", () => {
  const root = {};
  assert.equal(isLate(root, 10), false);
  assert.equal(isLate(root, 12), false);
  assert.equal(isLate(root, 11), true);
  assert.equal(isLate(root, 12), false); // the same once more
  assert.equal(isLate({}, 11), false); // another element begins anew
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
