"""Search on the Traces page: by words, by an expression, or by meaning, which ranks sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from analysis import reading
from analysis.cluster import indexing, search
from analysis.cluster.embedders import Embedder
from analysis.cluster.index import Damaged
from analysis.cluster.search import Hit
from analysis.store import Store
from views import background
from views.address import key
from views.background import Say
from views.hits import listing
from views.plain import count
from views.store import TRAJECTORIES, Opened

PAGE = "traces"
WAYS = {"words": "Words", "regex": "Regex", "meaning": "Meaning"}
WAYS_HELP = (
    "Words: as they stand, in any case. Regex: an expression in RE2 syntax, for example `\\b(test|eval)\\b`. "
    "Meaning: the sentences that say something alike, the nearest first."
)
A_PAGE = 25
BESIDE, LONGEST = 160, 700
"""Letters that are shown of a neighbouring sentence, and of the sentence itself."""
TITLES = {
    "model": "Making the model ready that sentences are compared by",
    "embed": "Reading sentences for the search by meaning",
}


def way() -> str:
    """Choose how the search looks, out of WAYS; in the address a way other than words is `on`."""
    held = key(PAGE, "way")
    on = [each for each in WAYS if st.session_state.get(key(PAGE, each)) == "on"]
    st.session_state[held] = on[0] if on else "words"

    def changed() -> None:
        for each in ("regex", "meaning"):
            st.session_state[key(PAGE, each)] = "on" if st.session_state[held] == each else None

    chosen = st.segmented_control(
        "Search for", list(WAYS), format_func=WAYS.__getitem__, key=held, required=True, on_change=changed,
        help=WAYS_HELP, label_visibility="collapsed",
    )  # fmt: skip
    return str(chosen)


def asked() -> str:
    """What is searched for by meaning; empty where nothing is."""
    by_meaning = st.session_state.get(key(PAGE, "meaning")) == "on"
    return str(st.session_state.get(key(PAGE, "q")) or "").strip() if by_meaning else ""


def draw(
    shown: Opened,
    text: str,
    wanted: reading.Filter,
    address: dict[str, Any],
    on_open: Callable[[str, int], None],
) -> None:
    """Draw the sentences nearest in meaning.

    Args:
        shown: The store.
        text: What is searched for.
        wanted: The filters that a trace has to pass.
        address: The page's address, to which a sentence adds its trajectory and segment.
        on_open: Called with the trajectory and the segment that is opened.
    """
    embedder = _embedders().get(shown.store.folder)
    index = indexing.so_far(shown.store, embedder) if embedder else None
    everything = shown.ask(indexing.readable)
    if not len(everything):
        st.write("There is no reasoning to search: it is missing, empty or encrypted.")
        return
    if embedder is None or not indexing.is_complete(index, everything):
        _prepare(shown.store)
    if embedder is None or index is None:
        st.caption("The first search by meaning reads every sentence once. The page can be used meanwhile.")
        return
    rows = shown.ask(reading.matching, wanted, tuple(shown.ask_of(TRAJECTORIES, reading.facets).checkpoints))
    if not len(rows):
        st.write("No trace passes these filters. Take one away in the sidebar to see more.")
        return
    pages = int(st.session_state.get(key(PAGE, "page")) or 1)
    try:
        found = search.find(shown.store, index, search.query_of(embedder, text), rows, pages * A_PAGE)
    except Damaged:
        search.discard(shown.store)
        st.rerun()
    st.text(
        f"Sentences, the nearest in meaning first; searched in {count(len(rows), 'trace')}", width="content"
    )
    _list(found, shown, address, on_open)
    if len(found) == pages * A_PAGE:
        st.button("More", icon=":material/expand_more:", on_click=_more, args=(pages + 1,))


def _prepare(store: Store) -> None:
    """Bring the index up to date in the background."""
    name = ("search", store.target)
    work = background.find(*name)
    if work is not None and work.ended and work.error is None:
        background.forget(*name)
    background.begin(lambda say: _made(store, say), *name)
    background.watch(*name, titles=TITLES)


def _made(store: Store, say: Say) -> None:
    embedder = _embedders().get(store.folder)
    if embedder is None:
        embedder = search.search_embedder(store.folder, say("model"))
        _embedders()[store.folder] = embedder
    indexing.bring_up_to_date(store, embedder, indexing.live_rows(store), say("embed"))


@st.cache_resource(show_spinner=False)
def _embedders() -> dict[Path, Embedder]:
    """The models that are loaded, by the folder that they are kept in."""
    return {}


def _list(
    found: list[Hit], shown: Opened, address: dict[str, Any], on_open: Callable[[str, int], None]
) -> None:
    facets = shown.ask_of(TRAJECTORIES, reading.facets)
    synthetic = facets.counts("synthetic")
    mixed = sum(synthetic.values()) < facets.total() or len(synthetic) > 1

    def opened(name: str) -> None:
        segment, _, trajectory = name.partition(" ")
        on_open(trajectory, int(segment))

    rows = [
        {
            "id": f"{hit.segment} {hit.trajectory_id}",
            "address": {**address, "trajectory": hit.trajectory_id, "segment": hit.segment},
            "checkpoint": hit.checkpoint,
            "place": [hit.variant, None if hit.sample is None else f"sample {hit.sample}"],
            "notes": [
                hit.reasoning_state if hit.reasoning_state != "text" else None,
                hit.synthetic if mixed else None,
            ],
            "excerpt": _excerpt(hit),
            "answer": [[f"{hit.score:.2f} alike" + (f"; in {hit.places:,} places" if hit.places > 1 else ""), False]],
        }
        for hit in found
    ]  # fmt: skip
    listing(rows, key(PAGE, "sentences"), "Sentences", opened)


def _excerpt(hit: Hit) -> list[list[Any]]:
    """The sentence, marked, between its neighbours, which are cut where they are long."""
    before, after = hit.before or "", hit.after or ""
    before = before if len(before) <= BESIDE else "…" + before[1 - BESIDE :]
    return [[f"{before} ", False], [_cut(hit.sentence, LONGEST), True], [f" {_cut(after, BESIDE)}", False]]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _more(pages: int) -> None:
    st.session_state[key(PAGE, "page")] = str(pages)
