// What the browser makes of heatmaps: reads a list of {grid, inset, width, height} as JSON and
// writes their values at the film's pixels, row by row, on each map's own scale. A test in Python
// compares them with `Heatmap.array`.

import { Heat } from "../../../cxr/web/static/film_heat.js";

let text = "";
for await (const part of process.stdin) text += part;

const arrays = JSON.parse(text).map(({ grid, inset, width, height }) => {
  const map = new Heat(
    { grid, inset, top: 4, full: 1, method: "", caption: "" },
    { width, height },
  );
  const scale = map.scale(false);
  const { left, top, width: across, height: down } = map.inside;
  return Array.from({ length: width * height }, (_, at) => {
    const [x, y] = [(at % width) + 0.5, Math.floor(at / width) + 0.5];
    const seen = x > left && x < left + across && y > top && y < top + down;
    return seen && scale ? (map.value(x, y) - scale.low) / scale.range : 0;
  });
});
process.stdout.write(JSON.stringify(arrays));
