// Films that are dropped anywhere on a page, with folders, and pictures that are pasted: they go into
// the page's own uploader.

const ZONE = "[data-testid=stFileUploaderDropzone]";
const AT_ONCE = 5000; // files of a folder

const uploader = () =>
  document.querySelector(".st-key-page_drop input[type=file]") ??
  document.querySelector("input[type=file]");

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

function put(files) {
  const input = uploader();
  if (!input || !files.length) return;
  const all = new DataTransfer();
  for (const file of files) all.items.add(file);
  input.files = all.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const held = (isHeld) => document.body.toggleAttribute("data-dropping", isHeld);

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault(); // else the browser leaves the page for the file
  held(Boolean(uploader()) && !inZone(event));
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
