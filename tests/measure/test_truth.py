"""A run against the truth of simulated trajectories: the matrix first, and nothing undefined made up."""

from __future__ import annotations

import pytest

from analysis import codebook, runs
from analysis.environment.simulate import simulate
from analysis.errors import UserError
from analysis.measure.truth import COLUMNS, Score, against_truth, with_means
from analysis.store import Store

BOOK = codebook.load()
THREE_OF_FOUR = {
    "": 0.75,
    "_low": pytest.approx(0.30064, abs=1e-5),
    "_high": pytest.approx(0.95441, abs=1e-5),
}
"""3 of 4, with Wilson's interval."""


def truths(store: Store) -> dict[str, tuple[str, dict[str, str]]]:
    """Trajectory to its text's hash and the truth of each pattern."""
    with store.session() as db:
        rows = db.execute(
            "SELECT trajectory_id, a.reasoning_sha256, pattern, verdict FROM verdicts JOIN attempts a USING (attempt_id, trajectory_id)"
        ).fetchall()
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for trajectory, sha, pattern, verdict in rows:
        found.setdefault(trajectory, (sha, {}))[1][pattern] = verdict
    return found


def say(
    store: Store, verdicts: dict[str, dict[str, str]], states: dict[str, runs.State] | None = None
) -> str:
    """A run that says these verdicts of these trajectories."""
    run_id = runs.start(store, "judge", {"said": str(sorted(verdicts.items()))}, BOOK, "m")
    known = truths(store)
    with store.transaction() as db:
        runs.record(db, run_id, [
            runs.Result(
                key, (states or {}).get(key, "ok"), [runs.Verdict(p, v) for p, v in said.items()], reasoning_sha256=known[key][0]
            )
            for key, said in verdicts.items()
        ])  # fmt: skip
    return run_id


def scores(store: Store, run_id: str) -> list[Score]:
    with store.session() as db:
        return against_truth(db, run_id)


def test_a_run_that_says_the_truth_has_no_error(store: Store) -> None:
    simulate(store, 120)
    found = scores(store, say(store, {key: said for key, (_, said) in truths(store).items()}))
    assert [(s.group["bank"], s.pattern) for s in found] == [
        (b, p) for b in ("bank-a", "bank-b") for p in sorted(BOOK.ids())
    ]
    assert all(s.fp == s.fn == s.missing == 0 and s.n == 60 for s in found)
    assert {s.f1 for s in found if s.tp} == {1.0}


def test_counts_ratios_and_what_is_missing(store: Store) -> None:
    simulate(store, 40, banks=("b",))
    known = truths(store)
    present = sorted(key for key, (_, said) in known.items() if said["hint_decode"] == "present")
    absent = sorted(key for key, (_, said) in known.items() if said["hint_decode"] == "absent")
    assert len(present) > 6 and len(absent) > 6
    said = dict.fromkeys(present[:3], "present") | {present[3]: "absent", absent[0]: "present"}
    said |= dict.fromkeys(absent[1:4], "absent") | {present[4]: "unsure", absent[4]: "present"}
    run_id = say(store, {key: {"hint_decode": v} for key, v in said.items()}, {absent[4]: "failed"})
    [score] = scores(store, run_id)
    missing = len(known) - 8
    assert (score.tp, score.fp, score.fn, score.tn, score.missing) == (3, 1, 1, 3, missing)
    assert score.as_row() == {
        "bank": "bank-b", "pattern": "hint_decode", "n": 8, "tp": 3, "fp": 1, "fn": 1, "tn": 3, "missing": missing,
        **{f"{ratio}{end}": value for ratio in ("sensitivity", "specificity", "ppv") for end, value in THREE_OF_FOUR.items()},
        "f1": 0.75,
    }  # fmt: skip
    assert list(score.as_row()) == ["bank", "pattern", *COLUMNS]


def test_a_run_is_scored_by_checkpoint_or_variant_as_well(store: Store) -> None:
    simulate(store, 128, banks=("a", "b"))
    run_id = say(store, {key: said for key, (_, said) in truths(store).items()})
    with store.session() as db:
        found = against_truth(db, run_id, ["checkpoint", "variant"])
        with pytest.raises(UserError, match="--by takes"):
            against_truth(db, run_id, ["colour"])
    groups = list(dict.fromkeys(tuple(score.group.values()) for score in found))
    assert len(groups) == 2 * 4 * 8 and groups[0] == ("bank-a", "simulated-step-100", "agree")
    assert [g[1] for g in groups[:32:8]] == [f"simulated-step-{n}" for n in (100, 400, 1600, 6400)]
    assert sum(score.n for score in found if score.pattern == "eval_aware") == len(truths(store))
    rows = with_means(found)
    assert len(rows) == len(groups) * (len(BOOK.ids()) + 1) and rows[14]["pattern"] == "mean"
    assert rows[14]["variant"] == "agree" and rows[14]["sensitivity_low"] is None


def test_what_is_undefined_is_none_and_left_out_of_the_mean() -> None:
    rows = with_means(
        [Score({"bank": "bank-a"}, "x", 1, 1, 0, 2, 0), Score({"bank": "bank-a"}, "y", 0, 0, 0, 4, 0)]
    )
    assert [row["pattern"] for row in rows] == ["x", "y", "mean"]
    assert [row["f1"] for row in rows] == [pytest.approx(2 / 3), None, pytest.approx(2 / 3)]
    assert [row["specificity"] for row in rows] == [pytest.approx(2 / 3), 1.0, pytest.approx(5 / 6)]
    assert rows[-1]["n"] is None and all(list(row) == ["bank", "pattern", *COLUMNS] for row in rows)
    assert rows[1]["ppv"] is None and rows[1]["ppv_low"] is None and rows[1]["sensitivity_high"] is None
    assert rows[1]["specificity_low"] == pytest.approx(0.5101, abs=1e-4) and rows[1]["specificity_high"] == 1


def test_two_truths_of_one_trajectory_count_once(store: Store) -> None:
    simulate(store, 20, banks=("a",))
    known = truths(store)
    again = runs.start(store, "truth", {"again": True}, None, model="bank-a")
    with store.transaction() as db:
        runs.record(db, again, [
            runs.Result(key, "ok", [runs.Verdict(p, v) for p, v in said.items()], reasoning_sha256=sha)
            for key, (sha, said) in known.items()
        ])  # fmt: skip
    found = scores(store, say(store, {key: said for key, (_, said) in known.items()}))
    assert {score.n for score in found} == {len(known)}


def test_a_run_without_a_truth_to_hold_it_against_is_refused(store: Store) -> None:
    run_id = runs.start(store, "cues", {}, BOOK)
    with pytest.raises(UserError, match="telltale simulate"):
        scores(store, run_id)
    simulate(store, 4)
    with pytest.raises(UserError, match="no verdict on a simulated trajectory"):
        scores(store, run_id)
