"""How soon a large film is painted, and how smoothly it moves.

Streamlit runs this same file as the page that is measured.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import streamlit as st
from playwright.sync_api import Page, sync_playwright
from streamlit import runtime

from cxr.films.radiograph import Radiograph
from cxr.web import film_view

ROOT = Path(__file__).parent.parent
SIDE = 3000
FILMS = 6

#: From the click that asks for another film, and so before the run of the script, to its paint.
PAINTED = """async () => {
  const hosts = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
  const viewer = hosts.map((root) => root?.querySelector(".viewer")).find(Boolean);
  const before = viewer.dataset.painted, start = performance.now();
  [...document.querySelectorAll("button")].find((e) => e.innerText === "Next").click();
  while (!viewer.dataset.painted || viewer.dataset.painted === before) {
    await new Promise((done) => setTimeout(done, 2));
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return (performance.now() - start) / 1000;
}"""
#: Pictures a second while the film is dragged for a while, of zoom as is.
PANNED = """async () => {
  const hosts = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
  const viewer = hosts.map((root) => root?.querySelector(".viewer")).find(Boolean);
  const canvas = viewer.querySelector("canvas"), box = canvas.getBoundingClientRect();
  canvas.setPointerCapture = () => {};
  const send = (kind, at) => canvas.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, composed: true, pointerId: 1, button: 0,
    clientX: box.left + box.width / 2 + at, clientY: box.top + box.height / 2 + at / 2,
  }));
  const frame = () => new Promise(requestAnimationFrame);
  send("pointerdown", 0);
  await frame();
  const start = performance.now();
  let frames = 0;
  for (; performance.now() - start < 3000; frames++) {
    send("pointermove", 80 * Math.sin(frames / 15));
    await frame();
  }
  send("pointerup", 0);
  return (1000 * frames) / (performance.now() - start);
}"""


@st.cache_resource
def film(number: int) -> Radiograph:
    """16 bits per pixel, with noise, so that nothing can be packed."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(0.1, 0.8, SIDE, dtype=np.float32)
    return Radiograph(ramp + rng.random((SIDE, SIDE), np.float32) * 0.2, bits=16)


def page() -> None:
    st.set_page_config(layout="wide")
    st.session_state.setdefault("number", 0)
    if st.button("Next"):
        st.session_state["number"] += 1
    start = time.perf_counter()
    shown = film(st.session_state["number"] % FILMS)
    made = time.perf_counter()
    film_view(shown, None, name="film", height=690)
    st.text(f"{made - start:.3f} {time.perf_counter() - made:.3f}")


def measure(page: Page) -> dict[str, float | list[float]]:
    wait = page.wait_for_timeout
    painted = []
    for _ in range(2 * FILMS):
        painted.append(page.evaluate(PAINTED))
        wait(300)
    result: dict[str, float | list[float]] = {
        # The first round makes the films themselves.
        "seconds_to_paint": round(float(np.median(painted[FILMS:])), 3),
        "seconds_to_paint_each": [round(value, 3) for value in painted[FILMS:]],
        "seconds_in_film_view": float(page.get_by_test_id("stText").inner_text().split()[1]),
        "pan_fps_fit": round(page.evaluate(PANNED), 1),
    }
    page.keyboard.press("1")
    wait(500)
    result["pan_fps_1_to_1"] = round(page.evaluate(PANNED), 1)
    page.locator(".viewer canvas").focus()
    for _ in range(4):
        page.keyboard.press("+")
    result["pan_fps_2_to_1"] = round(page.evaluate(PANNED), 1)
    return result


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["streamlit", "run", __file__, "--server.headless", "true", "--server.port", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(f"http://127.0.0.1:{port}")
            tab.wait_for_selector(".viewer[data-painted]", state="attached", timeout=60_000)
            result = measure(tab)
            result["load_average"] = round(os.getloadavg()[0], 1)
            print(json.dumps(result))
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    if runtime.exists():
        page()
    else:
        main()
