"""Telltale in the browser: `telltale app`, or `streamlit run app.py`. Navigation, and who came to look at what."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from views.seen import settle

VIEWS = Path(__file__).parent / "views"

st.set_page_config(
    page_title="Telltale",
    page_icon=str(VIEWS / "icon.svg"),
    layout="wide",
    initial_sidebar_state=290,
    menu_items={"About": "Telltale: read, label and measure reasoning patterns in model reasoning traces."},
)
st.logo(str(VIEWS / "logo.svg"), size="large", icon_image=str(VIEWS / "icon.svg"))
st.html(VIEWS / "app.css")
# A section's name opens a menu of its pages; pages under the empty name stand in the bar themselves.
page = st.navigation(
    {
        "": [
            st.Page(VIEWS / "overview.py", title="Overview", default=True),
            st.Page(VIEWS / "traces.py", title="Traces"),
            st.Page(VIEWS / "clusters.py", title="Clusters"),
            st.Page(VIEWS / "judge.py", title="Judge"),
            st.Page(VIEWS / "environment.py", title="Environment"),
            st.Page(VIEWS / "importing.py", title="Import", url_path="import"),
            st.Page(VIEWS / "export.py", title="Export"),
        ],
        "Label": [
            st.Page(VIEWS / "label.py", title="Label"),
            st.Page(VIEWS / "adjudicate.py", title="Adjudicate"),
            st.Page(VIEWS / "progress.py", title="Progress"),
            st.Page(VIEWS / "codebook.py", title="Codebook"),
            st.Page(VIEWS / "planning.py", title="Planning"),
        ],
    },
    position="top",
)
settle()
page.run()
