"""Verdicts made elsewhere, that came in with their trajectories."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb

from analysis import runs
from analysis.quotes import locate
from analysis.store import Store
from analysis.trajectories import Judged, Trajectory, sha256_of


def imported_runs(store: Store, found: list[Trajectory]) -> dict[str, str]:
    """The run of each tool whose verdicts came in: tool to run id."""
    patterns: dict[str, set[str]] = defaultdict(set)
    for each in found:
        for judged in each.judged:
            patterns[judged.tagger].add(judged.pattern)
    return {
        tagger: runs.start(store, "imported", {"patterns": sorted(names)}, None, model=tagger)
        for tagger, names in patterns.items()
    }


def append_judged(
    db: duckdb.DuckDBPyConnection, found: list[Trajectory], tagger: str, run_id: str
) -> list[runs.Result]:
    """Write the verdicts that came with the trajectories; those that the run has no attempt on with this text."""
    having: dict[str, list[Judged]] = defaultdict(list)
    by_id = {}
    for each in found:
        if mine := [judged for judged in each.judged if judged.tagger == tagger]:
            having[str(each.trajectory_id)] += mine
            by_id[str(each.trajectory_id)] = each
    attempted = set(
        db.execute(
            "SELECT trajectory_id, reasoning_sha256 FROM attempts WHERE run_id = ? AND trajectory_id IN (SELECT unnest(?))",
            [run_id, list(having)],
        ).fetchall()
    )
    results = [_result(by_id[key], judged) for key, judged in having.items()]
    fresh = [r for r in results if (r.trajectory_id, r.reasoning_sha256) not in attempted]
    runs.record(db, run_id, fresh)
    return fresh


def _result(trajectory: Trajectory, judged: list[Judged]) -> runs.Result:
    text = trajectory.reasoning()
    known = [each for each in judged if each.verdict is not None]
    common: dict[str, Any] = {
        "trajectory_id": str(trajectory.trajectory_id),
        "reasoning_sha256": sha256_of(text) if text is not None else None,
    }
    if not known:
        reason = next((each.why for each in judged if each.why), None)
        state: runs.State = "no_reasoning" if text is None else "failed"
        return runs.Result(**common, state=state, error=reason or "the source has no verdict")
    findings = []
    for each in known:
        if each.quote:
            place = locate(text or "", each.quote)
            stance = "asserts" if each.verdict == "present" else None
            findings.append(runs.Finding(
                each.pattern, each.quote, place.start_char, place.end_char, place.match, stance, why=each.why
            ))  # fmt: skip
    verdicts = [runs.Verdict(each.pattern, str(each.verdict), each.score, each.why) for each in known]
    return runs.Result(**common, state="ok", verdicts=verdicts, findings=findings)
