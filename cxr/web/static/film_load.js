// Films as levels of grey: fetched once, and kept while the reader goes back and forth.

const FILMS_KEPT = 3; // whatever their size
const BYTES_KEPT = 96e6; // that more films take at most
const TRIES = 6;
const keptFilms = new Map(); // by key, the one used last at the end

// The levels of a film, and smaller versions of it, each half the size of the one before;
// `tables`: the lookup tables among its windows.
export class Levels {
  constructor(data, width, height, tables = []) {
    this.max = data instanceof Uint8Array ? 255 : 65535;
    this.tables = tables;
    this.sizes = [{ data, width, height }];
  }

  get width() {
    return this.sizes[0].width;
  }
  get height() {
    return this.sizes[0].height;
  }

  // The version to draw from when a film pixel takes `scale` pixels of the screen: between 0.7 and
  // 1.4 of its own pixels go into one of the screen, so that nothing is skipped and little blurred.
  at(scale) {
    const longest = Math.max(this.width, this.height);
    const most = Math.max(0, Math.floor(Math.log2(longest / 32)));
    const step = Math.min(most, Math.max(0, Math.round(-Math.log2(scale))));
    while (this.sizes.length <= step) this.sizes.push(halved(this.sizes.at(-1)));
    return { ...this.sizes[step], step: 2 ** step, index: step };
  }

  // The level of the film's pixel at (x, y), or undefined outside of it.
  level(x, y) {
    const { data, width, height } = this.sizes[0];
    if (x < 0 || y < 0 || x >= width || y >= height) return undefined;
    return data[Math.floor(y) * width + Math.floor(x)];
  }

  // The levels below which lie the given shares of the film's pixels, without its padding (level
  // 0) where it has some, and of those in `box` alone where one is given.
  percentiles(shares, padding = false, box = null) {
    const counts = box ? this.countsIn(box) : (this.counts ??= this.countsIn(this.whole));
    const first = padding ? 1 : 0;
    let total = 0;
    for (let level = first; level <= this.max; level++) total += counts[level];
    return shares.map((share) => {
      let below = 0,
        level = first;
      while (level < this.max && (below += counts[level]) < Math.max(1, share * total)) level++;
      return level;
    });
  }

  get whole() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  // How many pixels there are of each level.
  countsIn({ left, top, right, bottom }) {
    const { data, width } = this.sizes[0];
    const counts = new Uint32Array(this.max + 1);
    for (let row = top; row < bottom; row++) {
      for (let i = row * width + left; i < row * width + right; i++) counts[data[i]]++;
    }
    return counts;
  }
}

function halved({ data, width, height }) {
  const w = (width + 1) >> 1,
    h = (height + 1) >> 1;
  const half = new data.constructor(w * h);
  for (let j = 0, at = 0; j < h; j++) {
    const top = 2 * j * width,
      below = Math.min(2 * j + 1, height - 1) * width;
    for (let i = 0; i < w; i++, at++) {
      const left = 2 * i,
        right = left + 1 < width ? left + 1 : left;
      half[at] =
        (data[top + left] + data[top + right] + data[below + left] + data[below + right] + 2) >> 2;
    }
  }
  return { data: half, width: w, height: h };
}

// A film that is at hand, or undefined.
export function keptFilm(film) {
  const levels = keptFilms.get(film.key);
  if (levels) {
    keptFilms.delete(film.key);
    keptFilms.set(film.key, levels);
  }
  return levels;
}

// Of the films that are fetched before they are asked for, the one whose turn it is: the one under way, else
// the first that was not fetched yet.
export function nextAhead(films, underWay, fetched) {
  const isNext = (film) => !fetched.has(film.key) && !keptFilm(film);
  return films.find(({ key }) => underWay.has(key)) ?? films.find(isNext);
}

// Fetch a film; rejects with AbortError when the signal says so, or when it cannot be had.
export async function loadFilm(film, signal) {
  const bytes = await fetchBytes(film, signal);
  const count = film.width * film.height;
  const data =
    film.scale.bits === 8 ? new Uint8Array(bytes, 0, count) : new Uint16Array(bytes, 0, count);
  let at = tablesAt(film);
  const tables = film.tables.map((length) => {
    const table = new Uint16Array(bytes, at, length);
    at += 2 * length;
    return table;
  });
  const levels = new Levels(data, film.width, film.height, tables);
  keptFilms.set(film.key, levels);
  while (keptFilms.size > FILMS_KEPT && bytesKept() > BYTES_KEPT) {
    keptFilms.delete(keptFilms.keys().next().value);
  }
  return levels;
}

function bytesKept() {
  let bytes = 0;
  for (const { sizes } of keptFilms.values()) bytes += sizes[0].data.buffer.byteLength;
  return bytes;
}

const levelBytes = (film) => film.width * film.height * (film.scale.bits / 8);

// The tables come after the levels, at an even place.
const tablesAt = (film) => 2 * Math.ceil(levelBytes(film) / 2);

async function fetchBytes(film, signal) {
  const size = film.tables.length
    ? tablesAt(film) + 2 * film.tables.reduce((one, other) => one + other)
    : levelBytes(film);
  for (let attempt = 1; ; attempt++) {
    // Not into the browser's cache, which is a file. A range, as the server would compress the
    // whole, which takes longer than sending it.
    const asked = { cache: "no-store", headers: { Range: "bytes=0-" }, signal };
    const bytes = await fetch(serverAddress(film.url), asked)
      .then((answer) => (answer.ok ? answer.arrayBuffer() : null))
      .catch(() => null);
    signal.throwIfAborted();
    if (bytes?.byteLength === size) return bytes;
    if (attempt === TRIES) throw new Error("The film did not arrive");
    // While a script runs anew, the server may have let go of the film for a moment.
    await new Promise((done) => setTimeout(done, 60 * 2 ** attempt));
    signal.throwIfAborted();
  }
}

// The server may stand under a path of its own: this script came from component/FOLDER/ there.
function serverAddress(path) {
  return new URL(path.replace(/^\//, "../../"), import.meta.url);
}
