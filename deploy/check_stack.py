"""What compose.yaml runs, from the outside: its readers, their films, and what is kept of them.

Started by ``deploy/check_compose`` as root, with a copy of the checkout. Readers come from a
network of their own, and the provider that signs them in is that of the tests. All that was started
is removed at the end, the database too. Prints a line per check; ends with status 1 at the first
that fails.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from check_running import NAME, says, sh
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.openid_provider import CLIENT, SECRET, Provider, provider

PROVIDER = "id.hospital.example"
HERE, READERS, NETWORK = "10.198.0.1", "10.198.0.2", "cxr-readers"
SERVICES = ("nginx", "dashboard", "readings")
PEOPLE = {
    "reader": {"sub": "r-1", "name": "Rosa Reader", "groups": ["xray"]},
    "outsider": {"sub": "o-1", "name": "Otto Outside", "groups": ["canteen"]},
}
#: To what compose.yaml says, that the dashboard finds the provider and takes its certificate.
OVERRIDE = f"""
services:
  dashboard:
    environment:
      SSL_CERT_FILE: /run/secrets/tls_certificate
    extra_hosts:
      - "{PROVIDER}:{HERE}"
    secrets:
      - tls_certificate
"""
SIGN_IN = """
[auth]
redirect_uri = "https://{name}/oauth2callback"
cookie_secret = "{secret}"
client_id = "{client}"
client_secret = "{client_secret}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"

