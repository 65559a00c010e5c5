"""Memory of the dashboard's process after 20 and after 200 films on Triage."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from cxr.datasets.published import data_folder

ROOT = Path(__file__).parent.parent


def memory(pid: int) -> float:
    """Resident memory of a process, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def main() -> None:
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    films = sorted((folder / "test").rglob("*.jpeg"))[:200]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    server = subprocess.Popen(
        [sys.executable, "-m", *words, "--server.port", str(port)], cwd=ROOT, env=dict(os.environ)
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
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"http://127.0.0.1:{port}")
            expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=90_000)
            result = {}
            for start, end in ((0, 20), (20, 200)):
                if start:
                    page.get_by_role("button", name="Add films").click()
                page.set_input_files("input[type=file]", films[start:end])
                scored = page.locator("li.above, li.near, li.below")
                expect(scored).to_have_count(end, timeout=300_000)
                time.sleep(3)
                result[f"after_{end}_mb"] = round(memory(server.pid), 1)
            result["ratio"] = round(result["after_200_mb"] / result["after_20_mb"], 3)
            print(json.dumps(result, indent=1))
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
