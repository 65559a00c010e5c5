import assert from "node:assert/strict";
import { test } from "node:test";

const stored = {};
globalThis.localStorage = {
  getItem: (name) => stored[name] ?? null,
  setItem: (name, value) => (stored[name] = value),
};
const { ACTIONS, actionOf, areChanged, asAtFirst, change, keyOf, leadsOn, sensible } =
  await import("../../../cxr/web/static/keys.js");

test("no key stands for two things at first", () => {
  assert.equal(new Set(ACTIONS.map(({ first }) => first)).size, ACTIONS.length);
  assert.equal(new Set(ACTIONS.map(({ id }) => id)).size, ACTIONS.length);
});

test("some keys lead to another film, the others are about the one that is open", () => {
  for (const key of ["j", "k", "v", "u", "g"]) assert.ok(leadsOn(actionOf(key)), key);
  for (const key of ["a", "o", "w", "b", "p"]) assert.ok(!leadsOn(actionOf(key)), key);
  assert.ok(!leadsOn(actionOf("ArrowDown")));
});

test("a key is changed, and kept", () => {
  assert.equal(change("rotate", "Q"), "");
  assert.equal(keyOf("rotate"), "q");
  assert.equal(actionOf("q").id, "rotate");
  assert.equal(actionOf("r"), undefined);
  assert.deepEqual(JSON.parse(stored["cxr.keys"]), { rotate: "q" });
  assert.equal(change("rotate", "r"), "");
  assert.ok(!areChanged());
});

test("a key that is taken is told, and nothing is changed", () => {
  assert.match(change("rotate", "i"), /I is taken: Invert/);
  assert.match(change("rotate", "+"), /taken/);
  assert.match(change("rotate", "F5"), /letter/);
  assert.match(change("rotate", " "), /letter/);
  assert.equal(keyOf("rotate"), "r");
  assert.equal(change("invert", "q"), "");
  assert.equal(change("rotate", "i"), "");
  asAtFirst();
  assert.equal(keyOf("invert"), "i");
});

test("what is kept and makes no sense is left alone", () => {
  const bad = [null, 1, [], { rotate: 5 }, { rotate: "ab" }, { other: "q" }, { rotate: "i" }];
  for (const kept of bad) assert.deepEqual(sensible(kept), {});
  assert.deepEqual(sensible({ rotate: "Q", other: "z" }), { rotate: "q" });
});
