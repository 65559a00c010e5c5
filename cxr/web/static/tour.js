// The tour: what a step speaks of is brought into sight, once.

const LOOKS = 60; // for what is not there yet
const BETWEEN = 250; // ms
const BAR = 60; // CSS pixels of the bar at the top

let seen = null; // the step that was led to last
let looking = 0;

export default function ({ data: { step, about } }) {
  if (!about || step === seen) return () => {};
  seen = step;
  clearInterval(looking);
  let left = LOOKS;
  looking = setInterval(() => {
    const part = document.querySelector(about);
    if (part || !--left) clearInterval(looking);
    if (part && !isInSight(part)) part.scrollIntoView({ block: "start" });
  }, BETWEEN);
  return () => setTimeout(forgetOnceLeft);
}

function forgetOnceLeft() {
  if (!document.querySelector(".st-key-tour")) seen = null;
}

// Whether its upper end is between the bar and the words of the tour.
function isInSight(part) {
  const { top, height } = part.getBoundingClientRect();
  const tour = document.querySelector(".st-key-tour")?.getBoundingClientRect();
  const covered = tour && tour.width > innerWidth / 2 ? tour.top : innerHeight;
  return top >= BAR && top + Math.min(height, covered / 2) <= covered;
}
