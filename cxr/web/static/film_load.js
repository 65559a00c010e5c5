// Films as levels of grey: fetched once, and kept while the reader goes back and forth.

const FILMS_KEPT = 3;
const TRIES = 6;
const keptFilms = new Map(); // by sha256 and depth, the one used last at the end

// The grey levels of a film, and smaller versions of it, each half the size of the one before.
export class Levels {
  constructor(data, width, height) {
    this.max = data instanceof Uint8Array ? 255 : 65535;
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

  // The levels below which lie the given shares of the film's pixels.
  percentiles(shares) {
    if (!this.counts) {
      // A million pixels spread over the film tell its percentiles as well as all of them.
      const { data } = this.sizes[0];
      const step = Math.max(1, Math.floor(data.length / 1e6)) | 1;
      this.counts = new Uint32Array(this.max + 1);
      for (let i = 0; i < data.length; i += step) this.counts[data[i]]++;
      this.total = Math.ceil(data.length / step);
    }
    return shares.map((share) => {
      let below = 0,
        level = 0;
      while (level < this.max && (below += this.counts[level]) < share * this.total) level++;
      return level;
    });
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

const keptAs = (film) => `${film.sha256}/${film.bits}`;

// A film that is at hand, or undefined.
export function keptFilm(film) {
  const id = keptAs(film),
    levels = keptFilms.get(id);
  if (levels) {
    keptFilms.delete(id);
    keptFilms.set(id, levels);
  }
  return levels;
}

// Fetch a film; rejects with AbortError when the signal says so, or when it cannot be had.
export async function loadFilm(film, signal) {
  const bytes = await fetchBytes(film, signal);
  const data = film.bits === 8 ? new Uint8Array(bytes) : new Uint16Array(bytes);
  const levels = new Levels(data, film.width, film.height);
  keptFilms.set(keptAs(film), levels);
  while (keptFilms.size > FILMS_KEPT) keptFilms.delete(keptFilms.keys().next().value);
  return levels;
}

async function fetchBytes(film, signal) {
  const size = film.width * film.height * (film.bits / 8);
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
