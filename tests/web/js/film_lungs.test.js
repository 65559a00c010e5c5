import assert from "node:assert/strict";
import { test } from "node:test";

import { linePath } from "../../../cxr/web/static/film_lungs.js";

test("a line goes from point to point, and a closed one back", () => {
  assert.equal(linePath([1, 2, 3, 4, 5, 6], true), "M1 2L3 4L5 6Z");
  assert.equal(linePath([1, 2, 30, 2], false), "M1 2L30 2");
  assert.equal(linePath([], true), "");
});
