"""What a session showed of a run's word counts for whoever turns out to sit before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from analysis.store import Store
from labels.log import events_of
from tests.views.conftest import ROOT

LISTED = 25


@pytest.fixture
def open_page(sample_store: Store) -> Callable[..., AppTest]:
    def open_page(name: str | None = None, **address: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        if name:
            at.session_state["annotator"] = name
        at.run()
        for key, value in address.items():
            at.query_params[key] = value
        return at.switch_page("views/traces.py").run()

    return open_page


def exposed(store: Store, name: str) -> list[str]:
    with store.session() as db:
        return sorted(event.trajectory_id for event in events_of(db, name) if event.op == "exposed")


def names(store: Store, condition: str = "true") -> list[str]:
    with store.session() as db:
        found = db.execute(f"SELECT trajectory_id FROM trajectories WHERE {condition} ORDER BY 1").fetchall()
    return [name for (name,) in found]


def with_a_pattern(store: Store) -> list[str]:
    return names(store, "trajectory_id IN (SELECT trajectory_id FROM verdicts WHERE verdict = 'present')")


def test_a_trace_that_was_opened_before_a_name_was_given_is_exposed_for_that_name(
    sample_store: Store, open_page: Callable[..., AppTest]
) -> None:
    first, second = names(sample_store)[:2]
    at = open_page(trajectory=first)
    assert not at.exception and exposed(sample_store, "ada") == []
    at.session_state["annotator"] = "ada"
    at.run()
    assert exposed(sample_store, "ada") == [first]
    assert "1 trace was shown here before" in at.toast[0].value
    open_page("bo", trajectory=second)
    assert exposed(sample_store, "bo") == [second], "with a name it is written at once"


def test_rows_of_the_list_that_show_a_runs_patterns_count_too(
    sample_store: Store, open_page: Callable[..., AppTest]
) -> None:
    at = open_page()
    at.session_state["annotator"] = "ada"
    at.run()
    assert exposed(sample_store, "ada") == with_a_pattern(sample_store)


def test_to_a_name_the_list_leaves_out_what_they_may_still_label_blind_unless_they_ask_for_it(
    sample_store: Store, open_page: Callable[..., AppTest]
) -> None:
    at = open_page("ada")
    assert not at.exception and exposed(sample_store, "ada") == []
    assert any("you can still label them blind" in caption.value for caption in at.caption)
    at = open_page("ada", pattern="eval_aware", verdict="absent")
    shown = names(
        sample_store,
        "trajectory_id IN (SELECT trajectory_id FROM verdicts WHERE pattern = 'eval_aware' AND verdict = 'absent')",
    )
    assert exposed(sample_store, "ada") == shown[:LISTED]
