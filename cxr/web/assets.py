"""The files of ``static/``, which the browser fetches by address and keeps while a page is open.

A component of Streamlit has either its script in every message or a folder that is served, and a
component of the second version has a folder in installed packages alone. So the folder is
declared as that of one of the first version, which is served from a checkout as well, and the
script of every component of ours is a line that imports its module from there.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component

__all__ = ["STATIC", "component", "showing"]

STATIC = Path(__file__).parent / "static"
#: This process, and how often it has shown a component.
_SERVER = secrets.token_hex(8)
_showings = itertools.count(1)
#: Streamlit's own script tells where the server is, whatever path a proxy put it under.
_LOADER = """\
export default async function (component) {{
  const own = document.querySelector("script[src*='/static/js/']");
  const server = own ? new URL("../../", own.src) : document.baseURI;
  const module = await import(new URL("component/{folder}/{script}", server));
  return module.default(component);
}}
"""


def component(name: str, script: str) -> Callable[..., Any]:
    """Return a component whose module, and all that it imports or fetches, is served.

    Parameters
    ----------
    name : str
        Of the component.
    script : str
        Name of a module in ``static/``; what it exports by default is called as a component's.

    Returns
    -------
    callable
        Shows the component, like what `streamlit.components.v2.component` returns.

    Raises
    ------
    FileNotFoundError
        If there is no such module.
    """
    if not (STATIC / script).is_file():
        raise FileNotFoundError(f"No module {script} in {STATIC}")

    @cache
    def defined(folder: str) -> Any:
        return st.components.v2.component(name, js=_LOADER.format(folder=folder, script=script))

    def show(**arguments: Any) -> Any:
        # In every run: the server may be another one than that of the last.
        return defined(_serve())(**arguments)

    return show


def showing() -> dict[str, str | int]:
    """Return what tells a showing of a component from those before it.

    The browser may be asked for an earlier one after a later one. Counted, and not timed: a clock
    that is set back by an hour would have nothing shown for an hour.
    """
    return {"by": _SERVER, "number": next(_showings)}


def _serve() -> str:
    """Have this run's server give out the folder; return the folder's name there."""
    name: str = declare_component(f"static_{_version()}", path=STATIC).name
    return name


@cache
def _version() -> str:
    """Tell one state of the files from another, so that no page mixes two."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
