import assert from "node:assert/strict";
import { test } from "node:test";

import { follow } from "../../../cxr/web/static/in_sight.js";

globalThis.innerHeight = 800;
const part = (top, bottom) => ({
  brought: 0,
  getBoundingClientRect: () => ({ top, bottom, height: bottom - top }),
  scrollIntoView() {
    this.brought++;
  },
});

test("a film below the list is brought into sight, and none that is seen or next to it", () => {
  const brought = (film, list) => {
    follow(film, list);
    return film.brought;
  };
  assert.equal(brought(part(900, 1500), part(100, 700)), 1); // a telephone
  assert.equal(brought(part(700, 1300), part(-200, 500)), 1); // little of it is seen
  assert.equal(brought(part(200, 790), part(-500, 150)), 0); // most of it is
  assert.equal(brought(part(20, 700), part(100, 700)), 0); // next to it, on a page that was scrolled
  follow(null, part(0, 10));
});
