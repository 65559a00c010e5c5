import assert from "node:assert/strict";
import { test } from "node:test";

// A page of which the module asks for nothing but its uploaders and its notes.
const there = new Map(); // what is on the page, by selector
const notes = [];
globalThis.Element = class {};
const document = Object.assign(new EventTarget(), {
  body: { toggleAttribute() {}, append: (note) => notes.push(note.textContent) },
  createElement: () => ({ setAttribute() {}, remove() {} }),
  querySelector: (selector) => there.get(selector) ?? null,
});
globalThis.document = document;
globalThis.DataTransfer = class {
  constructor() {
    this.files = [];
    this.items = { add: (file) => this.files.push(file) };
  }
};
await import("../../../cxr/web/static/drop.js");

const TRIAGE = ".st-key-facts",
  START = ".st-key-start input[type=file]",
  LIST = ".st-key-page_drop input[type=file]",
  FIELD = "[data-testid=stFileUploaderDropzone]";
const field = () => Object.assign(new EventTarget(), { files: [] });

function page(parts) {
  there.clear();
  for (const [selector, part] of Object.entries(parts)) there.set(selector, part);
  notes.length = 0;
}

const paste = (...files) =>
  document.dispatchEvent(
    Object.assign(new Event("paste", { cancelable: true }), { clipboardData: { files } }),
  );

test("what is dropped next to a field of another page goes nowhere, and that is said", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sheet = field();
  page({ "input[type=file]": sheet, [FIELD]: {} });
  paste("truth.csv");
  assert.deepEqual(sheet.files, []);
  assert.match(notes[0], /field/);
  page({});
  paste("film.png");
  assert.match(notes[0], /Triage/);
  // Nor does it come later.
  const start = field();
  page({ [TRIAGE]: {}, [START]: start, "input[type=file]": start });
  paste("other.png");
  assert.deepEqual(start.files, ["other.png"]);
  assert.deepEqual(notes, []);
});

test("what is dropped on Triage while it is drawn waits for the list's own field", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const list = field(),
    site = field();
  page({ [TRIAGE]: {}, "input[type=file]": site });
  paste("one.png");
  there.set(LIST, list);
  t.mock.timers.tick(100);
  assert.deepEqual(list.files, ["one.png"]);
  assert.deepEqual(site.files, []);
  // Its reader goes on to another page before there is a field.
  page({ [TRIAGE]: {} });
  paste("two.png");
  page({});
  t.mock.timers.tick(100);
  assert.equal(notes.length, 1);
  page({ [TRIAGE]: {}, [LIST]: field() });
  paste("three.png");
  assert.deepEqual(there.get(LIST).files, ["three.png"]);
});
