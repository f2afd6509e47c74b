"""Clustering from the page: a form, and progress while it runs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis import runs
from analysis.cluster import clusterings
from analysis.cluster.clustering import METHODS
from analysis.cluster.embedders import MINILM, STATIC, TFIDF
from views import background
from views.address import key
from views.background import Say
from views.choices import run_names
from views.clusters_state import PAGE, UNITS
from views.plain import plain
from views.store import Opened

TITLES = {
    "read": "Reading texts", "distil": "Making the model ready", "embed": "Embedding texts", "cluster": "Clustering",
    "name": "Naming clusters", "resample": "Clustering parts again",
}  # fmt: skip
METHOD_NAMES = {"consensus": "consensus of k-means", "hdbscan": "HDBSCAN", "kmeans": "mini-batch k-means"}
EMBEDDER_NAMES = {MINILM: "MiniLM", STATIC: "static, distilled from MiniLM", TFIDF: "words (TF-IDF)"}


def form(shown: Opened) -> None:
    """Draw the form; findings come first."""
    listed = {row["run"]: row for row in shown.ask(runs.listed) if row["tagger"] not in ("truth", "cluster")}
    unit = st.segmented_control(
        "Cluster", list(UNITS), default="findings" if listed else "segments", format_func=UNITS.__getitem__, required=True,
        key=f"{PAGE}.unit", label_visibility="collapsed",
    )  # fmt: skip
    if unit == "findings" and not listed:
        st.caption(
            "No run has findings yet: `telltale tag --tagger cues` makes one. All sentences can be clustered without."
        )
        return
    settings: dict[str, Any] = {"unit": unit, "run_id": None, "pattern": None}
    left, right = st.columns(2, gap="medium")
    if unit == "findings":
        names = run_names(listed.values())
        settings["run_id"] = left.selectbox(
            "Whose findings", list(listed), format_func=names.__getitem__, key=f"{PAGE}.of"
        )
        settings["pattern"] = (
            right.text_input(
                "Of one pattern only", key=f"{PAGE}.pattern", placeholder="its id; all where empty"
            ).strip()
            or None
        )
    settings["where"] = (
        left.text_input("Only where", key=f"{PAGE}.where", placeholder="checkpoint = 'step-800'").strip()
        or None
    )
    with right:
        _more(settings)
    if st.button("Cluster", type="primary", icon=":material/bubble_chart:"):
        begin(shown, clusterings.Settings(**settings))
        st.rerun()


def _more(settings: dict[str, Any]) -> None:
    with st.popover("Method", width="stretch"):
        number = st.number_input("Clusters", 2, None, None, key=f"{PAGE}.k", placeholder="by silhouette")
        settings["k"] = int(number) if number else None
        settings["method"] = st.selectbox(
            "Clusterer", METHODS, None, format_func=METHOD_NAMES.__getitem__, key=f"{PAGE}.method",
            placeholder=METHOD_NAMES[clusterings.METHOD[settings["unit"]]],
        )  # fmt: skip
        settings["embedder"] = st.selectbox(
            "Embedder", list(EMBEDDER_NAMES), None, format_func=EMBEDDER_NAMES.__getitem__, key=f"{PAGE}.embedder",
            placeholder=EMBEDDER_NAMES[clusterings.EMBEDDER[settings["unit"]]],
        )  # fmt: skip


def begin(shown: Opened, settings: clusterings.Settings) -> None:
    """Begin a clustering in the background."""

    def work(say: Say) -> tuple[str, list[str]]:
        notes: list[str] = []
        return clusterings.cluster(shown.store, settings, say, notes.append), notes

    background.begin(work, PAGE, shown.store.target)


def under_way(shown: Opened) -> None:
    """Show a clustering that is being made; once it is there, look at it."""
    name = (PAGE, shown.store.target)
    if background.watch(*name, titles=TITLES):
        return
    work = background.find(*name)
    if work is None:
        return
    background.forget(*name)
    st.session_state[key(PAGE, "clustering")], notes = work.result
    st.session_state[f"{PAGE}.notes"] = notes
    for held in ("cluster", "checkpoint"):
        st.session_state[key(PAGE, held)] = None


def stability(shown: Opened, clustering: dict[str, Any]) -> list[float] | None:
    """How stable a clustering is, where somebody has asked since the app was started; else a way to ask."""
    name = ("stability", shown.store.target, clustering["clustering_id"])
    settings = clusterings.settings_of(clustering)
    if background.find(*name) is None:
        if not st.button(
            "How stable?",
            help="Clusters ten parts of four fifths again, and says how far they agree.",
            type="tertiary",
        ):
            return None
        background.begin(lambda say: clusterings.how_stable(shown.store, settings, say), *name)
    if background.watch(*name, titles=TITLES):
        return None
    work = background.find(*name)
    return work.result if work else None


def notes() -> None:
    """What must be said of the clustering that was just made."""
    for note in st.session_state.get(f"{PAGE}.notes") or ():
        st.caption(plain(note, 400))
