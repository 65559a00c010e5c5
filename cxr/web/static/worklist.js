// The worklist. A click, the arrow keys, Home and End or keys of the reader's own choose a study, or the
// next film of it; only the choice goes back. The keys that press a button of the page are taken here too.

import { follow } from "./in_sight.js";
import { actionOf, isTyped, press } from "./keys.js";
import { isLate, rootIn, stylesheet } from "./parts.js";
import { forgetWork, holdOn, isWorkedWith } from "./worklist_hold.js";
import { ledTo } from "./worklist_steps.js";

const style = await stylesheet("worklist.css");
const PATIENCE = 300; // ms

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const list = rootIn(parentElement, style, empty);
  for (const [name, address] of Object.entries(data.pictures)) list.pictures.set(name, address);
  if (isLate(list, data.made)) return () => {};
  list.style.height = `${data.height}px`;
  const choose = (list.choose = (number) => {
    forgetWork();
    mark(list, number);
    list.turn = document.cxrChoose?.(number) ?? list.turn;
  });
  // What was drawn before the server had the reader's last choice does not take it back.
  const isBehind = data.turn < (list.turn ?? 0);
  const opened = isBehind ? Number(list.dataset.chosen) : data.chosen;
  const mayChange = isBehind ? "" : data.may_change;
  const isSeen = inSight(list, chosenRow(list));
  lay(list, data.rows);
  mark(list, opened, isSeen || list.dataset.chosen !== String(opened ?? ""));
  list.ask = () => lacksPictures(list, data.rows) && setStateValue("lacking", data.made);
  if (lacksPictures(list, data.rows)) askSoon(list);

  // One list takes the keys. While films are scored it is drawn anew again and again, and one that
  // was not told of its end would move the choice a second time.
  document.cxrWorklist?.abort();
  const end = (document.cxrWorklist = new AbortController());
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || isTyped(event)) return;
      const action = actionOf(event.key);
      const inList = event.composedPath().includes(list);
      const chosen = Number(list.dataset.chosen);
      const at = data.rows.findIndex((row) => has(row, chosen));
      const to = ledTo(at, data.rows.length, action, inList && event.key);
      if (action?.press && !event.repeat) press(action);
      else if (to === null && action?.id !== "view") return;
      // Before Streamlit, which takes some letters for itself.
      event.preventDefault();
      event.stopPropagation();
      if (action?.press) return;
      if (to !== null) {
        const next = data.rows[to];
        if (next && to !== at) choose(next.first);
      } else if (at >= 0) {
        const { films } = data.rows[at];
        const place = films.findIndex(({ number }) => number === chosen);
        if (films.length > 1) choose(films[(place + 1) % films.length].number);
      }
    },
    { signal: end.signal, capture: true },
  );
  if (mayChange && isWorkedWith(mayChange)) choose(data.chosen);
  else if (mayChange) holdOn(() => choose(data.chosen), end);
  return () => {
    end.abort();
    // The next list may hold the same film. Streamlit ends a showing also to begin the next one.
    setTimeout(() => list.isConnected || forgetWork());
  };
}

