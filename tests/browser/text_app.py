"""Hostile texts on every surface of Streamlit that the pages use, each through its function."""

from __future__ import annotations

import json
import os

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cxr.figures.theme import verbatim
from cxr.plain_text import visible
from cxr.web import code_span, empty_field, plain, plain_cells, plain_table

TEXTS: list[str] = json.loads(os.environ["HOSTILE_TEXTS"])

for number, text in enumerate(TEXTS):
    with st.container(key=f"text_{number}"):
        st.markdown(plain(text))
        st.markdown(f"**{plain(text)}**")
        st.caption(plain(text))
        st.caption(f"Run {code_span(text)} here.")
        st.info(plain(text))
        st.warning(f"Said of it: {plain(text)}", icon=None)
        st.metric(plain(text), 1, help=plain(text))
        st.button(plain(text), key=f"button_{number}", help=plain(text))
        st.radio("Radio", [text], format_func=plain, key=f"radio_{number}")
        st.segmented_control("Control", [text], format_func=plain, key=f"control_{number}")
        st.selectbox("Box", [text], format_func=visible, key=f"box_{number}")
        st.table(plain_cells(pd.DataFrame({"name": [text]})), hide_index=True)
        st.dataframe(plain_table(pd.DataFrame({"name": [text]})), hide_index=True)
        with st.expander(plain(text)):
            st.image("cxr/web/static/icon.svg", caption=plain(text), width=20)
        empty_field(visible(text), height=40)
        figure = go.Figure(layout={"title": {"text": verbatim(text)}, "height": 200})
        figure.add_bar(x=[verbatim(text)], y=[1], name=verbatim(text), showlegend=True)
        st.plotly_chart(figure, key=f"figure_{number}")
st.text("The end", help="Everything is there")
