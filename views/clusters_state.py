"""What the Clusters page shows: the clustering, its clusters, the one that is chosen, and the codebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import streamlit as st

from analysis import reading
from analysis.cluster import clusterings
from analysis.cluster.clustering import UNCLUSTERED
from analysis.cluster.map import Map, clustering_map, takes_long
from analysis.cluster.shares import shares
from analysis.codebook import Codebook
from analysis.store import Store
from views import background
from views.address import key
from views.palette import BAND, MARKS
from views.store import Opened

PAGE = "clusters"
TABLES = (
    "trajectories",
    "retractions",
    "checkpoints",
    "clusterings",
    "clusters",
    "cluster_members",
    "cluster_titles",
)
"""What the clusters of a clustering, and its shares, are read from."""
UNITS = {"findings": "Quotes of findings", "segments": "All sentences"}
NO_CHECKPOINT = "(no checkpoint)"
MAPPING = {"": "Laying out the map by UMAP"}


@dataclass(frozen=True)
class Shown:
    """The store, the clustering and the codebook.

    Attributes:
        opened: The store.
        id: The clustering's id.
        row: Its row of `clusterings.listed`.
        book: The codebook.
        facets: What trajectories can be filtered by.
    """

    opened: Opened
    id: str
    row: Mapping[str, Any]
    book: Codebook
    facets: reading.Facets

    @cached_property
    def clusters(self) -> list[dict[str, Any]]:
        """The clusters, the largest first and what is unclustered last."""
        return self.opened.ask_of(TABLES, clusterings.shown, self.id, quotes=0)

    @cached_property
    def found(self) -> dict[str, Any]:
        """The clustering with its settings."""
        return self.opened.ask_of(TABLES, clusterings.find, self.id)

    @property
    def run_id(self) -> str | None:
        """Whose findings these are; None for segments."""
        run: str | None = self.found["config"]["run_id"]
        return run

    @property
    def chosen(self) -> int | None:
        """The cluster that is looked at."""
        held = st.session_state.get(key(PAGE, "cluster"))
        numbers = {str(row["cluster"]): row["cluster"] for row in self.clusters}
        return numbers.get(str(held)) if held is not None else None

    def of(self, cluster: int) -> dict[str, Any]:
        """One cluster."""
        return next(row for row in self.clusters if row["cluster"] == cluster)

    def name(self, cluster: int) -> str:
        """What a cluster is called: its title, else the words that set it apart."""
        row = self.of(cluster)
        called = row["title"] or row["name"]
        return str(called) if cluster == UNCLUSTERED else f"{cluster} · {called}"

    def shares(self) -> list[dict[str, Any]]:
        """The share of each cluster at each checkpoint, of every kind of reasoning."""
        return self.opened.ask_of((*TABLES, "attempts"), _shares, self.id)

    def map(self) -> Map | None:
        """The clusters on a plane; None while they are being laid out, which the page shows."""
        store, stamp = self.opened.store, self.opened.stamp(TABLES)
        if not takes_long():
            return _map(store.target, self.id, stamp, store)
        name = ("map", store.target, self.id)
        work = background.find(*name)
        if work and work.ended and work.error is None and work.result[0] != stamp:
            background.forget(*name)
        work = background.begin(lambda say: (stamp, laid_out(store, self.id)), *name)
        found: Map | None = None if background.watch(*name, titles=MAPPING) else work.result[1]
        return found

    @property
    def synthetic(self) -> bool:
        """Whether any of the trajectories is."""
        return bool(self.facets.counts("synthetic"))


def choose(cluster: int | None, checkpoint: str | None = None) -> None:
    """Look at a cluster, or at none."""
    st.session_state[key(PAGE, "cluster")] = None if cluster is None else str(cluster)
    st.session_state[key(PAGE, "checkpoint")] = checkpoint


def colour(cluster: int) -> str:
    """The colour of a cluster's points; what is unclustered is grey."""
    return BAND if cluster == UNCLUSTERED else MARKS[cluster % len(MARKS)]


def clustering_names(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each clustering is called, by its id."""
    return {
        row["clustering"]: " · ".join(
            str(part)
            for part in (
                row["unit"], row["pattern"], row["where"], f"{row['clusters']} clusters", row["created"][:16], row["clustering"][-4:],
            )
            if part
        )
        for row in rows
    }  # fmt: skip


def _shares(db: duckdb.DuckDBPyConnection, clustering_id: str) -> list[dict[str, Any]]:
    return shares(db, clusterings.find(db, clustering_id))


@st.cache_resource(max_entries=8, show_spinner="Drawing the map")
def _map(target: str, clustering_id: str, stamp: tuple[int, ...], _store: Store) -> Map:
    return laid_out(_store, clustering_id)


def laid_out(store: Store, clustering_id: str) -> Map:
    """The map of a clustering."""
    with store.session() as db:
        return clustering_map(db, clusterings.find(db, clustering_id))
