"""The dashboard: page configuration and navigation."""

import sys
from pathlib import Path
from runpy import run_path

import streamlit as st

WEB = Path(__file__).parent / "cxr" / "web"

if "cxr" not in sys.modules:
    # The first run of a server's life. A tab that was open before the server was started may upload
    # while `cxr` is imported, which takes seconds: so this part of it comes first, by itself.
    run_path(str(WEB / "streamlit_hooks.py"))["keep_uploads_in_memory"]()

from cxr.web import navigated, on_page  # noqa: E402

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
