"""The dashboard in a root file system that was built, as compose.yaml runs it, and nginx before it.

Started by ``deploy/check_image`` as root in a namespace of mounts and one of networks, both of
which end with it. The server has another network, so that its readers come from another address.
Prints a line per check; ends with status 1 at the first that fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "cxr.hospital.example"
PROXY_USER = "101"
#: Of the server, which has a network of its own; all that asks it something comes from another one.
ADDRESS, READERS = "10.199.0.1", "10.199.0.2"
INSIDE = ["nsenter", "--net=/run/netns/server"]
SMALLEST = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--clear-groups"]


class Container:
    """What an engine would run: a root file system, and what its Dockerfile says of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.facts = json.loads(Path(f"{root}.json").read_text(encoding="utf-8"))

    def mount(self) -> None:
        """Make the root read-only, with /tmp and the home in memory, and a bare /dev."""
        root = str(self.root)
        sh("mount", "--bind", root, root)
        sh("mount", "-o", "remount,bind,ro", root)
        user = self.facts["user"]
        for place, options in {
            "tmp": "size=64m,mode=1777",
            "home/cxr": f"size=64m,uid={user},gid={user},mode=0700",
            "dev": "size=1m,mode=0755",
        }.items():
            sh("mount", "-t", "tmpfs", "-o", options, "tmpfs", f"{root}/{place}")
        sh("mount", "-t", "proc", "proc", f"{root}/proc")
        for device in ("null", "zero", "random", "urandom"):
            Path(f"{root}/dev/{device}").touch()
            sh("mount", "--bind", f"/dev/{device}", f"{root}/dev/{device}")
        Path(f"{root}/dev/shm").mkdir(mode=0o1777)
        sh("mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", f"{root}/dev/shm")

    def command(self, *words: str) -> list[str]:
        """Return how to run words in it: in its network, as its user, without any capability."""
        user = self.facts["user"]
        inside = f'cd {self.facts["workdir"]} && exec "$@"'
        ids = [f"--reuid={user}", f"--regid={user}", *SMALLEST]
        return [
            *INSIDE,
            "chroot",
            str(self.root),
            "setpriv",
            *ids,
            "sh",
            "-c",
            inside,
            "sh",
            *words,
        ]

    def env(self, **more: str) -> dict[str, str]:
        """Return its environment, and nothing of this one's."""
        return self.facts["env"] | {"HOME": "/home/cxr"} | more

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run words in it to their end."""
        return subprocess.run(
            self.command(*words), env=self.env(**more), capture_output=True, text=True
        )


def sh(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def says(what: str, holds: object, told: object = "") -> None:
    """Print a check, and end where it fails."""
    print(f"{'yes' if holds else 'NO '}  {what}{f': {told}' if told != '' else ''}", flush=True)
    if not holds:
        raise SystemExit(1)


@contextmanager
def started(
    command: list[str], log: Path, env: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def networks() -> None:
    """Make the server's network, and let this one, where its readers are, reach it and nothing."""
    ip = ["ip", "-netns", "server"]
    sh("ip", "netns", "add", "server")
    sh("ip", "link", "add", "readers", "type", "veth", "peer", "name", "eth0", "netns", "server")
    for words, link, address in ((["ip"], "readers", READERS), (ip, "eth0", ADDRESS)):
        sh(*words, "address", "add", f"{address}/24", "dev", link)
        sh(*words, "link", "set", link, "up")
        sh(*words, "link", "set", "lo", "up")


def lone(container: Container) -> None:
    """Check whom it runs as and what it may do, before anything is served."""
    user = container.facts["user"]
    says("its user is not root", container.run("id", "-u").stdout.strip() == user != "0", user)
    writes = (
        "for f in /app /opt/cxr /etc /var/tmp /usr/bin; do touch $f/x 2>/dev/null && echo $f; done"
    )
    says("nothing is writable", not container.run("sh", "-c", writes).stdout)
    says("but /tmp and the home", not container.run("touch", "/tmp/x", "/home/cxr/x").returncode)
    status = container.run("cat", "/proc/self/status").stdout
    says("it has no capability", set(re.findall(r"Cap\w+:\s*(\w+)", status)) == {"0" * 16})
    says("and gains none", "NoNewPrivs:\t1" in status)
    reach = "import socket; socket.create_connection(('1.1.1.1', 443), 3)"
    says("there is no network", "unreachable" in container.run("python", "-c", reach).stderr)
    tools = "command -v gcc cc g++ ld as make pip || true"
    found = container.run("sh", "-c", f"PATH=/opt/cxr/bin:/usr/bin:/bin; {tools}").stdout
    says("there is no compiler and no installer", not found, found.strip() or "none")


