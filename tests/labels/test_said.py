"""What everybody said is kept folded, and is at each moment what folding the whole log anew would give."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.codebook import Change
from analysis.store import Store, append
from labels import said as kept
from labels.events import Event
from labels.fold import blind, fold
from labels.log import events_of, record
from labels.said import Folded, Key, said
from tests.labels.conftest import event

HISTORY = (Change(revision=2, kind="rename", old=("p",), new=("pp",)),)


def anew(store: Store, history: tuple[Change, ...] = ()) -> Mapping[Key, Folded]:
    """The same without anything kept."""
    with store.session() as db:
        events = events_of(db)
    keys = sorted({(each.trajectory_id, each.annotator, each.repeat) for each in events})
    of = {key: [e for e in events if (e.trajectory_id, e.annotator, e.repeat) == key] for key in keys}
    return {key: Folded(tuple(mine), fold(mine, history), blind(mine, history)) for key, mine in of.items()}


def now_said(store: Store, history: tuple[Change, ...] = ()) -> Mapping[Key, Folded]:
    with store.session() as db:
        return said(db, history)


def test_what_is_kept_is_what_the_log_says(labelled: Store) -> None:
    assert now_said(labelled) == anew(labelled)
    assert now_said(labelled, HISTORY) == anew(labelled, HISTORY) != anew(labelled)
    record(labelled, [event("set", trajectory_id="t2", annotator="cy", pattern="p", new="unsure")])
    assert now_said(labelled) == anew(labelled)


def test_only_what_is_new_is_folded_again(labelled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = now_said(labelled)
    folded: list[str] = []
    real = kept._folded

    def counting(events: Any, history: Any) -> Folded:
        folded.append(events[0].annotator)
        return real(events, history)

    monkeypatch.setattr(kept, "_folded", counting)
    record(labelled, [event("flag", annotator="cy", new="true")])
    after = now_said(labelled)
    assert folded == ["cy"] and after["t0", "cy", 0].current.flagged
    assert all(after[key] is each for key, each in before.items() if key[1] != "cy")
    assert now_said(labelled) == after and folded == ["cy"]


def test_another_store_with_the_same_ids_and_other_words_is_read_itself(
    labelled: Store, tmp_path: Path
) -> None:
    now_said(labelled)
    other = Store(shutil.copy(labelled.path, tmp_path / "other.duckdb"))
    with other.session() as db:
        db.execute("UPDATE log.label_events SET new = 'unsure' WHERE op = 'set'")
    assert now_said(other) == anew(other) != anew(labelled)
    assert now_said(labelled) == anew(labelled)


def test_an_older_event_that_comes_in_later_is_folded_in_its_place(labelled: Store) -> None:
    found = now_said(labelled)["t2", "ada", 0].events[0]
    assert found.created_at
    with labelled.transaction() as db:
        late = replace(event("exposed", trajectory_id="t2"), created_at=found.created_at.replace(year=2001))
        append(db, "label_events", [late.as_row()])
    assert now_said(labelled) == anew(labelled) and now_said(labelled)["t2", "ada", 0].blind is None


STEPS = st.lists(
    st.tuples(st.sampled_from(["ada", "bo"]), st.sampled_from(["t0", "t1"]), st.integers(0, 1), st.sampled_from([
        {"op": "set", "pattern": "p", "new": "absent"}, {"op": "submit", "new": "p q"}, {"op": "exposed"}, {"op": "skip"},
    ])),
    min_size=1, max_size=5,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_steps_it_is_the_fold_of_the_log(
    traces: Store, steps: list[tuple[str, str, int, dict[str, Any]]]
) -> None:
    with traces.session():
        for who, name, repeat, what in steps:
            record(traces, [Event(who, name, repeat=repeat, reasoning_sha256="sha", **what)])
            assert now_said(traces) == anew(traces)
