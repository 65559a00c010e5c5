"""The dashboard: page configuration and navigation, and the server that it runs in.

``streamlit run`` imports this file for `app`, and `app` runs it for each page that is drawn.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from runpy import run_path

import streamlit as st
from starlette.middleware import Middleware

WEB = Path(__file__).parent / "cxr" / "web"
#: A supervisor that waits ten seconds for a server to stop is in time.
SECONDS_TO_WRITE = 5.0

#: The pages in their order: file, title, sign.
PAGES = (
    ("triage", "Triage", "radiology"),
    ("dataset", "Dataset", "photo_library"),
    ("training", "Training", "show_chart"),
    ("evaluation", "Evaluation", "grid_on"),
    ("validation", "Validation", "fact_check"),
    ("monitoring", "Monitoring", "monitor_heart"),
    ("models", "Models", "description"),
)


def dashboard() -> None:
    """Draw a page, if it is one that its reader may open."""
    from cxr.web import navigated, not_for_this_role, on_page, opens, signed_in

    st.set_page_config(
        page_title="Chest radiographs", page_icon=WEB / "static" / "icon.svg", layout="wide"
    )
    signed_in()
    navigated()
    page = st.navigation(
        [
            st.Page(
                f"pages/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                default=name == PAGES[0][0],
            )
            if opens(name)
            # Found by its address alone, to say why it is not shown.
            else st.Page(not_for_this_role, title=title, url_path=name, visibility="hidden")
            for name, title, icon in PAGES
        ],
        position="top",
    )
    with on_page(page.url_path):
        page.run()


def owners(name: str) -> list[str]:
    """Return which browsers may fetch a media file: none before a page was drawn."""
    browsers = sys.modules.get("cxr.web.browsers")
    return browsers.owners(name) if browsers else []


@asynccontextmanager
async def until_written(_app: st.App) -> AsyncIterator[None]:
    """Have the server stop only once what readers said is written, or known to be lost."""
    yield
    kept = sys.modules.get("cxr.web.reading_session")
    if close := getattr(kept, "close_recorder", None):  # not while it is being imported
        await asyncio.to_thread(close, SECONDS_TO_WRITE)


if __name__ == "__main__":
    dashboard()
elif __name__ != "__mp_main__":  # a process that the dashboard starts serves nothing
    # To import `cxr` takes seconds, in which a tab that was open before may ask and upload: so
    # these parts of it come first, by themselves.
    hooks = run_path(str(WEB / "streamlit_hooks.py"))
    hooks["keep_uploads_in_memory"]()
    hooks["ask_nobody_outside"]()
    hooks["run_through_navigation"]()
    hooks["lose_no_press"]()
    hooks["empty_no_cache"]()
    guard = run_path(str(WEB / "guard.py"))["Guard"]
    # Ends the process where it would be open to whom it should not be.
    gate = run_path(str(WEB / "gate.py"))
    signs_in = gate["configured"](hooks, st.get_option)
    by_tls = bool(signs_in) and signs_in[0].settings.is_https
    reachable = gate["reachable"](signs_in)
    layers = [
        Middleware(
            guard,
            allows=hooks["host_allowed"](),
            reachable=reachable,
            owners=owners,
            secure=by_tls,
        )
    ]
    if signs_in:
        access, parts = signs_in
        layers.append(Middleware(gate["Gate"], access=access, parts=parts))
    arrivals = run_path(str(WEB / "arrivals.py"))["Arrivals"]
    layers.append(Middleware(arrivals, kept=hooks["uploads_kept"], most=hooks["most_uploaded"]))
    app = st.App(
        Path(__file__),
        middleware=layers,
        lifespan=until_written,
        secrets={"auth": dict(access.settings.auth)} if signs_in else None,
    )
