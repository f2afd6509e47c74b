"""The Label page in Streamlit's own widgets, as a person uses it, on the tagged sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from judged import Lab
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.store import Store
from labels import queue
from labels.events import Event
from labels.fold import fold
from labels.labeling import act, sit_down
from labels.log import events_of

Page = Callable[[str], AppTest]


def sign_in(at: AppTest, name: str = "ada") -> AppTest:
    at.session_state["annotator"] = name
    at.query_params["reader"] = "plain"
    return at.run()


def button(at: AppTest, label: str) -> Any:
    return next(each for each in at.button if each.label.replace("\\", "") == label)


def log(store: Store, name: str = "ada") -> list[Event]:
    with store.session() as db:
        return events_of(db, name)


def everything(at: AppTest) -> str:
    """All that the page sent to the browser, of whatever kind."""
    return str(at._tree.proto if hasattr(at._tree, "proto") else at._tree)


def test_a_name_is_asked_for_first(page: Page) -> None:
    at = page("label")
    assert not at.exception and [box.label for box in at.selectbox] == ["Your name"] and not at.checkbox


def test_quoting_submitting_and_comparing(page: Page, sample_store: Store) -> None:
    at = sign_in(page("label"))
    assert not at.exception
    at.checkbox[1].check().run()
    button(at, "Decoding the hint").click().run()
    assert [event.op for event in log(sample_store)] == ["open", "add_quote"], "saved before it was drawn"
    assert not at.checkbox[1].value, "the selection is done with"
    button(at, "Submit and compare").click().run()
    state = fold(log(sample_store))
    assert state.submitted and state.value("hint_decode") == "present"
    assert {label.value for pattern, label in state.labels.items() if pattern != "hint_decode"} == {"absent"}
    button(at, "Reveal the run's verdicts").click().run()
    assert not at.exception and fold(log(sample_store)).revealed
    button(at, "Next trace").click().run()
    assert any("1 of 24 submitted" in each.value for each in at.markdown)


def test_before_submit_nothing_of_a_judge_or_another_person_is_in_the_page(
    page: Page, sample_store: Store
) -> None:
    with sample_store.session() as db:
        secrets = {
            value
            for row in db.execute("SELECT DISTINCT why, run_id FROM findings").fetchall()
            for value in row
        }
        secrets |= {
            value
            for row in db.execute("SELECT checkpoint, trajectory_id, source FROM trajectories").fetchall()
            for value in row
        }
    bo = sign_in(page("label"), "bo")
    bo.text_area[0].input("BO SAYS SO").run()
    assert any(event.op == "note" for event in log(sample_store, "bo"))
    at = sign_in(page("label"))
    sent = everything(at)
    assert at.checkbox and "Decoding the hint" in sent
    found = sorted(secret for secret in secrets | {"BO SAYS SO"} if secret and secret in sent)
    assert found == []


def test_present_without_a_quote_is_refused_in_one_line_until_it_is_ticked(
    page: Page, sample_store: Store
) -> None:
    at = sign_in(page("label"))
    taken = queue.take(sample_store, "ada")
    assert taken
    with sample_store.session() as db:
        desk = sit_down(db, "ada", taken.trajectory_id, codebook.load())
    act(sample_store, desk, "set", pattern="eval_aware", new="present")
    at.run()
    button(at, "Submit and next").click().run()
    assert [each.value.replace("\\", "") for each in at.error] == [
        "Verbalized evaluation awareness: quote the sentence that shows it, or tick “no single quote”"
    ]
    assert not fold(log(sample_store)).submitted
    next(box for box in at.checkbox if box.label == "no single quote").check().run()
    button(at, "Submit and next").click().run()
    assert fold(log(sample_store)).submitted and not at.error


def test_undo_redo_flag_skip_and_note(page: Page, sample_store: Store) -> None:
    at = sign_in(page("label"))
    at.checkbox[0].check().run()
    button(at, "Choosing the reward").click().run()
    button(at, "Undo").click().run()
    assert fold(log(sample_store)).value("reward_chosen") is None
    button(at, "Redo").click().run()
    assert fold(log(sample_store)).value("reward_chosen") == "present"
    button(at, "Flag").click().run()
    at.text_area[0].input("=odd").run()
    state = fold(log(sample_store))
    assert state.flagged and state.note == "=odd"
    first = {event.trajectory_id for event in log(sample_store)}
    button(at, "Skip").click().run()
    button(at, "Flag").click().run()
    assert len({event.trajectory_id for event in log(sample_store)} - first) == 1, (
        "the next trace is another one"
    )


def test_quoting_without_a_sentence_says_what_to_do(page: Page, sample_store: Store) -> None:
    at = sign_in(page("label"))
    button(at, "Decoding the hint").click().run()
    assert "Tick the sentences" in at.error[0].value
    assert [event.op for event in log(sample_store)] == ["open"], "the trace is theirs, and nothing was said"


def test_trajectories_that_come_in_meanwhile_are_seen_at_the_next_look(
    page: Page, sample_store: Store
) -> None:
    at = sign_in(page("label"))

    def badges() -> str:
        return " ".join(each.value for each in at.markdown if "badge" in each.value)

    assert "0 of 24 submitted" in badges() and "Synthetic data, written by the project" in badges()
    Lab(sample_store).traces(3)
    at.run()
    assert "0 of 27 submitted" in badges() and "Synthetic data, 24 of 27 written by the project" in badges()


@pytest.mark.parametrize("name", ["export", "environment"])
def test_the_page_opens(page: Page, name: str) -> None:
    assert not page(name).exception


def test_the_export_page_offers_what_was_labelled(page: Page, sample_store: Store) -> None:
    assert page("export").subheader[0].value == "Nothing to export yet"
    at = sign_in(page("label"))
    button(at, "Submit and next").click().run()
    assert any("14 rows; 14 of them on synthetic" in each.value for each in page("export").markdown)
