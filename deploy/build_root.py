"""The image's root file system by the Dockerfile's own steps, where no container engine runs.

    sudo python deploy/build_root.py BASE ROOT

``BASE`` is a root file system of Debian 12 with Python 3.11 in it, as ``deploy/check_image`` makes
it; ``ROOT`` is where the last stage comes to be, next to a file ``ROOT.json`` of its environment,
user, command and health check. Each RUN is run in a chroot; COPY, ENV, WORKDIR and USER do what
they do in a Dockerfile. Anything else that is met ends the build.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
#: Of whoever builds, so that packages come from where they come from on this machine.
PASSED_ON = ("PIP_", "SSL_CERT", "http_proxy", "https_proxy", "no_proxy")
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """One stage of a Dockerfile as it is built.

    Attributes
    ----------
    root : pathlib.Path
        Its root file system.
    facts : dict
        ``env``, ``user``, ``workdir``, ``cmd`` and ``healthcheck``.
    """

    root: Path
    facts: dict = field(
        default_factory=lambda: {
            "env": {"PATH": BASE_PATH},
            "user": "0",
            "workdir": "/",
            "cmd": [],
            "healthcheck": [],
        }
    )


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def ignored(path: str, rules: list[str]) -> bool:
    """Whether .dockerignore leaves a path of the checkout out: the last rule that fits decides."""
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        parents = [path, *(str(parent) for parent in Path(path).parents)]
        plain = pattern.replace("**/", "")
        fits = any(
            fnmatch.fnmatch(each, pattern)
            or ("**/" in pattern and fnmatch.fnmatch(Path(each).name, plain))
            for each in parents
        )
        if fits:
            out = not rule.startswith("!")
    return out


def build(base: Path, root: Path) -> Stage:
    """Build all stages; the last one comes to be at the root that is given."""
    text = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
    steps = instructions(text)
    last = max(k for k, (word, _) in enumerate(steps) if word == "FROM")
    stages: dict[str, Stage] = {}
    stage = Stage(root)
    for number, (word, rest) in enumerate(steps):
        print(f"{word} {rest}", flush=True)
        if word == "FROM":
            name = rest.split(" AS ")[1] if " AS " in rest else ""
            stage = stages[name] = Stage(
                root if number == last else root.with_name(f"{name}.stage")
            )
            shutil.rmtree(stage.root, ignore_errors=True)
            subprocess.run(["cp", "-a", str(base), str(stage.root)], check=True)
        else:
            step(stage, word, rest, stages)
    return stage


def step(stage: Stage, word: str, rest: str, stages: dict[str, Stage]) -> None:
    """Do one instruction."""
    facts = stage.facts
    if word == "ENV":
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            facts["env"][name] = value.replace("$PATH", facts["env"]["PATH"])
    elif word == "WORKDIR":
        facts["workdir"] = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        facts["user"] = rest
    elif word == "CMD":
        facts["cmd"] = json.loads(rest)
    elif word == "HEALTHCHECK":
        facts["healthcheck"] = json.loads(rest.partition("CMD")[2])
    elif word == "COPY":
        copy(stage, rest, stages)
    elif word == "RUN":
        run(stage, rest)
    elif word != "EXPOSE":
        raise SystemExit(f"{word} is not known here")


def copy(stage: Stage, rest: str, stages: dict[str, Stage]) -> None:
    """Copy from the checkout, what .dockerignore leaves in, or from a stage before."""
    words = shlex.split(rest)
    source, rules = CHECKOUT, (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").split()
    if words[0].startswith("--from="):
        source, rules = stages[words.pop(0).partition("=")[2]].root, []
    *names, to = words
    target = stage.root / os.path.normpath(os.path.join(stage.facts["workdir"], to)).lstrip("/")
    for name in names:
        origin = source / name.lstrip("/")
        single = origin.is_file()
        into = target / origin.name if single and (to.endswith("/") or len(names) > 1) else target
        if single:
            if ignored(name, rules):
                raise SystemExit(f"{name} is left out by .dockerignore")
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, into)
            continue

        def left_out(folder: str, inside: list[str], source: Path = source) -> list[str]:
            under = Path(folder).relative_to(source)
            return [one for one in inside if ignored(str(under / one), rules)]

        shutil.copytree(origin, into, symlinks=True, ignore=left_out, dirs_exist_ok=True)


def run(stage: Stage, command: str) -> None:
    """Run a command in the stage, with this machine's way to packages."""
    env = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    lent = []
    for path in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
        inside = stage.root / path.lstrip("/")
        if Path(path).is_file():
            inside.parent.mkdir(parents=True, exist_ok=True)
            lent.append((inside, inside.read_bytes() if inside.is_file() else None))
            shutil.copy(path, inside)
    try:
        subprocess.run(
            [
                "chroot",
                str(stage.root),
                "/bin/sh",
                "-c",
                f"cd {stage.facts['workdir']} && {command}",
            ],
            env=env | {"HOME": "/root"} | stage.facts["env"],
            check=True,
        )
    finally:
        for inside, before in lent:
            inside.unlink(missing_ok=True)
            if before is not None:
                inside.write_bytes(before)


if __name__ == "__main__":
    built = build(Path(sys.argv[1]), Path(sys.argv[2]))
    Path(f"{sys.argv[2]}.json").write_text(json.dumps(built.facts, indent=1), encoding="utf-8")
