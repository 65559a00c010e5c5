"""Films that are dropped anywhere on the page, with a folder, and a picture that is pasted."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_dashboard import open_triage
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]

GIVE = """([kind, name, bytes]) => {
  const data = new DataTransfer();
  const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  data.items.add(new File([content], name, { type: "image/jpeg" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector("h4").dispatchEvent(event);
}"""

#: A disc as a browser gives it: folders in folders, whose entries come some at a time.
GIVE_FOLDER = """(films) => {
  const file = ([name, bytes]) => {
    const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const made = new File([content], name, { type: "image/jpeg" });
    return { isFile: true, isDirectory: false, name, file: (done) => done(made) };
  };
  const folder = (name, entries) => ({
    isFile: false, isDirectory: true, name,
    createReader: () => {
      const left = [...entries];
      return { readEntries: (done) => done(left.splice(0, 1)) };
    },
  });
  const [first, ...others] = films.map(file);
  const disc = folder("disc", [first, folder("more", others)]);
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", {
    value: { types: ["Files"], files: [], items: [{ webkitGetAsEntry: () => disc }] },
  });
  document.querySelector("h4").dispatchEvent(event);
}"""


def test_dropped_on_the_page_or_pasted_a_film_is_in_the_list(page: Page, data_dir: Path) -> None:
    films = sorted((data_dir / "kermany" / "test" / "NORMAL").iterdir())[:3]
    contents = [base64.b64encode(film.read_bytes()).decode() for film in films]
    open_triage(page)
    rows = page.locator(".worklist li")
    expect(page.locator("body[data-takes-drops]")).to_be_attached()
    page.evaluate(GIVE, ["drop", films[0].name, contents[0]])
    expect(rows).to_have_count(1)
    expect(page.locator("li.waiting")).to_have_count(0, timeout=180_000)
    at_rest(page)
    # One right after the other: while the first is on its way.
    page.evaluate(GIVE, ["drop", films[1].name, contents[1]])
    page.evaluate(GIVE, ["paste", "image.jpg", contents[2]])
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="image.jpg")).to_have_count(1)
    at_rest(page)
    folder = [[f"IM{number}", content] for number, content in enumerate(contents)]
    page.evaluate(GIVE_FOLDER, folder)
    expect(rows).to_have_count(6)
    for name, _ in folder:
        expect(rows.filter(has_text=name)).to_have_count(1)
