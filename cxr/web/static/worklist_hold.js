// Until a film is chosen, the first of the list is open, and another one once that is the first: but not
// under the hands of who works with it. Told after the click itself, which may be lost in a page that is
// drawn anew.

import { actionOf, isTyped, leadsOn } from "./keys.js";

// Where the reader works with the open film: on it, and on what is said of it.
const AT_FILM = ".viewer, .st-key-facts, .st-key-study";

let touched = null; // hash of the film that the reader worked with last, be it before its list is there

document.addEventListener(
  "pointerup",
  (event) => {
    const viewer = event.composedPath().find((part) => part.matches?.(".viewer"));
    if (viewer) touched = viewer.dataset.sha256;
  },
  { capture: true },
);

export const isWorkedWith = (sha256) => sha256 === touched;

// Another film is chosen, or the list is gone.
export function forgetWork() {
  touched = null;
}

// Do something once the reader works with the film that is open.
export function holdOn(choose, { signal }) {
  let isHeld = false;
  const hold = (event) => {
    const isKey = event.type === "keyup" && !isTyped(event);
    const action = isKey ? actionOf(event.key) : undefined;
    const isThere = event.composedPath().some((part) => part.matches?.(AT_FILM));
    // The key that has just led to another film does not hold the one before.
    if (isHeld || leadsOn(action) || !(action || isThere)) return;
    isHeld = true;
    setTimeout(choose);
  };
  for (const event of ["pointerup", "keyup"]) {
    document.addEventListener(event, hold, { signal, capture: true });
  }
}
