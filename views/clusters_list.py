"""The list of clusters beside the map: a chosen row is looked at below."""

from __future__ import annotations

import streamlit as st

from analysis.tables import to_csv
from views.clusters_state import PAGE, Shown, choose

CSV = ("cluster", "name", "title", "terms", "size", "share", "texts", "synthetic")
HEIGHT = 460


def draw(shown: Shown) -> None:
    """Draw the table."""
    rows = shown.clusters
    titled = any(row["title"] for row in rows)
    data = {
        "cluster": [row["cluster"] for row in rows],
        **({"title": [row["title"] or "" for row in rows]} if titled else {}),
        "terms": [", ".join(row["terms"]) or row["name"] for row in rows],
        "share": [100 * row["share"] for row in rows],
        "size": [row["size"] for row in rows],
        "texts": [row["texts"] for row in rows],
    }
    place = next((n for n, row in enumerate(rows) if row["cluster"] == shown.chosen), None)
    event = st.dataframe(
        data, hide_index=True, height=min(HEIGHT, 38 + 35 * len(rows)), key=f"{PAGE}.table.{shown.id}.{place}",
        on_select="rerun", selection_mode="single-row",
        selection_default={"selection": {"rows": [] if place is None else [place], "columns": [], "cells": []}},
        column_config={
            "cluster": st.column_config.NumberColumn("No.", width=46, pinned=True, help="-1 is what is unclustered"),
            "title": st.column_config.TextColumn("Title", width=150),
            "terms": st.column_config.TextColumn("Words that set it apart", width=130 if titled else 215),
            "share": st.column_config.NumberColumn("Share", help="Of all places", format="%.1f %%", width=60),
            "size": st.column_config.NumberColumn("Places", format="localized", width=56),
            "texts": st.column_config.NumberColumn("Texts", format="localized", width=56, help="Different ones"),
        },
        alt="The clusters, one a row",
    )  # fmt: skip
    picked = [row for row in event["selection"]["rows"] if row < len(rows)]
    if picked and picked[0] != place:
        choose(rows[picked[0]]["cluster"])
        st.rerun()
    _choice(shown)
    synthetic = ", ".join(shown.facets.counts("synthetic"))
    csv = to_csv([{**row, "terms": ", ".join(row["terms"]), "synthetic": synthetic} for row in rows], CSV)
    st.download_button(
        "Clusters, CSV", csv, f"{shown.id}.csv", "text/csv", on_click="ignore", icon=":material/download:"
    )


def _choice(shown: Shown) -> None:
    """The same choice as a box, for the keyboard."""
    numbers = [row["cluster"] for row in shown.clusters]
    held = f"{PAGE}.choice"
    st.session_state[held] = shown.chosen

    def changed() -> None:
        choose(st.session_state[held])

    st.selectbox(
        "Look at", numbers, format_func=shown.name, key=held, on_change=changed, placeholder="Choose a cluster",
        label_visibility="collapsed",
    )  # fmt: skip