[sign_in]
readers = ["xray"]
pseudonym_key = "{secret}"
"""


class Stack:
    """The services, by docker compose in the folder of the copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": "cxr-check",
            "COMPOSE_FILE": "compose.yaml:override.yaml",
        }

    def shell(self, command: str) -> str:
        """Run a command as somebody types it in the folder."""
        done = subprocess.run(
            ["bash", "-ec", command], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        if done.returncode:
            says(command, False, done.stderr[-2000:])
        return done.stdout.strip()

    def inside(self, service: str, command: str) -> str:
        """Run a command in a container."""
        return self.shell(f"docker compose exec -T {service} sh -c {shlex.quote(command)}")

    def ask(self, query: str) -> str:
        """Ask the database."""
        psql = "docker compose exec -T readings psql --username=cxr --dbname=cxr -At -c"
        return self.shell(f"{psql} {shlex.quote(query)}")

    def count(self, table: str) -> int:
        """Count the rows of a table; the dashboard makes it when it has the first."""
        if not self.ask(f"SELECT to_regclass('{table}')"):
            return 0
        return len(self.ask(f"TABLE {table}").splitlines())

    def healthy(self) -> str:
        """Wait until all services are; return how long that took."""
        begun = time.monotonic()
        while True:
            told = self.shell("docker compose ps --format json").splitlines()
            health = {one["Service"]: one["Health"] for one in map(json.loads, told)}
            if health == dict.fromkeys(SERVICES, "healthy"):
                return f"{time.monotonic() - begun:.0f} s"
            if time.monotonic() - begun > 180:
                says("all are healthy", False, health)
            time.sleep(1)


@contextmanager
def readers_network() -> Iterator[None]:
    """Make the network from which readers come: this machine is another one to it."""
    ip = ["ip", "-netns", NETWORK]
    sh("ip", "netns", "add", NETWORK)
    try:
        pair = ("type", "veth", "peer", "name", "eth0", "netns", NETWORK)
        sh("ip", "link", "add", NETWORK, *pair)
        for words, link, address in ((["ip"], NETWORK, HERE), (ip, "eth0", READERS)):
            sh(*words, "address", "add", f"{address}/24", "dev", link)
            sh(*words, "link", "set", link, "up")
        sh(*ip, "link", "set", "lo", "up")
        yield
    finally:
        sh("ip", "netns", "delete", NETWORK)


def from_there(*words: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{NETWORK}", *words]


def curl(path: str, *words: str) -> str:
    at = f"{NAME}:443:{HERE}"
    return sh(*from_there("curl", "-sk", "--resolve", at, *words, f"https://{NAME}{path}"))


def made_secrets(folder: Path) -> Path:
    """Make the folder of secrets by the commands of docs/deploy.md, but for who signs in."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    sh(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:{PROVIDER}"),
        *("-keyout", f"{secrets}/tls_key.pem", "-out", f"{secrets}/tls_certificate.pem"),
    )
    (secrets / "readings_password").write_text(sh("openssl", "rand", "-hex", "24").strip())
    return secrets


def hardened(stack: Stack) -> None:
    """Check what each container may do, asked of itself."""
    for service in SERVICES:
        status = stack.inside(service, "cat /proc/1/status")
        none = set(re.findall(r"Cap\w+:\s*(\w+)", status)) == {"0" * 16}
        user = re.findall(r"Uid:\s*(\d+)", status)[0]
        says(f"{service} has no capability and gains none", none and "NoNewPrivs:\t1" in status)
        says(f"{service} is not root", user != "0", user)
        places = "/ /etc /usr/bin /var/tmp /app /opt"
        touch = f"for f in {places}; do touch $f/x 2>/dev/null && echo $f; done; true"
        says(f"{service} can write nothing there", not stack.inside(service, touch), places)
    # By another container of its network: PostgreSQL takes a child that is killed for its own.
    reach = "import socket; socket.create_connection(('1.1.1.1', 443), 5)"
    another = "docker run --rm --network cxr-check_inside python:3.11-slim-bookworm python -c"
    said = stack.shell(f"{another} {shlex.quote(reach)} 2>&1 || true")
    says("readings reaches nothing outside", "Error" in said, said.splitlines()[-1])
    to = "getent hosts readings || echo nobody"
    says("nginx does not know readings", stack.inside("nginx", to) == "nobody")
    port = subprocess.run(
        ["docker", "compose", "port", "dashboard", "8501"],
        cwd=stack.folder,
        env=stack.env,
        capture_output=True,
        text=True,
    )
    says(
        "the dashboard has no port outside", port.stdout.strip() in ("", ":0"), port.stdout.strip()
    )


def signed_out() -> None:
    """Ask from the readers' network, without a sign-in."""
    page = curl("/", "-D", "-", "-H", "Accept: text/html")
    says("a page asks to sign in", page.startswith("HTTP/1.1 401") and "/sign_in" in page)
    for header in ("Strict-Transport-Security", "Content-Security-Policy"):
        says(f"it has {header}", header.lower() in page.lower())
    bare = curl("/static/js/index.js", "-o", "/dev/null", "-w", "%{http_code}")
    says("and nothing else is shown", bare == "401", bare)


def signs_in(browser: Browser, made: Provider, who: str) -> Page:
    made.person = PEOPLE[who]
    page = browser.new_context(
        ignore_https_errors=True,
        base_url=f"https://{NAME}",
        viewport={"width": 1440, "height": 900},
    ).new_page()
    page.goto("/")
    page.get_by_role("link", name="Sign in").click()
    return page


def scored(page: Page, film: Path) -> str:
    """Have a film scored on the page; return what the list says of it."""
    expect(page.get_by_test_id("stFileUploader").first).to_be_visible()
    page.set_input_files("input[type=file]", film)
    expect(page.locator("li.above, li.near, li.below").first).to_be_visible()
    expect(page.locator("li.waiting")).to_have_count(0)
    return page.locator(".worklist").inner_text()


def grown(stack: Stack, table: str, before: int) -> int:
    """Wait until a table has more rows, which are written behind the reader."""
    end = time.monotonic() + 60
    while (now := stack.count(table)) <= before and time.monotonic() < end:
        time.sleep(1)
    return now


def film_of(stack: Stack) -> tuple[Path, float]:
    """Score a film that is in the image by the command line in it; return both."""
    find = "from cxr.reading_room.samples import sample_films; print(sample_films()[-2])"
    film = stack.inside("dashboard", f'python -c "{find}"')
    # Without its log: what is counted below is of the pages.
    words = f"CXR_READINGS_URL=off python -m cxr predict {film} --model tuberculosis"
    stack.inside("dashboard", f"{words} --out /tmp/r.json")
    row = json.loads(stack.inside("dashboard", "cat /tmp/r.json; rm /tmp/r.json"))[0]
    stack.shell(f"docker compose cp dashboard:{film} film.dcm")
    return stack.folder / "film.dcm", float(row["score"])


def commands(page: str, first: str) -> list[str]:
    """Return the lines of the block of a page of the documentation that begins so."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if block.strip().startswith(first)]
    return [line.strip() for line in block.strip().splitlines()]


def restored(stack: Stack) -> None:
    """Back up, empty a table, and restore, by the documentation's commands."""
    page = (stack.folder / "docs" / "deploy.md").read_text(encoding="utf-8")
    tables = ("readings", "opened", "sign_ins")
    before = [stack.count(table) for table in tables]
    for line in commands(page, "docker compose exec -T readings pg_dump"):
        stack.shell(line)
    stack.ask("DELETE FROM sign_ins")
    says("a table is emptied", stack.count("sign_ins") == 0)
    for line in commands(page, "docker compose stop dashboard"):
        stack.shell(line)
    says("and is restored, with the others", [stack.count(table) for table in tables] == before)
    print(f"     {dict(zip(tables, before, strict=True))}")


def read(stack: Stack, browser: Browser, made: Provider) -> None:
    """Sign in, have a film scored, and find in the database what came of it."""
    film, score = film_of(stack)
    page = signs_in(browser, made, "outsider")
    expect(page.get_by_text("You may not open this dashboard")).to_be_visible()
    says("somebody in none of the groups is refused", page.get_by_text("Sign out").count() == 1)
    page.context.close()
    page = signs_in(browser, made, "reader")
    told = scored(page, film)
    says("a film is scored on the page", f"{score:.2f}" in told or f"{score:.3f}" in told, score)
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.screenshot(path=str(stack.folder / "page.png"))
    readings = grown(stack, "readings", 0)
    says("its reading is in PostgreSQL", readings, readings)
    says("and that it was opened", grown(stack, "opened", 0), stack.count("opened"))
    events = stack.ask("SELECT event, count(*) FROM sign_ins GROUP BY 1 ORDER BY 1").split()
    says("and who came", events == ["refused|1", "signed_in|1"], " ".join(events))
    names = stack.shell("docker compose exec -T readings pg_dump --username=cxr cxr")
    says("and no name", not any(str(person["name"]) in names for person in PEOPLE.values()))

    before = stack.count("readings")
    stack.shell("docker compose stop readings")
    page.get_by_role("button", name="Add films").click()
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator(".worklist li")).to_have_count(0)
    told = scored(page, film)
    says("a film is scored while the database is gone", f"{score:.2f}" in told)
    stack.shell("docker compose start readings")
    stack.healthy()
    now = grown(stack, "readings", before)
    says("what waited is written when it is back", now > before, f"{before}, then {now}")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    ended = grown(stack, "sign_ins", 2)
    says("a sign-out is noted, and told to the provider", made.ended == ["r-1"] and ended == 3)
    page.context.close()


def started_anew(stack: Stack, browser: Browser, made: Provider) -> None:
    """Restart everything, and make its containers anew, over the same database."""
    before = stack.count("readings")
    stack.shell("docker compose restart")
    says("all are healthy after a restart", True, stack.healthy())
    stack.shell("docker compose down && docker compose up --detach")
    says("and with containers made anew", True, stack.healthy())
    says("with what was kept", stack.count("readings") == before, before)
    page = signs_in(browser, made, "reader")
    expect(page.get_by_test_id("stFileUploader").first).to_be_visible()
    says("and people sign in again", True)
    page.context.close()


def renewed(stack: Stack) -> None:
    """Write another certificate over the one that is there, in place, as docs/deploy.md says."""
    serial = served_certificate()
    new = stack.folder / "new"
    new.mkdir()
    made_secrets(new)
    for name in ("tls_key.pem", "tls_certificate.pem"):
        stack.shell(f"cat new/secrets/{name} > secrets/{name}")
    stack.shell("docker compose kill --signal HUP nginx")
    time.sleep(3)
    says("a renewed certificate is taken", served_certificate() != serial)


def served_certificate() -> str:
    asks = f"openssl s_client -connect {HERE}:443 -servername {NAME} </dev/null 2>/dev/null"
    return sh(*from_there("bash", "-c", f"{asks} | openssl x509 -noout -serial"))


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    secrets = made_secrets(folder)
    (folder / "override.yaml").write_text(OVERRIDE)
    (folder / ".env").write_text(f"CXR_NAME={NAME}\n")
    stack = Stack(folder)
    through = folder / "chromium"
    through.write_text(
        f'#!/bin/sh\nexec {shlex.join(from_there(shutil.which("chromium") or ""))} "$@"\n'
    )
    through.chmod(0o755)
    flags = [
        "--no-sandbox",
        f"--host-resolver-rules=MAP {NAME} {HERE}, MAP {PROVIDER} {HERE}",
    ]
    expect.set_options(timeout=120_000)
    tls = {
        "ssl_keyfile": f"{secrets}/tls_key.pem",
        "ssl_certfile": f"{secrets}/tls_certificate.pem",
    }
    with readers_network(), provider(HERE, PROVIDER, **tls) as made, sync_playwright() as play:
        made.redirect_uri = f"https://{NAME}/oauth2callback"
        told = {"name": NAME, "client": CLIENT, "client_secret": SECRET, "issuer": made.issuer}
        (secrets / "sign_in.toml").write_text(SIGN_IN.format(**told, secret="k" * 40))
        for file in secrets.iterdir():
            file.chmod(0o444)
        try:
            stack.shell("docker compose up --build --detach")
            says("all are healthy", True, f"{stack.healthy()} after they were started")
            hardened(stack)
            signed_out()
            browser = play.chromium.launch(executable_path=str(through), args=flags)
            read(stack, browser, made)
            restored(stack)
            stack.healthy()
            started_anew(stack, browser, made)
            renewed(stack)
            browser.close()
            log = stack.shell("docker compose logs --no-log-prefix nginx")
            says(
                "the proxy's log has the readers' address and no query",
                READERS in log and "?" not in log,
            )
            said = stack.shell("docker compose logs dashboard")
            says("the dashboard's messages have no traceback", "Traceback" not in said)
            says("and it asked nobody for its address", "external IP" not in said)
            stats = stack.shell("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}'")
            print("     " + "\n     ".join(stats.splitlines()))
        except BaseException:
            print(stack.shell("docker compose logs --tail=20 readings dashboard")[-4000:])
            raise
        finally:
            stack.shell("docker compose down --volumes")
    print(f"     the picture of the page is in {folder}")


if __name__ == "__main__":
    main()
