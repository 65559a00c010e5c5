// What the browser makes of films at first: reads a list of {film, bytes} as JSON, the bytes in
// base64, and writes the grey of every pixel. A test in Python compares them with the pixels that
// a model sees.

import { loadFilm } from "../../../cxr/web/static/film_load.js";
import { FilmWindow } from "../../../cxr/web/static/film_window.js";

let text = "";
for await (const part of process.stdin) text += part;

const shown = [];
for (const { film, bytes } of JSON.parse(text)) {
  const { buffer, byteOffset, length } = Buffer.from(bytes, "base64");
  globalThis.fetch = async () => new Response(buffer.slice(byteOffset, byteOffset + length));
  const levels = await loadFilm(film, new AbortController().signal);
  const greys = new FilmWindow(film).greys(levels, false);
  shown.push(Array.from(levels.sizes[0].data, (level) => greys[level]));
}
process.stdout.write(JSON.stringify(shown));