// Put the rows in their places. One that says what it said before is not written anew: in a list of a
// thousand films few change with each score. Each has the element that it had: a press that began before
// ends on the same row, and counts.
function lay(list, rows) {
  const known = (list.known ??= new Map());
  const wanted = new Map();
  const pictures = new Set(rows.map(({ picture }) => picture));
  for (const name of list.pictures.keys()) if (!pictures.has(name)) list.pictures.delete(name);
  for (const row of rows) {
    const said = JSON.stringify([row, list.pictures.has(row.picture)]);
    const before = known.get(row.number);
    const element = before?.element ?? item(list);
    if (before?.said !== said) write(element, row, list);
    wanted.set(row.number, { said, element });
  }
  list.known = wanted;
  const stays = new Set([...wanted.values()].map(({ element }) => element));
  for (const element of [...list.children]) if (!stays.has(element)) element.remove();
  let next = list.firstElementChild;
  for (const element of stays) {
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}

function empty() {
  const list = document.createElement("ol");
  list.className = "worklist";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Worklist");
  list.pictures = new Map(); // addresses of thumbnails by their names
  return list;
}

const lacksPictures = (list, rows) =>
  rows.some(({ picture }) => picture && !list.pictures.has(picture));

// Ask for the pictures that this page has not got, unless they come by themselves: each asking has the
// list drawn anew.
function askSoon(list) {
  list.asking ??= setTimeout(() => {
    list.asking = undefined;
    list.ask();
  }, PATIENCE);
}

const has = ({ films }, number) => films.some((film) => film.number === number);

const chosenRow = (list) => list.querySelector("[aria-selected=true]");

// Where a row lies in what is scrolled.
function span(list, row) {
  const top = row.offsetTop - list.offsetTop;
  return [top, top + row.offsetHeight];
}

function inSight(list, row) {
  if (!row) return true;
  const [top, bottom] = span(list, row);
  return bottom > list.scrollTop && top < list.scrollTop + list.clientHeight;
}

// Mark the row of a film, and bring it into sight; not with `follow` false: a reader who has scrolled away
// from it while films are scored is not brought back each time the list is drawn anew.
function mark(list, number, follow = true) {
  list.dataset.chosen = number ?? "";
  const isHere = (row) => row.dataset.films.split(" ").includes(String(number));
  const chosen = [...list.children].find(isHere);
  if (!chosen) list.removeAttribute("aria-activedescendant");
  const patient = chosen?.dataset.patient;
  for (const row of list.children) {
    const here = row === chosen;
    const same = Boolean(patient) && row.dataset.patient === patient;
    if (row.classList.contains("same-patient") !== same) row.classList.toggle("same-patient", same);
    for (const film of row.querySelectorAll(".film")) {
      film.classList.toggle("shown", film.dataset.number === String(number));
    }
    if (row.getAttribute("aria-selected") !== String(here)) {
      row.setAttribute("aria-selected", String(here));
    }
    if (here) {
      row.classList.remove("unread");
      list.setAttribute("aria-activedescendant", row.id);
      if (!follow) continue;
      // Scrolls the list alone, never the page.
      const [top, bottom] = span(list, row);
      if (top < list.scrollTop) list.scrollTop = top;
      if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    }
  }
}

function item(list) {
  const element = document.createElement("li");
  element.setAttribute("role", "option");
  element.addEventListener("click", () => {
    list.choose(element.first);
    follow(document.querySelector(".st-key-film"), list);
  });
  return element;
}

function write(element, row, list) {
  element.replaceChildren();
  element.first = row.first;
  element.id = `film-${row.number}`;
  element.dataset.number = row.number;
  if (row.patient) element.dataset.patient = row.patient;
  else delete element.dataset.patient;
  element.dataset.films = row.films.map(({ number }) => number).join(" ");
  element.className = `${row.band}${row.opened ? "" : " unread"}`;
  element.title = [row.reason || row.name, row.heat].filter(Boolean).join("\n");
  const part = (tag, name, text) => {
    const node = document.createElement(tag);
    node.className = name;
    node.textContent = text;
    return node;
  };
  const picture = part("div", "picture", "");
  const shown = list.pictures.get(row.picture);
  if (shown) picture.style.backgroundImage = `url(${shown})`;
  const text = document.createElement("div");
  text.className = "text";
  const sub = [row.number, row.notes].filter(Boolean).join(" · ");
  if (row.cells.length === 1) {
    const [cell] = row.cells;
    const score = part("div", "score", "");
    score.append(
      part("b", "", cell.score ?? ""),
      part("span", "band", `${cell.sign} ${cell.word}`),
    );
    text.append(part("div", "name", row.name), part("div", "sub", sub));
    element.append(picture, text, score);
  } else {
    // A film that is read for several findings has a line for each.
    element.classList.add("several");
    const cells = row.cells.map((cell) => {
      const line = part("div", `cell ${cell.state}`, "");
      line.title = [cell.reason, cell.heat].filter(Boolean).join("\n");
      line.append(
        part("span", "finding", cell.finding),
        part("b", "", cell.score ?? ""),
        part("span", "band", `${cell.sign} ${cell.word}`),
      );
      return line;
    });
    text.append(part("div", "name", row.name), ...cells, part("div", "sub", sub));
    element.append(picture, text);
  }
  if (row.films.length > 1) text.append(films(row.films, part, list));
}

// The films of a study, each by its view. An option of a list may hold no buttons: V is the key.
function films(all, part, list) {
  const line = part("div", "films", "");
  for (const { number, view, name } of all) {
    const film = part("span", "film", view);
    film.dataset.number = number;
    film.title = name;
    film.addEventListener("click", (event) => {
      event.stopPropagation();
      list.choose(number);
      follow(document.querySelector(".st-key-film"), list);
    });
    line.append(film);
  }
  return line;
}
