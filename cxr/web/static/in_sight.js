// Bringing a part of the page into sight, below the bar at its top.

const BAR = 60; // CSS pixels

// Whether a part's upper end is between the bar and `foot`, with as much of it as there is room for.
export function isInSight(part, foot = innerHeight) {
  const { top, height } = part.getBoundingClientRect();
  return top >= BAR && top + Math.min(height, foot / 2) <= foot;
}

export function bringIntoSight(part, foot) {
  if (!isInSight(part, foot)) part.scrollIntoView({ block: "start" });
}

// Bring a part into sight that is led to from another one, if it lies below that, as on a telephone. Next
// to it nothing is moved.
export function follow(part, from) {
  if (!part) return;
  const isBelow = part.getBoundingClientRect().top >= from.getBoundingClientRect().bottom;
  if (isBelow) bringIntoSight(part);
}
