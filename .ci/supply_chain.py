"""What the image is made of, and whether any of it is known to be unsafe.

    python .ci/supply_chain.py sbom FILE    (CycloneDX, of requirements.lock)
    python .ci/supply_chain.py audit        (pip-audit, of requirements.lock)

The audit ends with status 1 where a locked package has a known vulnerability, and where pip-audit
is not installed. Where no database of them has an answer it says so and why, and ends with 0:
without a network there is nothing to be found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
#: Seconds for all packages, and for one answer.
LIMIT, ANSWER = 90, 10
#: Asked in turn, until one answers.
DATABASES = ("pypi", "osv")


def sbom(out: Path, *, check: bool = True) -> int:
    """Write the bill of materials: each locked package, its version and the hashes of its files.

    By default it is compared with the schema of CycloneDX, which takes longer than to make it.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(LOCK), "--of", "JSON"]
    command += ["--output-reproducible", "--validate" if check else "--no-validate"]
    return subprocess.run([*command, "-o", str(out)], check=True).returncode


def audited(database: str) -> str | None:
    """Return what pip-audit says as JSON; None where it has nothing to say in time."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["-r", str(LOCK), "-f", "json", "-s", database, "--timeout", str(ANSWER)]
    command += ["--progress-spinner", "off"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return None
    if done.stdout:
        return done.stdout
    why = done.stderr.strip().rpartition("\n")[2]
    if "No module named" in why:
        sys.exit(why)
    print(f"{database}: {why}")
    return None


def judged(said: str | None) -> tuple[list[str], int, int]:
    """Return the vulnerabilities, and how many packages were looked up and how many were not."""
    try:
        packages = json.loads(said or "{}").get("dependencies", [])
    except ValueError:
        packages = []
    known = [package for package in packages if "skip_reason" not in package]
    unsafe = [
        f"{package['name']} {package['version']}: {found['id']}"
        + (f", mended in {', '.join(found['fix_versions'])}" if found["fix_versions"] else "")
        for package in known
        for found in package["vulns"]
    ]
    return unsafe, len(known), len(packages) - len(known)


def audit() -> int:
    """Ask the databases in turn; say what came of it."""
    for database in DATABASES:
        unsafe, known, unknown = judged(audited(database))
        if known:
            rest = f", {unknown} not known there" if unknown else ""
            print(
                f"{known} locked packages were looked up at {database}{rest}: "
                f"{len(unsafe)} known vulnerabilities"
            )
            print("\n".join(unsafe))
            return int(bool(unsafe))
    print("NOT AUDITED: no database of vulnerabilities had an answer")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sbom", out]:
            sys.exit(sbom(Path(out)))
        case ["audit"]:
            sys.exit(audit())
        case _:
            sys.exit(__doc__)
