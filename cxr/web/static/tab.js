// Tells the server how its reader likes it, which tab this is, that it is closed, and that it is connected again.

/* eslint-disable no-restricted-globals */

import "./drop.js";
import { habits, keepHabit } from "./habits.js";

const KEY = "cxr.tab",
  FILMS = "cxr.films";
let shown = null; // the last showing, of the one probe of a page
let told = null; // the connection that was told which tab this is
let met = null; // the one of the last showing
let wasCut = false;

// What the tab is known by, for as long as it is there: a random number, and how many films it had.
// Nothing of any film; another tab has another one.
function kept(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing: loaded anew, the tab is a new one
  }
}

function keep(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // As above.
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  keep(KEY, made);
  return made;
}

let isNew = kept(KEY) === null; // nothing to have back, and nothing to lose yet
let key = kept(KEY) ?? newKey();

// `liked`: how its reader likes it, if the page is to begin with that.
function tell(cut, liked = {}) {
  const { data, setStateValue } = shown;
  told = data.mark;
  isNew = false;
  const films = Number(kept(FILMS) ?? 0);
  setStateValue("said", { key, films, cut, ...liked, at: Date.now() });
}

const likes = () => ({ method: habits.method, blind: habits.blind });

// What the page has by now is its reader's own choice.
function keepHabits(data) {
  for (const name of ["method", "blind"]) {
    if (data[name] !== null && data[name] !== habits[name]) keepHabit(name, data[name]);
  }
}

export default function ({ data, setStateValue }) {
  shown = { data, setStateValue };
  const isFirst = met !== data.mark;
  met = data.mark;
  if (data.copy) {
    key = newKey();
    tell(false);
  } else if (told === data.mark) {
    keep(FILMS, String(data.films)); // what was before this connection is told first
    keepHabits(data);
  } else {
    // What is told draws the page anew, and a click in the midst of that may be lost: a new tab
    // tells what its reader likes, if that is not so already, and else waits until it has films.
    // By then its reader may have chosen otherwise: what they liked before does not take it back.
    const { method, blind } = habits;
    const isLiked =
      (method ?? data.method) === data.method && (blind ?? false) === (data.blind ?? false);
    if (!isFirst) keepHabits(data);
    if (!isNew || data.films || (isFirst && !isLiked)) tell(wasCut, isFirst ? likes() : {});
  }
  return () => {};
}

// The page's own word on the connection: Streamlit has it on its outermost element.
const STATE = "data-test-connection-state";

function look() {
  const state = document.querySelector(`[${STATE}]`)?.getAttribute(STATE);
  if (!state || !shown) return;
  if (state !== "CONNECTED") wasCut = true;
  else if (wasCut) {
    tell(true, likes());
    wasCut = false;
  }
}

new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: [STATE] });

addEventListener("pagehide", () => {
  if (!shown?.data.mark) return;
  const [, token = ""] = /(?:^|; )_streamlit_xsrf=([^;]*)/.exec(document.cookie) ?? [];
  fetch(new URL(shown.data.mark.replace(/^\//, "../../"), import.meta.url), {
    method: "DELETE",
    keepalive: true,
    headers: token ? { "X-Xsrftoken": decodeURIComponent(token) } : {},
  }).catch(() => {});
});