def served(container: Container, folder: Path) -> str:
    """Wait until the health check passes; return how long it took."""
    begun = time.monotonic()
    while container.run(*container.facts["healthcheck"]).returncode:
        if time.monotonic() - begun > 180:
            print((folder / "dashboard.log").read_text()[-3000:])
            says("the health check passes", False)
        time.sleep(1)
    return f"{time.monotonic() - begun:.0f} s after the start"


def by_command(container: Container) -> tuple[Path, float]:
    """Score the film that comes with pydicom-data, by the command line in it; return both."""
    find = "from cxr.reading_room.samples import sample_films; print(sample_films()[-2])"
    film = container.run("python", "-c", find).stdout.strip()
    done = container.run(
        *("python", "-m", "cxr", "predict", film),
        *("--model", "tuberculosis", "--out", "/tmp/r.json"),
    )
    says("a film is scored by the command line", done.returncode == 0, done.stderr[-300:].strip())
    row = json.loads(container.run("cat", "/tmp/r.json").stdout)[0]
    print(f"     {Path(film).name}: {row['score']}, {row['band']} {row['operating_point']}")
    return container.root / film.lstrip("/"), float(row["score"])


def answer(request: str, *, tls: bool = True, host: str = NAME, body: bytes = b"") -> str:
    """Return the start of what the proxy answers to the text of a request."""
    with socket.create_connection((ADDRESS, 8443 if tls else 8080), 20) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        end = context.wrap_socket(plain, server_hostname=host) if tls else plain
        end.sendall(f"{request}\r\nHost: {host}\r\n\r\n".replace("\n\r", "\n").encode() + body)
        end.settimeout(20)
        return end.recv(8000).decode("latin-1")


def through_the_proxy() -> None:
    """Ask nginx for what it should pass on, and for what it should not."""
    page = answer("GET / HTTP/1.1\r\nConnection: close")
    says("a page by TLS", page.startswith("HTTP/1.1 200"), page.splitlines()[0])
    for header in ("Strict-Transport-Security", "Content-Security-Policy", "X-Frame-Options"):
        says(f"it has {header}", header.lower() in page.lower())
    says("it does not tell a version", "nginx/" not in page)
    plain = answer("GET /training?x=1 HTTP/1.1", tls=False)
    says("without TLS it leads there", f"Location: https://{NAME}/training?x=1" in plain)
    says(
        "under another name it says nothing",
        not answer("GET / HTTP/1.1", tls=False, host="a.example"),
    )
    try:
        answer("GET / HTTP/1.1", host="a.example")
        says("nor by TLS", False)
    except ssl.SSLError as error:
        says("nor by TLS", "UNRECOGNIZED_NAME" in str(error), error.reason)
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = f"GET /_stcore/stream HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}"
    said = answer(f"{upgrade}\r\nOrigin: https://{NAME}")
    says("a websocket by TLS", said.startswith("HTTP/1.1 101"), said.splitlines()[0])
    said = answer(f"{upgrade}\r\nOrigin: https://a.example")
    says("but not for another origin", said.startswith("HTTP/1.1 403"), said.splitlines()[0])
    large = answer("PUT /_stcore/upload_file/a/b HTTP/1.1\r\nContent-Length: 600000000")
    says(
        "an upload over 501 MB is refused", large.startswith("HTTP/1.1 413"), large.splitlines()[0]
    )
    large = answer("POST /other HTTP/1.1\r\nContent-Length: 2000000")
    says("elsewhere one over 1 MB", large.startswith("HTTP/1.1 413"), large.splitlines()[0])
    codes = [answer("GET /oauth2callback HTTP/1.1\r\nConnection: close")[9:12] for _ in range(60)]
    says("too many tries to sign in are refused", "429" in codes, f"the {codes.index('429') + 1}th")
    health = answer("GET /_stcore/health HTTP/1.1\r\nConnection: close")
    says("health to whoever asks, as a page does first", health.startswith("HTTP/1.1 200"))
    figures = answer("GET /_stcore/metrics HTTP/1.1\r\nConnection: close")
    says(
        "figures of the server to nobody",
        not figures.startswith("HTTP/1.1 200"),
        figures.splitlines()[0],
    )


