"""What can be made of a cluster: a pattern of the codebook, a run that tags with it, a queue of its traces to label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from analysis import codebook, codebook_changes
from analysis.cluster.assigning import assign
from analysis.codebook_changes import Part
from analysis.errors import UserError
from labels.events import UNIFORM
from labels.queue_design import Settings, make
from views import background, codebook_change
from views.clusters_state import PAGE, Shown
from views.codebook_change import DONE, ID_HELP, Wanted
from views.person import signed_in
from views.plain import count, plain

EXAMPLES = 5
"""Quotes that are ticked as examples at first."""
LONGEST_EXAMPLE = 400
WAYS = {"pattern": "Make this a pattern", "tag": "Tag with this", "label": "Label these"}


def draw(shown: Shown, cluster: int, quotes: Sequence[dict[str, Any]]) -> None:
    """Draw the three ways."""
    way = st.segmented_control(
        "What to do with it", list(WAYS), default="pattern", format_func=WAYS.__getitem__, required=True, key=f"{PAGE}.way",
        label_visibility="collapsed",
    )  # fmt: skip
    {"pattern": _pattern, "tag": _tag, "label": _label}[str(way)](shown, cluster, quotes)


def _pattern(shown: Shown, cluster: int, quotes: Sequence[dict[str, Any]]) -> None:
    """A new entry of the codebook, with central quotes as its examples."""
    if done := st.session_state.pop(DONE, None):
        st.success(plain(done))
    path = codebook.DEFAULT_PATH
    if not codebook_change.may_write(path):
        st.warning(f"The app may not write {plain(path)}; somebody who may can add the pattern there.")
        return
    st.caption(
        "A new entry of the codebook. It is tagged and labelled from then on; runs that are there do not know it."
    )
    name = st.text_input(
        "Name", key=f"{PAGE}.new.{cluster}.name", placeholder=shown.of(cluster)["name"]
    ).strip()
    pattern = st.text_input("Id", key=f"{PAGE}.new.{cluster}.id", help=ID_HELP).strip()
    definition = st.text_area(
        "Definition", key=f"{PAGE}.new.{cluster}.definition", placeholder="What counts, in a sentence or two"
    ).strip()
    texts = list(dict.fromkeys(_example(quote["quote"]) for quote in quotes))
    examples = st.multiselect(
        "Examples", texts, texts[:EXAMPLES], format_func=_short, key=f"{PAGE}.new.{cluster}.examples"
    )
    note = f"from cluster {cluster} of {shown.id}"
    wanted = None
    if name and pattern and definition:
        part = Part(pattern, name, definition)
        wanted = Wanted(
            lambda file: codebook_changes.add(file, part, examples, note), (), "None is of it yet."
        )
    codebook_change.preview(shown.opened, shown.book, wanted, path)


def _tag(shown: Shown, cluster: int, _: Sequence[dict[str, Any]]) -> None:
    """A run of the tagger `cluster`."""
    taken = (
        "A quote keeps the stance that its finding has." if shown.run_id else "A sentence is taken to assert."
    )
    st.caption(
        f"A run of its own: traces with a text of this cluster show the pattern, the others that were read do not. {taken}"
    )
    pattern = st.selectbox(
        "Pattern",
        shown.book.ids(),
        None,
        format_func=shown.book.name_of,
        key=f"{PAGE}.tag",
        placeholder="Choose one",
    )
    name = ("tag", shown.opened.store.target, shown.id, str(cluster), str(pattern))
    store, book = shown.opened.store, shown.book
    if pattern and st.button("Tag", type="primary", icon=":material/sell:"):
        background.forget(*name)
        background.begin(lambda say: assign(store, shown.id, {cluster: pattern}, book), *name)
    if pattern is None or background.watch(*name, titles={}):
        return
    if work := background.find(*name):
        run_id, counts = work.result
        st.success(plain(f"{counts[pattern]:,} of {counts['tagged']:,} traces show it, in the run {run_id}."))
        st.page_link(
            Path(__file__).with_name("overview.py"),
            label="See it by checkpoint",
            icon=":material/stacked_line_chart:",
            query_params={"run": run_id},
        )


def _label(shown: Shown, cluster: int, _: Sequence[dict[str, Any]]) -> None:
    """A queue of the traces that have a text of the cluster."""
    st.caption(
        "A queue of the traces with a text of this cluster. It takes the place of the queue that people work on now, and is marked: rates of all traces can't rest on it."
    )
    left, right = st.columns(2)
    size = left.number_input("Traces", 1, value=50, key=f"{PAGE}.size")
    overlap = right.number_input("To two people, %", 0, 100, 20, key=f"{PAGE}.overlap")
    if st.button("Draw the queue", type="primary", icon=":material/checklist:"):
        settings = Settings(
            size=int(size), shares={UNIFORM: 1.0}, where=_condition(shown.id, cluster), overlap=overlap / 100,
            about=f"cluster {shown.name(cluster)}, of {shown.id}",
        )  # fmt: skip
        try:
            made = make(shown.opened.store, settings, signed_in())
        except UserError as error:
            st.error(plain(error, 400))
            return
        drawn = sum(int(each["draws"]) for each in made.drawn)
        st.success(
            plain(f"{made.queue_id} is drawn, of {count(drawn, 'trace')}; it is the queue from now on.")
        )
        st.page_link(Path(__file__).with_name("label.py"), label="Label them", icon=":material/edit:")


def _condition(clustering_id: str, cluster: int) -> str:
    """The traces of a cluster as a condition over the columns of `trajectories`."""
    quoted = clustering_id.replace("'", "''")
    return f"trajectory_id IN (SELECT trajectory_id FROM cluster_members WHERE clustering_id = '{quoted}' AND cluster = {cluster})"


def _example(quote: str) -> str:
    line = " ".join(quote.split())
    return line if len(line) <= LONGEST_EXAMPLE else line[: LONGEST_EXAMPLE - 1] + "…"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
