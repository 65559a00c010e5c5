// The tour: what a step speaks of is brought into sight, once.

import { bringIntoSight } from "./in_sight.js";

const LOOKS = 60; // for what is not there yet
const BETWEEN = 250; // ms

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
    if (part) bringIntoSight(part, foot());
  }, BETWEEN);
  return () => setTimeout(forgetOnceLeft);
}

function forgetOnceLeft() {
  if (!document.querySelector(".st-key-tour")) seen = null;
}

// Where the words of the tour begin, if they are as wide as the page.
function foot() {
  const tour = document.querySelector(".st-key-tour")?.getBoundingClientRect();
  return tour && tour.width > innerWidth / 2 ? tour.top : innerHeight;
}
