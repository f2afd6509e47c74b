"""One cluster: its most central quotes, each a way to its trace, and what can be made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from analysis.cluster import clusterings
from analysis.cluster.clustering import UNCLUSTERED
from analysis.tables import to_csv
from views import clusters_act, seen
from views.address import key
from views.clusters_state import NO_CHECKPOINT, PAGE, TABLES, Shown
from views.hits import listing
from views.plain import count, plain

QUOTES = 12
LONGEST = 600
COLUMNS = (
    "cluster", "quote", "places", "weight", "trajectory_id", "start_char", "end_char", "checkpoint", "variant", "synthetic",
)  # fmt: skip


def draw(shown: Shown) -> None:
    """Draw the cluster that is chosen."""
    cluster = shown.chosen
    if cluster is None:
        st.caption("Choose a cluster on the map or in the list to read its quotes.")
        return
    row = shown.of(cluster)
    st.subheader(plain(shown.name(cluster), 120), anchor=False)
    words = f"words: {', '.join(row['terms'])} · " if row["terms"] else ""
    st.caption(
        plain(
            f"{words}{count(row['size'], 'place')}, {row['share']:.1%} of all · {count(row['texts'], 'different text')}",
            600,
        )
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        quotes = _quotes(shown, cluster)
    with right:
        if cluster == UNCLUSTERED:
            st.caption("What is unclustered has nothing in common: no pattern and no run can be made of it.")
        else:
            clusters_act.draw(shown, cluster, quotes)


def _quotes(shown: Shown, cluster: int) -> list[dict[str, Any]]:
    """The most central quotes, of one checkpoint where one is chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.markdown("**Most central first**", width="content")
        checkpoint = _checkpoint(shown)
    quotes = shown.opened.ask_of(TABLES, clusterings.central, shown.id, QUOTES, cluster, checkpoint)
    if shown.run_id:
        seen.show(shown.opened, shown.run_id, [quote["trajectory_id"] for quote in quotes])
    if not quotes:
        st.caption("None at this checkpoint.")
        return []
    listing([_listed(quote, shown) for quote in quotes], f"{PAGE}.quotes", "Quotes", _remember, "traces")
    _go(shown)
    st.download_button(
        "Quotes, CSV",
        to_csv(quotes, COLUMNS),
        f"{shown.id}-{cluster}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    return quotes


def _checkpoint(shown: Shown) -> str | None:
    held = key(PAGE, "checkpoint")
    named = [name for name in shown.facets.checkpoints if name != NO_CHECKPOINT]
    if st.session_state.get(held) not in named:
        st.session_state[held] = None
    if len(named) < 2:
        return None
    return st.selectbox(
        "Checkpoint",
        named,
        key=held,
        placeholder="All checkpoints",
        label_visibility="collapsed",
        width=220,
        index=None,
    )


def _listed(quote: dict[str, Any], shown: Shown) -> dict[str, Any]:
    text = quote["quote"] if len(quote["quote"]) <= LONGEST else quote["quote"][: LONGEST - 1] + "…"
    often = f"; in {quote['places']:,} places" if quote["places"] > 1 else ""
    return {
        "id": f"{quote['segment']} {quote['trajectory_id']}",
        "address": _address(shown, quote["trajectory_id"], quote["segment"]),
        "checkpoint": quote["checkpoint"],
        "place": [quote["variant"], None if quote["sample"] is None else f"sample {quote['sample']}"],
        "notes": [quote["reasoning_state"] if quote["reasoning_state"] != "text" else None],
        "excerpt": [[text, False]],
        "answer": [[f"{quote['weight']:.2f} central{often}", False]],
    }


def _address(shown: Shown, trajectory: str, segment: int) -> dict[str, Any]:
    run = {"run": shown.run_id} if shown.run_id else {}
    return {**run, "trajectory": trajectory, "segment": str(segment)}


def _remember(name: str) -> None:
    st.session_state[f"{PAGE}.open"] = name


def _go(shown: Shown) -> None:
    """Open the trace of a quote that was clicked."""
    if name := st.session_state.pop(f"{PAGE}.open", None):
        segment, _, trajectory = str(name).partition(" ")
        st.switch_page(
            Path(__file__).with_name("traces.py"), query_params=_address(shown, trajectory, int(segment))
        )
