"""The Clusters page as a person uses it: make clusters, look at one, and make something of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from analysis import codebook, codebook_changes
from analysis.cluster import clusterings
from analysis.cluster.map import clustering_map
from analysis.cluster.shares import shares
from analysis.codebook_changes import Part
from analysis.errors import UserError
from analysis.store import Store
from labels.queue_design import current
from tests.cluster.made import two_kinds
from views.clusters_map import centres, svg

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with quotes of two kinds in two clusters, and the clustering's id."""
    store = Store(tmp_path_factory.mktemp("clustered") / "store.duckdb")
    run_id = two_kinds(store)
    settings = clusterings.Settings("findings", run_id, embedder="tfidf", method="kmeans", k=2)
    return store.path, clusterings.cluster(store, settings)


@pytest.fixture
def clustered(made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    path = tmp_path / "mine.duckdb"
    shutil.copy(made[0], path)
    monkeypatch.setenv("TELLTALE_DB", str(path))
    return Store(path)


def look(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    at.switch_page("views/clusters.py")
    for name, value in address.items():
        at.query_params[name] = value
    return waited(at.run())


def waited(at: AppTest) -> AppTest:
    """The page once what it does in the background has ended."""
    deadline = time.monotonic() + 60
    while at.get("progress") and time.monotonic() < deadline:
        time.sleep(0.05)
        at.run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    kinds = ("subheader", "markdown", "caption", "text", "success", "warning", "error", "code")
    return " ".join(each.value for kind in kinds for each in at.get(kind)).replace("\\", "")


def press(at: AppTest, label: str) -> AppTest:
    return waited(next(each for each in at.button if each.label == label).click().run())


def quotes(at: AppTest) -> list[dict[str, Any]]:
    found = [
        json.loads(each.proto.json) for each in at.get("bidi_component") if '"Quotes"' in each.proto.json
    ]
    return found[0]["rows"] if found else []


def drawn_rows(chart: Any) -> list[dict[str, Any]]:
    """The rows that a chart was given."""
    [data] = [each.data.data for each in chart.proto.datasets if each.name == "cells"]
    return pa.ipc.open_stream(data).read_all().to_pylist()


def test_clusters_are_made_from_the_page_findings_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    two_kinds(store)
    at = look()
    assert "No clusters yet" in words(at)
    at.number_input(key="clusters.k").set_value(2)
    at.selectbox(key="clusters.method").set_value("kmeans")
    at.selectbox(key="clusters.embedder").set_value("tfidf").run()
    at = press(at, "Cluster")
    assert [each.value for each in at.metric] == ["48", "48", "2", "0.0%"]
    with store.session() as db:
        [row] = clusterings.listed(db)
    assert row["clustering"] in at.query_params["clustering"]
    at.text_input(key="clusters.where").set_value("no such column = 1").run()
    at = press(at, "Cluster")
    assert "--where" in words(at) and any(each.label == "Try again" for each in at.button)


def test_map_list_and_shares_show_what_the_store_has(clustered: Store, made: tuple[Path, str]) -> None:
    at = look()
    with clustered.session() as db:
        found = clusterings.find(db, made[1])
        rows, drawn = shares(db, found), clustering_map(db, found)
    charts = [drawn_rows(each) for each in at.get("vega_lite_chart")]
    points = charts[0]
    assert len(points) == len(drawn.points) == 48 and {point["cluster"] for point in points} == {0, 1}
    assert not any(point["quote"] for point in points), "a map gives no run's word on a trace away"
    assert "by principal components" in words(at) and len(charts) == 3
    listed, numbers = (each.value.to_dict("records") for each in at.dataframe)
    assert [row["size"] for row in listed] == [24, 24]
    assert [row["share"] for row in numbers] == [pytest.approx(100 * row["share"]) for row in rows]
    cells = charts[1]
    mine = [row for row in rows if row["cluster"] == 0]
    assert [cell["low"] for cell in cells] == [row["all_low"] for row in mine], "intervals hold together"
    assert [each.label for each in at.get("download_button")] == [
        "Points, CSV", "Map, SVG", "Clusters, CSV", "Numbers, CSV", "Figure, SVG",
    ]  # fmt: skip


def test_a_cluster_is_chosen_and_its_quotes_lead_to_their_traces(
    clustered: Store, made: tuple[Path, str]
) -> None:
    at = look()
    assert "Choose a cluster" in words(at) and not quotes(at)
    at.selectbox(key="clusters.choice").set_value(1).run()
    assert "1" in at.query_params["cluster"]
    found = quotes(at)
    assert len(found) == 12 and all(
        "trajectory=" in row["href"] and "segment=0" in row["href"] for row in found
    )
    assert found[0]["href"].startswith("traces?run=judge-")
    at = look(clustering=made[1], cluster="1", checkpoint="step-2")
    assert {row["checkpoint"] for row in quotes(at)} == {"step-2"}
    assert "one" in words(look(clustering="none-such", cluster="7")), "an old address still opens the page"


def test_quotes_that_show_a_runs_word_are_noted_as_seen(clustered: Store) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    at.session_state["annotator"] = "ada"
    at.switch_page("views/clusters.py")
    at.query_params["cluster"] = "0"
    waited(at.run())
    with clustered.session() as db:
        [(seen,)] = db.execute(
            "SELECT count(*) FROM label_events WHERE op = 'exposed' AND annotator = 'ada'"
        ).fetchall()
    assert seen == len(quotes(at)) == 12


def test_a_cluster_becomes_a_pattern_with_its_quotes_as_examples(clustered: Store, book: Path) -> None:
    at = look(cluster="0")
    before = codebook.load(book)
    at.text_input(key="clusters.new.0.name").set_value("Talks of tests")
    at.text_input(key="clusters.new.0.id").set_value("test_talk")
    at.text_area(key="clusters.new.0.definition").set_value("Says <b>that</b> it may be a test.").run()
    assert f"becomes revision {before.revision + 1}" in words(at)
    at = press(at, f"Make revision {before.revision + 1}")
    pattern = codebook.load(book)["test_talk"]
    assert pattern.definition == "Says <b>that</b> it may be a test." and len(pattern.examples) == 5
    with clustered.session() as db:
        texts = {text for (text,) in db.execute("SELECT reasoning FROM trajectories").fetchall()}
    assert set(pattern.examples) <= texts
    change = codebook.load(book).history[-1]
    assert (change.kind, change.old, change.new) == ("add", (), ("test_talk",)) and "cluster 0" in (
        change.note or ""
    )
    assert yaml.safe_load(book.read_text())["revision"] == before.revision + 1
    with pytest.raises(UserError, match="is taken"):
        codebook_changes.add(book, Part("test_talk", "Again", "Again."))


def test_a_cluster_becomes_a_run_that_counts(clustered: Store) -> None:
    at = look(cluster="1")
    at.button_group(key="clusters.way").set_value("tag").run()
    at.selectbox(key="clusters.tag").set_value("eval_aware").run()
    at = press(at, "Tag")
    assert "24 of 48 traces show it" in words(at)
    with clustered.session() as db:
        present = db.execute(
            "SELECT count(*) FROM verdicts JOIN runs USING (run_id) WHERE tagger = 'cluster' AND verdict = 'present'"
        ).fetchone()
    assert present == (24,)


def test_a_queue_of_a_clusters_traces_is_marked_as_such(clustered: Store, made: tuple[Path, str]) -> None:
    at = look(cluster="0")
    at.button_group(key="clusters.way").set_value("label").run()
    at.number_input(key="clusters.size").set_value(10).run()
    at = press(at, "Draw the queue")
    with clustered.session() as db:
        queue = current(db)
        assert queue is not None and queue.settings.about and "cluster 0" in queue.settings.about
        drawn, outside = db.execute(
            """SELECT count(*), count(*) FILTER (trajectory_id NOT IN (
                   SELECT trajectory_id FROM cluster_members WHERE clustering_id = ? AND cluster = 0))
               FROM queue_items WHERE queue_id = ? AND reason IS NOT NULL""",
            [made[1], queue.queue_id],
        ).fetchall()[0]
    assert (drawn, outside) == (10, 0)
    progress = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    progress.session_state["annotator"] = "ada"
    progress.switch_page("views/progress.py")
    progress.query_params["part"] = "queue"
    assert "cluster 0" in words(progress.run())


def test_how_stable_a_clustering_is_is_computed_when_asked(clustered: Store) -> None:
    at = press(look(), "How stable?")
    [stability] = [each for each in at.metric if each.label == "Stability"]
    assert 0 <= float(stability.value) <= 1


def test_the_figures_to_keep_obey_no_letter_of_a_name() -> None:
    rows = [
        {
            "cluster": n % 2,
            "x": float(n),
            "y": float(-n),
            "colour": "#000000",
            "strength": 0.7,
            "name": "n",
            "quote": "",
        }
        for n in range(6)
    ]
    assert [row["number"] for row in centres(rows)] == ["0", "1"]
    assert "&lt;script&gt;" in svg(rows, "<script>alert(1)</script>") and "<script>" not in svg(
        rows, "<script>"
    )
