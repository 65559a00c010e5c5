"""The unit and nginx under systemd, from the outside: see ``deploy/check_unit``, which starts it.

Prints a line per check; ends with status 1 at the first that fails, and stops what it booted.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from check_running import NAME, says, sh
from check_stack import PEOPLE, PROVIDER, commands, scored, signs_in
from playwright.sync_api import expect, sync_playwright

from tests.openid_provider import provider
from tests.sign_in_server import variables

ADDRESS, READERS, NETWORK = "10.197.0.1", "10.197.0.2", "cxr-unit"
#: What docs/deploy.md says to change in nginx.conf for the system's nginx.
CHANGES = {
    "pid /tmp/nginx.pid;": "user www-data;\npid /run/nginx.pid;",
    "error_log stderr crit;": "error_log /var/log/nginx/error.log crit;",
    "access_log /dev/stdout plain;": "access_log /var/log/nginx/access.log plain;",
    "server dashboard:8501;": "server 127.0.0.1:8501;",
    "listen 8443": "listen 443",
    "listen 8080": "listen 80",
    "/run/secrets/tls_certificate": "/etc/ssl/cxr.pem",
    "/run/secrets/tls_key": "/etc/ssl/cxr.key",
}
ENVIRONMENT = Path("etc/cxr/environment")


class Booted:
    """The machine that was booted."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root, self.leader = root, leader

    def run(self, command: str) -> str:
        """Run a command in it, whatever becomes of it; return what it said."""
        inside = ["nsenter", "--target", str(self.leader), "--all", "--", "bash", "-c", command]
        return subprocess.run(inside, capture_output=True, text=True).stdout.strip()

    def show(self, name: str) -> str:
        """Return a property of the unit."""
        return self.run(f"systemctl show cxr --property={name} --value")

    def healthy(self) -> str:
        """Wait for the unit's health; return how long that took."""
        begun = time.monotonic()
        while self.run("curl --silent http://127.0.0.1:8501/_stcore/health") != "ok":
            if time.monotonic() - begun > 90:
                says("it is healthy", False, self.run("journalctl -u cxr --no-pager | tail -30"))
            time.sleep(0.5)
        return f"{time.monotonic() - begun:.0f} s"


def installed(root: Path) -> None:
    """Install the unit by the documentation's commands, and nginx with what it says to change."""
    page = (root / "opt/cxr/app/docs/deploy.md").read_text(encoding="utf-8")
    for line in commands(page, "python3.11 -m venv /opt/cxr/venv"):
        if not (root / "opt/cxr/venv/bin/streamlit").exists() or "pip" not in line:
            sh("chroot", str(root), "sh", "-c", line.replace("enable --now", "enable"))
    text = (root / "opt/cxr/app/deploy/nginx.conf").read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        says(f"nginx.conf has {old}", old in text)
        text = text.replace(old, new)
    (root / "etc/nginx/nginx.conf").write_text(text, encoding="utf-8")
    sh(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:{PROVIDER}"),
        *("-keyout", f"{root}/etc/ssl/cxr.key", "-out", f"{root}/etc/ssl/cxr.pem"),
    )
    (root / ENVIRONMENT).unlink(missing_ok=True)
    shutil.rmtree(root / "var/lib/private/cxr", ignore_errors=True)


@contextmanager
def booted(root: Path) -> Iterator[Booted]:
    """Boot it in a network of its own, which this machine reaches."""
    sh("ip", "netns", "add", NETWORK)
    command = ["systemd-nspawn", "--quiet", f"--directory={root}", "--boot", "--keep-unit"]
    command += ["--register=no", f"--network-namespace-path=/run/netns/{NETWORK}"]
    try:
        pair = ("type", "veth", "peer", "name", "eth0", "netns", NETWORK)
        sh("ip", "link", "add", NETWORK, *pair)
        ip = ["ip", "-netns", NETWORK]
        for words, link, address in ((["ip"], NETWORK, READERS), (ip, "eth0", ADDRESS)):
            sh(*words, "address", "add", f"{address}/24", "dev", link)
            sh(*words, "link", "set", link, "up")
        sh(*ip, "link", "set", "lo", "up")
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        with subprocess.Popen(command, **quiet) as process:
            try:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
                while not (found := children.read_text().split()):
                    time.sleep(0.1)
                yield Booted(root, int(found[0]))
            finally:
                process.terminate()
                process.wait(60)
    finally:
        sh("ip", "netns", "delete", NETWORK)


def asked(path: str = "/") -> str:
    """Return what nginx answers to somebody at another address."""
    at = ("--resolve", f"{NAME}:443:{ADDRESS}", "-H", "Accept: text/html")
    return sh("curl", "-sk", "-w", "\n%{http_code}", *at, f"https://{NAME}{path}")


