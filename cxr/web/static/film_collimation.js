// Where the beam met the detector: a film without the even border that collimation leaves.

const SIDE = 256; // pixels looked at on a side
const EVEN = 0.08; // of the film's range: what a row of the border spans at most
const LEAST = 0.1; // of the film: what is smaller is no field

// {left, top, right, bottom} in pixels of the film, the last two beyond it; the whole film where
// no border is found.
export function collimated(levels, padding) {
  const { data, width, height, step } = levels.at(SIDE / Math.max(levels.width, levels.height));
  const whole = { left: 0, top: 0, right: levels.width, bottom: levels.height };
  const [low, high] = levels.percentiles([0.01, 0.99], padding);
  const even = EVEN * (high - low);
  const rows = Array.from({ length: height }, (_, row) =>
    spread(Array.from({ length: width }, (_, i) => data[row * width + i])),
  );
  const columns = Array.from({ length: width }, (_, column) =>
    spread(Array.from({ length: height }, (_, i) => data[i * width + column])),
  );
  const [top, bottom] = inner(rows, even),
    [left, right] = inner(columns, even);
  if ((bottom - top) * (right - left) < LEAST * width * height) return whole;
  // A line at the edge may be half border: where one was found it is left out too.
  const edge = (from, to, count, size) => [
    from && (from + 1) * step,
    to < count ? (to - 1) * step : size,
  ];
  const [first, last] = edge(left, right, width, levels.width),
    [upper, lower] = edge(top, bottom, height, levels.height);
  return { left: first, top: upper, right: last, bottom: lower };
}

// From the 10th to the 90th percentile, so that a marker on the border does not count.
function spread(values) {
  values.sort((one, other) => one - other);
  return (
    values[Math.floor(0.9 * (values.length - 1))] - values[Math.ceil(0.1 * (values.length - 1))]
  );
}

// The first line that is not even, and the line after the last one.
function inner(spreads, even) {
  let from = 0,
    to = spreads.length;
  while (from < to && spreads[from] <= even) from++;
  while (to > from && spreads[to - 1] <= even) to--;
  return [from, to];
}
