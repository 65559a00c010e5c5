// Tells the server which theme the page has, whenever that is not the one it assumed.

// What a film and the list are shown by is there, and the card is looked at, before the first film
// comes.
for (const name of ["film", "worklist"]) import(`./${name}.js`).catch(() => {});
import("./film_gpu.js")
  .then(({ graphicsCard }) => (window.requestIdleCallback ?? setTimeout)(() => graphicsCard()))
  .catch(() => {});

let timer; // one page, one probe

export default function ({ data, parentElement, setStateValue }) {
  const look = () => {
    const host = parentElement.host ?? parentElement;
    const colour = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
    const context = document.createElement("canvas").getContext("2d");
    context.fillStyle = colour || "#000";
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
    const theme = 0.299 * r + 0.587 * g + 0.114 * b > 128 ? "light" : "dark";
    if (theme !== data.assumed) setStateValue("theme", theme);
  };
  clearInterval(timer);
  const own = (timer = setInterval(look, 1000));
  look();
  return () => clearInterval(own);
}
