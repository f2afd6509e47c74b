"""Clusterings in the store: made once, named, counted, held against checkpoints, and assigned to a pattern."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis import codebook, runs
from analysis.cluster import clusterings
from analysis.cluster.assigning import assign
from analysis.cluster.clusterings import Settings, cluster
from analysis.cluster.shares import COLUMNS, shares
from analysis.errors import UserError
from analysis.measure.frequencies import frequencies
from analysis.store import Store, append
from analysis.store.rows import now
from tests.cluster.made import quoted, reasoned, sentences, two_kinds

BOOK = codebook.load()


def findings(run_id: str, **settings: object) -> Settings:
    return Settings("findings", run_id=run_id, embedder="tfidf", **{"k": 2, "method": "kmeans", **settings})  # type: ignore[arg-type]


def kinds(store: Store, clustering_id: str) -> dict[int, Counter[str]]:
    """The kinds of the trajectories in each cluster."""
    with store.session() as db:
        rows = db.execute(
            "SELECT cluster, trajectory_id[1:1] FROM cluster_members WHERE clustering_id = ?", [clustering_id]
        ).fetchall()
    return {cluster: Counter(kind for each, kind in rows if each == cluster) for cluster, _ in rows}


def test_findings_that_say_alike_things_come_together_under_a_name_of_theirs(store: Store) -> None:
    found = cluster(store, findings(two_kinds(store)))
    assert sorted(kinds(store, found).values(), key=str) == [Counter(e=24), Counter(w=24)]
    with store.session() as db:
        rows = clusterings.shown(db, found)
    assert [(row["size"], row["texts"], row["share"]) for row in rows] == [(24, 24, 0.5), (24, 24, 0.5)]
    assert {row["name"].split(", ")[0] for row in rows} <= {
        "test",
        "evaluation",
        "probably",
        "weather",
        "sun",
        "rain",
        "sun rain",
    }
    assert all(len(row["quotes"]) == 3 for row in rows)


def test_the_same_command_makes_nothing_twice_and_new_text_makes_another(store: Store) -> None:
    run = two_kinds(store)
    first = cluster(store, findings(run))
    assert cluster(store, findings(run)) == first
    assert cluster(store, findings(run, seed=1)) != first
    with store.session() as db:
        assert [row["clusters"] for row in clusterings.listed(db)] == [2, 2]
    texts = {"new": "The loop prints letters."}
    hashes = reasoned(store, texts)
    with store.transaction() as db:
        result = runs.Result("new", "ok", findings=[runs.Finding("p", texts["new"], 0, 24, "exact", "asserts")],
                             reasoning_sha256=hashes["new"])  # fmt: skip
        runs.record(db, run, [result])
    assert cluster(store, findings(run)) != first


def test_segments_are_clustered_each_in_its_place_and_lines_without_words_belong_nowhere(
    store: Store,
) -> None:
    texts = {
        f"t{n}": f"{one}\n12 + 5 = 17\n{other}"
        for n, (one, other) in enumerate(zip(sentences("hint_decode"), sentences("weather"), strict=True))
    }
    reasoned(store, texts)
    found = cluster(store, Settings("segments", embedder="tfidf", k=2))
    with store.session() as db:
        rows = clusterings.shown(db, found)
        members = db.execute(
            "SELECT cluster, reasoning[start_char + 1:end_char] FROM cluster_members JOIN trajectories USING (trajectory_id)"
        ).fetchall()
        [listed] = clusterings.listed(db)
    assert [row["size"] for row in rows] == [24, 24, 24] and rows[-1]["name"] == "unclustered"
    assert listed["unclustered"] == pytest.approx(1 / 3) and (listed["texts"], listed["size"]) == (49, 72)
    assert {text for number, text in members if number == -1} == {"12 + 5 = 17"}
    assert {frozenset(text for number, text in members if number == which) for which in (0, 1)} == {
        frozenset(sentences("hint_decode")), frozenset(sentences("weather")),
    }  # fmt: skip


def test_a_condition_chooses_the_trajectories_and_a_wrong_one_is_one_line(store: Store) -> None:
    run = two_kinds(store)
    found = cluster(store, findings(run, where="checkpoint = 'step-2'"))
    assert sum(sum(each.values()) for each in kinds(store, found).values()) == 24
    with pytest.raises(UserError, match=r"--where: .*chekpoint"):
        cluster(store, findings(run, where="chekpoint = 'step-2'"))
    with pytest.raises(UserError, match="has no findings of q to cluster"):
        cluster(store, findings(run, pattern="q"))


def test_a_clustering_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    run = two_kinds(store)
    first, second = cluster(store, findings(run)), cluster(store, findings(run, seed=2))
    with store.session() as db:
        assert clusterings.find(db, first[:-3])["clustering_id"] == first
        assert clusterings.find(db, None)["clustering_id"] == second
        with pytest.raises(UserError, match="2 clusterings begin with findings-"):
            clusterings.find(db, "findings-")
        with pytest.raises(UserError, match="no clustering nothing"):
            clusterings.find(db, "nothing")


def test_shares_have_their_n_what_is_missing_and_a_corrected_test(store: Store) -> None:
    texts = {f"w{n}": text for n, text in enumerate(sentences("weather"))}
    more = {f"e{n}": text for n, text in enumerate(sentences("eval_aware"))}
    hashes = (
        reasoned(store, texts, ("step-1",))
        | reasoned(store, more, ("step-2",))
        | reasoned(store, {"none": None}, ("step-2",))
    )
    run = quoted(store, texts | more, hashes)
    found = cluster(store, findings(run))
    with store.session() as db:
        rows = shares(db, clusterings.find(db, found))
    assert tuple(rows[0]) == ("checkpoint", *COLUMNS)
    cells = {(row["checkpoint"], row["cluster"]): row for row in rows}
    assert sorted(row["share"] for row in rows) == [0, 0, 1, 1]
    assert {row["missing"] for row in rows if row["checkpoint"] == "step-2"} == {1}
    assert {row["n"] for row in rows} == {24}
    first = cells["step-1", 0]
    assert abs(first["difference"]) == 1 and first["p"] <= first["p_bh"] < 0.001
    assert all(row["all_low"] <= row["low"] and row["high"] <= row["all_high"] for row in rows)


def test_an_assigned_cluster_is_a_run_whose_verdicts_and_findings_count(store: Store) -> None:
    found = cluster(store, findings(two_kinds(store)))
    aware = next(number for number, kind in kinds(store, found).items() if kind["e"])
    run_id, counts = assign(store, found, {aware: "eval_aware"}, BOOK)
    assert counts == {"tagged": 48, "eval_aware": 24}
    assert assign(store, found, {aware: "eval_aware"}, BOOK) == (run_id, counts)
    with store.session() as db:
        cells = frequencies(db, run_id)
        quotes = db.execute(
            """SELECT quote = reasoning[start_char + 1:end_char], match, stance FROM findings JOIN trajectories USING (trajectory_id)
               WHERE run_id = ?""", [run_id]
        ).fetchall()  # fmt: skip
        attempts = db.execute("SELECT count(*) FROM log.attempts WHERE run_id = ?", [run_id]).fetchone()
        [row] = [row for row in runs.listed(db) if row["run"] == run_id]
    assert [(cell.pattern, cell.present, cell.n) for cell in cells] == [("eval_aware", 12, 24)] * 2
    assert quotes == [(True, "exact", "asserts")] * 24 and attempts == (48,) and row["tagger"] == "cluster"


def test_quotes_that_reject_make_nothing_present(store: Store) -> None:
    found = cluster(store, findings(two_kinds(store, stance="rejects")))
    _, counts = assign(store, found, {0: "eval_aware"}, BOOK)
    assert counts == {"tagged": 48, "eval_aware": 0}
    with store.session() as db:
        assert db.execute(
            "SELECT DISTINCT stance FROM findings WHERE run_id LIKE 'cluster-%'"
        ).fetchall() == [("rejects",)]


def test_what_is_not_there_is_not_assigned(store: Store) -> None:
    found = cluster(store, findings(two_kinds(store)))
    with pytest.raises(UserError, match="has no cluster 9"):
        assign(store, found, {9: "eval_aware"}, BOOK)
    with pytest.raises(UserError, match="the codebook has no pattern nonsense"):
        assign(store, found, {0: "nonsense"}, BOOK)


def test_retracted_text_is_in_no_cluster_and_no_share(store: Store) -> None:
    found = cluster(store, findings(two_kinds(store)))
    with store.transaction() as db:
        append(db, "retractions", [{"trajectory_id": "e0", "reason": "withdrawn", "created_at": now()}])
    assert sum(sum(each.values()) for each in kinds(store, found).values()) == 47
    with store.session() as db:
        assert {row["n"] for row in shares(db, clusterings.find(db, found), by=())} == {47}
        assert all(each["trajectory_id"] != "e0" for each in clusterings.central(db, found, 50))


def test_stability_is_that_of_the_same_settings(store: Store) -> None:
    scores = clusterings.how_stable(store, findings(two_kinds(store)))
    assert len(scores) == 10 and sum(scores) / 10 > 0.8 and max(scores) == 1


def test_too_few_texts_are_refused(store: Store) -> None:
    texts = {"a": "One sentence.", "b": "Two."}
    with pytest.raises(UserError, match="2 different texts with a word in them are too few"):
        cluster(store, findings(quoted(store, texts, reasoned(store, texts))))
    with pytest.raises(UserError, match="2 different texts with a word in them are too few"):
        cluster(store, Settings("segments", embedder="tfidf"))
