"""Two people's labels on three traces of two checkpoints, under a run's verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.store import Store, append
from analysis.store.rows import now
from labels.events import Event
from labels.log import record

TEXT = "Odd pays 😀. They asked for even."
PATTERNS = "p q"


def event(op: str = "set", **more: Any) -> Event:
    values = {
        "annotator": "ada",
        "trajectory_id": "t0",
        "reasoning_sha256": "sha",
        "codebook_revision": 1,
        **more,
    }
    return Event(op=op, **values)  # type: ignore[arg-type]


def quote(start: int, end: int, **more: Any) -> Event:
    return event(
        "add_quote",
        **{"pattern": "p", "start_char": start, "end_char": end, "quote": TEXT[start:end], **more},
    )


@pytest.fixture
def traces(store: Store) -> Store:
    fill(store)
    return store


def fill(store: Store) -> None:
    """Three traces, and a run that says p of the first and third."""
    with store.transaction() as db:
        append(db, "runs", [{"run_id": "r", "tagger": "cues", "config": "{}", "created_at": now()}])
        for n, (checkpoint, verdict) in enumerate([("c1", "present"), ("c1", "absent"), ("c2", "present")]):
            key = {"trajectory_id": f"t{n}"}
            append(db, "trajectories", [{
                **key, "row_id": n, "source": "s", "checkpoint": checkpoint, "variant": "v", "prompt_id": "x",
                "reasoning": TEXT, "reasoning_state": "text", "reasoning_sha256": "sha", "stored_at": now(),
                "messages": '[{"role": "user", "content": "Pick."}]', "metadata": "{}", "synthetic": "written",
            }])  # fmt: skip
            append(
                db,
                "attempts",
                [
                    {
                        **key,
                        "attempt_id": n,
                        "run_id": "r",
                        "state": "ok",
                        "reasoning_sha256": "sha",
                        "created_at": now(),
                    }
                ],
            )
            append(
                db, "verdicts", [{**key, "attempt_id": n, "run_id": "r", "pattern": "p", "verdict": verdict}]
            )


@pytest.fixture
def labelled(traces: Store) -> Store:
    """Ada finds p in t0 and t2, Bo in t0 only; q is absent everywhere; Ada accepts the judge's p on t1 afterwards."""
    record(traces, [
        quote(0, 11, role="decisive", queue_reason="uniform", queue_probability=0.5),
        event("note", new="=SUM(A1)"),
        event("submit", new=PATTERNS),
        event("set", trajectory_id="t1", pattern="p", new="absent"),
        event("submit", trajectory_id="t1", new=PATTERNS),
        event("reveal", trajectory_id="t1", phase="review", run_id="r"),
        event("accept", trajectory_id="t1", phase="review", run_id="r", pattern="p", new="present", origin="judge_accepted",
              attributes={"quotes": [{"start_char": 0, "end_char": 3, "quote": "Odd", "stance": "asserts"}]}),
        quote(9, 10, trajectory_id="t2", stance="entertains"),
        event("submit", trajectory_id="t2", new=PATTERNS),
        quote(0, 8, annotator="bo"),
        event("submit", annotator="bo", new=PATTERNS),
        event("submit", annotator="bo", trajectory_id="t1", new=PATTERNS),
        event("submit", annotator="bo", trajectory_id="t2", new=PATTERNS),
        event("open", annotator="cy"),
    ])  # fmt: skip
    return traces
