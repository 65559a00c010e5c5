// Markup and styles in the folder of the scripts: fetched once, when the script is.

async function text(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be fetched. Reload the page.`);
  return answer.text();
}

export async function template(name) {
  const element = document.createElement("template");
  element.innerHTML = await text(name);
  return element;
}

export async function stylesheet(name) {
  return new CSSStyleSheet().replace(await text(name));
}

// The component's element, which is made on its first showing. Styled from the start, so that
// nothing jumps.
export function rootIn(parent, style, make) {
  const known = parent.querySelector("[data-root]");
  if (known) return known;
  const root = make();
  root.dataset.root = "";
  parent.adoptedStyleSheets = [style];
  parent.append(root);
  return root;
}

// Streamlit may begin a showing after a later one: what was made earlier is not shown any more.
// A server that was started anew counts from the start.
export function isLate(root, made) {
  if (made.by === root.made?.by && made.number < root.made.number) return true;
  root.made = made;
  return false;
}

// Streamlit may end a showing after the next one has begun: only the last one's end counts.
export function untilNext(root, end) {
  const turn = (root.turn = Symbol("showing"));
  return () => {
    if (root.turn === turn) end();
  };
}
