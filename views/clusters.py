"""Groups of findings' quotes, or of sentences, that say alike things: a map, a list, quotes, shares, and what to do with them."""

from __future__ import annotations

import streamlit as st

from analysis import codebook, reading
from analysis.cluster import clusterings
from views import choices, clusters_list, clusters_map, clusters_one, clusters_run, clusters_shares
from views.address import adopt, keep, key
from views.clusters_state import PAGE, TABLES, UNITS, Shown, clustering_names
from views.plain import plain
from views.store import TRAJECTORIES, Opened, one_line_errors, opened

NAMES = ("clustering", "cluster", "checkpoint", "state")
HOW = """
- **A cluster** holds texts that say alike things, by their embeddings. Clusters are numbered by size; their names are the words that set them apart
  (class-based TF-IDF). `telltale cluster findings --titles --model MODEL` asks a model for titles.
- **Unclustered** is what belongs nowhere, and lines without a word.
- **Texts** are different ones; **places** are where they stand.
- **Stability**: the adjusted Rand index over clusterings of ten parts. Near 1 the same texts come together again; near 0 clusters are chance.
- Clusters are for looking. They agree little with patterns that people name: read the quotes before you make a pattern of one.
"""


def main() -> None:
    """Draw the page."""
    store = opened()
    facets = store.ask_of(TRAJECTORIES, reading.facets)
    adopt(PAGE, one=NAMES)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Clusters", anchor=False, width="content")
        choices.synthetic_badge(facets.counts("synthetic"), facets.total())
    clusters_run.under_way(store)
    rows = store.ask_of(TABLES, clusterings.listed)
    if not rows:
        _first(store)
        return
    with st.sidebar:
        chosen = _which(rows)
        with st.expander("Cluster anew"):
            clusters_run.form(store)
    row = next(each for each in rows if each["clustering"] == chosen)
    shown = Shown(store, chosen, row, codebook.load(), facets)
    _facts(shown)
    left, right = st.columns([1, 1], gap="large")
    with left:
        clusters_map.draw(shown)
    with right:
        clusters_list.draw(shown)
    clusters_one.draw(shown)
    clusters_shares.draw(shown)
    held = {name: st.session_state.get(key(PAGE, name)) for name in NAMES}
    keep(
        PAGE,
        {
            **held,
            "clustering": shown.id,
            "checkpoint": held["checkpoint"] if shown.chosen is not None else None,
        },
    )


def _first(store: Opened) -> None:
    """What to do while there is no clustering."""
    st.subheader("No clusters yet", anchor=False)
    st.write(
        "Cluster the quotes of a run's findings to see what they have in common, and where the codebook is too coarse. "
        "Cluster all sentences to find what the codebook does not name yet."
    )
    clusters_run.form(store)


def _which(rows: list[dict[str, object]]) -> str:
    """Choose a clustering, by default the newest."""
    names, held = clustering_names(rows), key(PAGE, "clustering")
    if st.session_state.get(held) not in names:
        if st.session_state.get(held):
            st.warning(f"No clustering {plain(st.session_state[held], 60)}; this is the newest one.")
        st.session_state[held] = next(iter(names))
    before = st.session_state.get(f"{PAGE}.before", st.session_state[held])
    chosen = str(st.selectbox("Clustering", list(names), format_func=names.__getitem__, key=held))
    if chosen != before:
        st.session_state[key(PAGE, "cluster")] = st.session_state[key(PAGE, "checkpoint")] = None
    st.session_state[f"{PAGE}.before"] = chosen
    return chosen


def _facts(shown: Shown) -> None:
    row = shown.row
    with st.container(horizontal=True, key="facts", vertical_alignment="bottom"):
        st.metric("Texts", f"{row['texts']:,}", help=f"{UNITS[row['unit']]}; different ones")
        st.metric("Places", f"{row['size']:,}", help="Where they stand in the reasoning")
        st.metric("Clusters", f"{row['clusters']:,}")
        st.metric(
            "Unclustered",
            f"{row['unclustered']:.1%}",
            help="The share of the places that belong to no cluster",
        )
        _stability(shown)
        with st.popover("How to read this", icon=":material/help:", type="tertiary"):
            st.markdown(HOW)
    told = [UNITS[row["unit"]], shown.run_id, row["method"], row["embedder"].partition("@")[0], shown.id]
    st.caption(plain(" · ".join(part for part in told if part), 300))
    clusters_run.notes()


def _stability(shown: Shown) -> None:
    scores = clusters_run.stability(shown.opened, shown.found)
    if scores:
        st.metric(
            "Stability",
            f"{sum(scores) / len(scores):.2f}",
            help=f"Adjusted Rand over {len(scores)} resamples, from {min(scores):.2f} to {max(scores):.2f}",
        )


with one_line_errors():
    main()