def open_to_nobody(machine: Booted) -> None:
    """Check what comes of the unit and nginx as they are shipped, without a sign-in."""
    says("the unit is healthy", True, f"{machine.healthy()} after it was looked at")
    exposed = machine.run("systemd-analyze security cxr --no-pager | tail -1")
    says("its exposure by systemd-analyze", "OK" in exposed, *re.findall(r"\d+\.\d+", exposed))
    page = asked()
    says("without a sign-in nginx is told no", page.endswith("403"), page.splitlines()[0])
    says("and what to do", "CXR_OPEN_WITHOUT_SIGN_IN" in page)
    status = machine.run(f"cat /proc/{machine.show('MainPID')}/status")
    (user,) = re.findall(r"Uid:\s*(\d+)", status)
    says("it is not root", user != "0", user)
    says("it has no capability", set(re.findall(r"Cap\w+:\s*(\w+)", status)) == {"0" * 16})


def read(machine: Booted, folder: Path) -> None:
    """Configure a sign-in, sign in, and have a film scored."""
    site = machine.root / "etc/ssl"
    tls = {"ssl_keyfile": f"{site}/cxr.key", "ssl_certfile": f"{site}/cxr.pem"}
    find = "from cxr.reading_room.samples import sample_films; print(sample_films()[-2])"
    python = "cd /opt/cxr/app && CXR_READINGS_URL=off /opt/cxr/venv/bin/python"
    film = machine.run(f"{python} -c {shlex.quote(find)}")
    model = "--model tuberculosis --out /tmp/r.json"
    machine.run(f"{python} -m cxr predict {film} {model}")
    score = float(json.loads(machine.run("cat /tmp/r.json"))[0]["score"])
    copy = folder / "film.dcm"
    shutil.copy(machine.root / film.lstrip("/"), copy)
    expect.set_options(timeout=120_000)
    flags = [
        "--no-sandbox",
        f"--host-resolver-rules=MAP {NAME} {ADDRESS}, MAP {PROVIDER} {READERS}",
    ]
    with provider(READERS, PROVIDER, **tls) as made, sync_playwright() as play:
        made.redirect_uri = f"https://{NAME}/oauth2callback"
        file = machine.root / ENVIRONMENT
        file.parent.mkdir(exist_ok=True)
        said = variables(made) | {"SSL_CERT_FILE": "/etc/ssl/cxr.pem"}
        file.write_text("".join(f"{name}={value}\n" for name, value in said.items()))
        file.chmod(0o600)
        machine.run(f"echo {READERS} {PROVIDER} >> /etc/hosts")
        machine.run("systemctl restart cxr")
        says("it is healthy with a sign-in", True, machine.healthy())
        page = asked()
        says("a page asks to sign in", page.endswith("401") and "/sign_in" in page)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = signs_in(browser, made, "reader")
        told = scored(page, copy)
        says(
            "a film is scored on the page", f"{score:.2f}" in told or f"{score:.3f}" in told, score
        )
        page.wait_for_timeout(3000)
        page.screenshot(path=str(folder / "page.png"))
        browser.close()


def ended(machine: Booted) -> None:
    """Kill it, then stop it, and look at what it left."""
    main = machine.show("MainPID")
    machine.run(f"kill -9 {main}")
    time.sleep(6)
    machine.healthy()
    says("killed, it is started anew", machine.show("MainPID") != main, machine.show("NRestarts"))
    begun = time.monotonic()
    machine.run("systemctl stop cxr")
    took = time.monotonic() - begun
    says("it stops in its time", machine.show("Result") == "success", f"{took:.1f} s of 60 s")
    (log,) = (machine.root / "var/lib/private/cxr").rglob("readings.sqlite3")
    with sqlite3.connect(f"file:{log}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT count(*) FROM readings").fetchone()[0]
        events = [event for (event,) in database.execute("SELECT event FROM sign_ins")]
    says(
        "the reading is in its log, readable by itself alone",
        rows and not log.stat().st_mode & 0o77,
    )
    says("and who came", "signed_in" in events, " ".join(events))
    said = machine.run("journalctl -u cxr --no-pager")
    names = [str(person["name"]) for person in PEOPLE.values()]
    says(
        "its messages have no name, no traceback", not any(w in said for w in [*names, "Traceback"])
    )


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    installed(root)
    with booted(root) as machine:
        open_to_nobody(machine)
        read(machine, root.parent)
        ended(machine)


if __name__ == "__main__":
    main()
