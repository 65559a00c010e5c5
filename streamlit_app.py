"""The dashboard: page configuration and navigation, and the server that it runs in.

``streamlit run`` imports this file for `app`, and `app` runs it for each page that is drawn.
"""

import sys
from pathlib import Path
from runpy import run_path

import streamlit as st
from starlette.middleware import Middleware

WEB = Path(__file__).parent / "cxr" / "web"


def dashboard() -> None:
    """Draw a page."""
    from cxr.web import navigated, on_page

    st.set_page_config(
        page_title="Chest radiographs", page_icon=WEB / "static" / "icon.svg", layout="wide"
    )
    navigated()
    page = st.navigation(
        [
            st.Page("pages/triage.py", title="Triage", icon=":material/radiology:", default=True),
            st.Page("pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
            st.Page("pages/training.py", title="Training", icon=":material/show_chart:"),
            st.Page("pages/evaluation.py", title="Evaluation", icon=":material/grid_on:"),
            st.Page("pages/validation.py", title="Validation", icon=":material/fact_check:"),
            st.Page("pages/monitoring.py", title="Monitoring", icon=":material/monitor_heart:"),
            st.Page("pages/models.py", title="Models", icon=":material/description:"),
        ],
        position="top",
    )
    with on_page(page.url_path):
        page.run()


def owners(name: str) -> list[str]:
    """Return which browsers may fetch a media file: none before a page was drawn."""
    browsers = sys.modules.get("cxr.web.browsers")
    return browsers.owners(name) if browsers else []


if __name__ == "__main__":
    dashboard()
else:
    # To import `cxr` takes seconds, in which a tab that was open before may ask and upload: so
    # these parts of it come first, by themselves.
    hooks = run_path(str(WEB / "streamlit_hooks.py"))
    hooks["keep_uploads_in_memory"]()
    guard = run_path(str(WEB / "guard.py"))["Guard"]
    layer = Middleware(guard, allows=hooks["host_allowed"](), owners=owners)
    app = st.App(Path(__file__), middleware=[layer])
