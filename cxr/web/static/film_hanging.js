// On which side the current film hangs next to an earlier one: kept in this browser. It is a habit of
// the reader and says nothing of any film; nothing else is kept.

/* eslint-disable no-restricted-globals */

const NAME = "cxr.current-on-the-right";

function kept() {
  try {
    return localStorage.getItem(NAME) === "yes";
  } catch {
    return false; // a browser that keeps nothing
  }
}

export const hanging = {
  right: kept(),
  change() {
    this.right = !this.right;
    try {
      localStorage.setItem(NAME, this.right ? "yes" : "no");
    } catch {
      // It holds while the page is open.
    }
  },
};
