// Films that are dropped anywhere on Triage, with folders, and pictures that are pasted: they go into the
// page's own uploader. On any other page they are taken nowhere but in a field for files, and that is said.

const ZONE = "[data-testid=stFileUploaderDropzone]";
// What is on Triage from the first on, and its uploaders: of a list with films, and of one without.
const TRIAGE = ".st-key-facts";
const UPLOADERS = [".st-key-page_drop input[type=file]", ".st-key-start input[type=file]"];
const AT_ONCE = 5000; // files of a folder
const STAYS = 20_000; // ms after which an uploader that was given files and is still there is given more
const SAID_FOR = 8000; // ms

const uploader = () => UPLOADERS.map((one) => document.querySelector(one)).find(Boolean);
const takesFilms = () => Boolean(document.querySelector(TRIAGE));

const inZone = (event) =>
  event.composedPath().some((part) => part instanceof Element && part.matches(ZONE));

const hasFiles = ({ dataTransfer }) => Boolean(dataTransfer?.types.includes("Files"));

// The files of a folder, those of its folders too, each with its path for a name.
async function filesIn(entry, path = "") {
  const name = `${path}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [path ? new File([file], name, { type: file.type }) : file];
  }
  const reader = entry.createReader(),
    files = [];
  for (;;) {
    // It gives some at a time.
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length || files.length > AT_ONCE) return files;
    for (const one of entries) files.push(...(await filesIn(one, `${name}/`)));
  }
}

// Once the server has an uploader's files, another uploader takes its place, and what was put into the
// first one meanwhile would be lost: it waits for the next, and so it does while the page is drawn. One
// whose files are refused stays.
const given = new WeakMap(); // when each uploader was given files
const waiting = [];
let looking = null;

function put(files) {
  if (!takesFilms()) {
    say(words());
    return;
  }
  waiting.push(...files);
  give();
}

function give() {
  clearTimeout(looking);
  if (!waiting.length) return;
  if (!takesFilms()) {
    waiting.length = 0; // their reader has left Triage: they are not to come with later ones
    say(words());
    return;
  }
  const input = uploader();
  if (!input || performance.now() - (given.get(input) ?? -Infinity) < STAYS) {
    looking = setTimeout(give, 50);
    return;
  }
  const all = new DataTransfer();
  for (const file of waiting.splice(0)) all.items.add(file);
  given.set(input, performance.now());
  input.files = all.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// What to do instead, in the words of the page.
const words = () =>
  document.querySelector(ZONE)
    ? "Not taken. Drop the file on the field that is for it."
    : "Not taken. Films are dropped on the page Triage.";

let said = null;

function say(text) {
  said?.remove();
  const note = Object.assign(document.createElement("div"), { className: "drop-note" });
  note.setAttribute("role", "alert");
  note.textContent = text;
  document.body.append(note);
  said = note;
  setTimeout(() => note.remove(), SAID_FOR);
}

const held = (isHeld) => document.body.toggleAttribute("data-dropping", isHeld);

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault(); // else the browser leaves the page for the file
  held(takesFilms() && !inZone(event));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) held(false);
});
document.addEventListener("drop", async (event) => {
  held(false);
  if (!hasFiles(event) || inZone(event)) return;
  event.preventDefault();
  const { items, files } = event.dataTransfer;
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) put([...files]);
  else put((await Promise.all(entries.map((entry) => filesIn(entry)))).flat());
});
document.body.toggleAttribute("data-takes-drops", true);
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  put(files);
});
