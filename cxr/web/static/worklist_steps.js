// Which row of the list a key leads to.

// `at`: the row that is chosen, -1 for none; `action`: what the reader's own key stands for, if any;
// `key`: the key itself, if the list has the focus. Null where it leads nowhere in the list; a row
// beyond either end is none.
export function ledTo(at, rows, action, key) {
  const ends = { Home: 0, End: rows - 1 };
  if (key && key in ends) return ends[key];
  const step = { ArrowDown: 1, ArrowUp: -1 }[key] ?? { next: 1, previous: -1 }[action?.id];
  return step ? at + step : null;
}
