import assert from "node:assert/strict";
import test from "node:test";

import { rulerLength } from "../../../cxr/web/static/film_rulers.js";

const ruler = { from: [10, 20], to: [40, 60] };

test("a length is in millimeters, by the size of a pixel across and down", () => {
  assert.equal(rulerLength(ruler, { spacing: [0.1, 0.1] }), "5.0 mm");
  assert.equal(rulerLength(ruler, { spacing: [0.3, 0.1], at_detector: false }), "12.4 mm");
});

test("a length at the detector says so", () => {
  const film = { spacing: [0.1, 0.1], at_detector: true };
  assert.equal(rulerLength(ruler, film), "5.0 mm at the detector");
});

test("without the size of a pixel it is in pixels", () => {
  assert.equal(rulerLength(ruler, { spacing: null, at_detector: false }), "50 px");
});
