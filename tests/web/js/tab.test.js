import assert from "node:assert/strict";
import { test } from "node:test";

const storage = (kept) => ({
  getItem: (name) => kept[name] ?? null,
  setItem: (name, value) => (kept[name] = value),
});
globalThis.localStorage = storage({ "cxr.habits": JSON.stringify({ blind: false }) });
globalThis.sessionStorage = storage({});
globalThis.document = Object.assign(new EventTarget(), { body: { toggleAttribute() {} } });
globalThis.MutationObserver = class {
  observe() {}
};
globalThis.addEventListener = () => {};

let times = 0;

// What a tab that was just opened tells at each of its showings.
async function opened() {
  globalThis.sessionStorage = storage({});
  const { default: show } = await import(`../../../cxr/web/static/tab.js?${++times}`);
  const said = [];
  return (data) => {
    const whole = { mark: "one", films: 0, copy: false, method: "gradcam", blind: false, ...data };
    show({ data: whole, setStateValue: (_, value) => said.push(value) });
    return said.splice(0);
  };
}

test("what is chosen before the first film is not taken back by what was liked before", async () => {
  const showing = await opened();
  assert.deepEqual(showing({}), []);
  assert.deepEqual(showing({ blind: true }), []);
  const [told] = showing({ blind: true, films: 1 });
  assert.equal(told.blind, undefined);
  // A server that was started anew begins with what the reader has now.
  const [again] = showing({ mark: "two", films: 0 });
  assert.equal(again.blind, true);
  assert.deepEqual(showing({ mark: "two", blind: true }), []);
});

test("a new tab tells at once what its reader likes, where the page has something else", async () => {
  const showing = await opened(); // the choice of the last one is kept by now
  const [told] = showing({});
  assert.equal(told.blind, true);
  assert.deepEqual(showing({ blind: true }), []);
});
