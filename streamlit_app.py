"""The dashboard: page configuration and navigation."""

from pathlib import Path

import streamlit as st

from cxr.web import navigated

ICON = Path(__file__).parent / "cxr" / "web" / "static" / "icon.svg"

st.set_page_config(page_title="Chest radiographs", page_icon=ICON, layout="wide")
navigated()
st.navigation(
    [
        st.Page("pages/triage.py", title="Triage", icon=":material/radiology:", default=True),
        st.Page("pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
        st.Page("pages/training.py", title="Training", icon=":material/show_chart:"),
        st.Page("pages/evaluation.py", title="Evaluation", icon=":material/grid_on:"),
        st.Page("pages/monitoring.py", title="Monitoring", icon=":material/monitor_heart:"),
        st.Page("pages/models.py", title="Models", icon=":material/description:"),
    ],
    position="top",
).run()
