import assert from "node:assert/strict";
import { test } from "node:test";

import { CHOICES, sensible } from "../../../cxr/web/static/habits.js";
import { presetsOf } from "../../../cxr/web/static/film_window.js";

test("the windows that can be chosen are those that every film has", () => {
  const names = presetsOf({ windows: [], own: false }).map(({ name }) => name);
  for (const [name] of CHOICES.window.options.slice(1)) assert.ok(names.includes(name), name);
});

test("what is kept and cannot be chosen is left alone", () => {
  for (const kept of [null, 1, "x", { window: 3, zoom: "far", layout: {}, blind: "yes" }]) {
    assert.deepEqual(sensible(kept), {});
  }
  const good = { zoom: "one", layout: "prior", blind: true, method: "layercam" };
  assert.deepEqual(sensible({ ...good, other: 1 }), good);
});