def by_the_page(folder: Path, film: Path, score: float) -> None:
    """Upload the same film in a browser, through the proxy, and see its score."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=120_000)
    flags = ["--no-sandbox", f"--host-resolver-rules=MAP {NAME}:443 {ADDRESS}:8443"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_context(
            ignore_https_errors=True,
            base_url=f"https://{NAME}",
            viewport={"width": 1440, "height": 900},
        ).new_page()
        page.goto("/")
        expect(page.get_by_test_id("stFileUploader")).to_be_visible()
        page.set_input_files("input[type=file]", film)
        rows = page.locator("li.above, li.near, li.below")
        expect(rows.first).to_be_visible()
        expect(page.locator("li.waiting")).to_have_count(0)
        page.wait_for_timeout(3000)
        page.screenshot(path=str(folder / "page.png"))
        told = page.locator(".worklist").inner_text()
        size = f"{film.stat().st_size / 1e6:.1f} MB"
        says("a film is uploaded and scored on the page", rows.count() == 1, size)
        says(
            "as by the command line",
            f"{score:.2f}" in told or f"{score:.3f}" in told,
            f"{score:.3f}",
        )
        browser.close()


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    folder = Path(tempfile.mkdtemp(prefix="cxr-check-", dir="/var/tmp"))
    folder.chmod(0o755)
    sh("mount", "--make-rprivate", "/")
    for place in ("/run", "/tmp"):
        sh("mount", "-t", "tmpfs", "-o", "size=256m,mode=1777", "tmpfs", place)
    networks()
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost dashboard\n", encoding="utf-8")
    sh("mount", "--bind", str(hosts), "/etc/hosts")
    container = Container(root)
    container.mount()
    lone(container)
    closed = container.run(*container.facts["cmd"])
    says("it does not start where nobody said who may come in", closed.returncode != 0)
    print(f"     {(closed.stderr + closed.stdout).strip()[-300:]}")
    names = [f"--server.allowedHosts={name}" for name in (NAME, "127.0.0.1")]
    command = container.command(*container.facts["cmd"], *names)
    env = container.env(CXR_OPEN_WITHOUT_SIGN_IN="1")
    with started(command, folder / "dashboard.log", env):
        says("the health check passes", True, served(container, folder))
        film, score = by_command(container)
        secrets = folder / "secrets"
        secrets.mkdir()
        sh(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={NAME}", "-keyout", f"{secrets}/tls_key"),
            *("-out", f"{secrets}/tls_certificate"),
        )
        for file in secrets.iterdir():
            file.chmod(0o444)
        Path("/run/secrets").mkdir()
        sh("mount", "--bind", str(secrets), "/run/secrets")
        ids = ["setpriv", f"--reuid={PROXY_USER}", f"--regid={PROXY_USER}", *SMALLEST]
        nginx = [*INSIDE, *ids, "nginx", "-c", str(HERE / "nginx.conf")]
        with proxy_log(folder).open("ab") as log:
            tested = subprocess.run([*nginx, "-t"], stdout=log, stderr=subprocess.PIPE, text=True)
        says("nginx takes its configuration", tested.returncode == 0, tested.stderr.strip())
        log = proxy_log(folder)
        with started([*nginx, "-g", "daemon off;"], log, dict(os.environ)):
            time.sleep(1)
            asks = ("curl", "--fail", "--silent", "-w", "%{http_code}", "http://127.0.0.1:8081/up")
            up = sh(*INSIDE, *asks)
            says("the proxy's health check passes", up == "204")
            through_the_proxy()
            by_the_page(folder, film, score)
        said = log.read_text(encoding="utf-8")
        says("the proxy's log has no query", "?" not in said, f"{len(said.splitlines())} lines")
        inside = container.run("du", "-s", "/tmp", "/home/cxr").stdout.split()
        print(
            f"     kB in /tmp {inside[0]}, in the home {inside[2]}; files and picture in {folder}"
        )


def proxy_log(folder: Path) -> Path:
    """Make the file that stands for the proxy's output, which it opens anew as its own user."""
    log = folder / "nginx.log"
    log.touch()
    os.chown(log, int(PROXY_USER), int(PROXY_USER))
    return log


if __name__ == "__main__":
    main()
