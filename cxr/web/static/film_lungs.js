// The outline of the lungs: lines over a film, in its coordinates.

const SVG = "http://www.w3.org/2000/svg";

// A line of x and y in turn as an SVG path.
export function linePath(numbers, closed) {
  const points = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) points.push(`${numbers[i]} ${numbers[i + 1]}`);
  return points.length ? `M${points.join("L")}${closed ? "Z" : ""}` : "";
}

// Elements of an outline {lines, borders}. Each line has a dark edge, which sets it off from bones.
export function lungLines({ lines, borders }) {
  const outline = lines.map((line) => linePath(line, true)).join("");
  const zones = borders.map((line) => linePath(line, false)).join("");
  return [
    ["edge", outline],
    ["border", zones],
    ["line", outline],
  ].map(([name, d]) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    return path;
  });
}
