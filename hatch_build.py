"""What the build reads of the requirement files, so that each requirement is in one list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = ("train", "postgresql", "signin", "cluster", "dev")


class RequirementFiles(MetadataHookInterface):
    """``requirements.txt`` are the dependencies, ``requirements-<extra>.txt`` the extras."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the dependencies of the project."""
        root = Path(self.root)
        metadata["dependencies"] = read(root / "requirements.txt")
        metadata["optional-dependencies"] = {
            extra: read(root / f"requirements-{extra}.txt") for extra in EXTRAS
        }


def read(path: Path) -> list[str]:
    """Return the requirements of a file and, the run-time ones apart, of those it includes."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        requirement = line.split(" #")[0].strip()
        if requirement.startswith("-r "):
            included = path.with_name(requirement.removeprefix("-r ").strip())
            if included.name != "requirements.txt":  # those come with the package itself
                found += read(included)
        elif requirement and not requirement.startswith("#"):
            found.append(requirement)
    return found
