from __future__ import annotations

from typing import Any

import pytest

from analysis import codebook
from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from labels import queue
from labels.labeling import Desk, act, answer, mark, redo, reveal, sit_down, submit, undo
from labels.log import events_of

TEXT = "Odd pays 😀. They asked for even. I pick 7."
SENTENCES = [(0, 11), (12, 32), (33, 42)]
SCHEME = codebook.parse({
    "revision": 3,
    "patterns": [{"id": "p", "name": "P", "definition": "d"}, {"id": "q", "name": "Q", "definition": "d"}],
})  # fmt: skip


@pytest.fixture
def filled(store: Store) -> Store:
    """Eight traces with a run's verdicts on them, one of which can't be read."""
    with store.transaction() as db:
        for n in range(8):
            key = {"trajectory_id": f"secret-step-{n}"}
            readable = n < 7
            append(db, "trajectories", [{
                **key, "row_id": n, "checkpoint": "late-checkpoint", "variant": "secret-variant", "stored_at": now(),
                "reasoning": TEXT if readable else None, "reasoning_state": "text" if readable else "missing",
                "reasoning_sha256": "sha", "answer": "SECRET ANSWER", "metadata": "{}",
                "messages": '[{"role": "user", "content": "Pick."}, {"role": "assistant", "content": "SECRET ANSWER"}]',
            }])  # fmt: skip
            starts, ends = zip(*SENTENCES, strict=True)
            append(db, "cuts", [
                {**key, "row_id": n, "message": [1] * len(starts), "start_char": starts, "end_char": ends}
            ])  # fmt: skip
            append(
                db, "attempts", [{**key, "attempt_id": n, "run_id": "r", "state": "ok", "created_at": now()}]
            )
            append(
                db,
                "verdicts",
                [
                    {
                        **key,
                        "attempt_id": n,
                        "run_id": "r",
                        "pattern": "q",
                        "verdict": "present",
                        "score": 80,
                        "why": "JUDGE SAYS",
                    }
                ],
            )
            append(db, "findings", [{
                **key, "attempt_id": n, "run_id": "r", "pattern": "q", "quote": "I pick 7.", "start_char": 33, "end_char": 42,
                "match": "exact", "stance": "asserts", "role": "decisive", "attributes": '{"a": "b"}',
            }])  # fmt: skip
    return store


def desk(store: Store, annotator: str = "ada", trajectory: str = "secret-step-0") -> Desk:
    with store.session() as db:
        return sit_down(db, annotator, trajectory, SCHEME)


def test_what_a_person_sees_while_blind_is_the_prompt_and_the_reasoning_alone(filled: Store) -> None:
    act(filled, desk(filled, "bo"), "note", new="BO SAYS")
    before = desk(filled)
    seen = str((before.name, before.prompt, before.sentences, before.reasoning, before.events))
    assert "They asked for even." in seen and "Pick." in seen
    for hidden in ("SECRET", "secret", "late", "JUDGE", "present", "BO SAYS"):
        assert hidden not in seen, hidden
    assert before.name == queue.opaque("ada", "secret-step-0") and "secret" not in before.name


def test_marking_sentences_quotes_them_and_joins_neighbours(filled: Store) -> None:
    done = mark(filled, desk(filled), "p", [2, 0, 1], stance="asserts")
    assert [quote.quote for quote in done.state.label("p").quotes.values()] == [TEXT]
    apart = mark(filled, desk(filled), "q", [0, 2])
    assert [quote.quote for quote in apart.state.label("q").quotes.values()] == ["Odd pays 😀.", "I pick 7."]
    assert desk(filled).state == apart.state, "what the page shows is what is stored"


def test_marking_the_same_sentence_again_adds_nothing(filled: Store) -> None:
    once = mark(filled, desk(filled), "p", [1])
    assert len(mark(filled, once, "p", [1]).events) == len(once.events)


def test_undo_and_redo(filled: Store) -> None:
    start = act(filled, desk(filled), "open")
    one = mark(filled, start, "p", [1])
    two = act(filled, one, "set", pattern="q", new="unsure")
    back = undo(filled, undo(filled, two))
    assert back.state == start.state
    assert redo(filled, redo(filled, back)).state == two.state
    assert undo(filled, start).events == start.events, "there was nothing to undo"


def test_submit_wants_a_quote_for_each_present_or_the_word_that_none_shows_it(filled: Store) -> None:
    said = act(filled, desk(filled), "set", pattern="p", new="present")
    with pytest.raises(UserError, match=r"^P: quote the sentence"):
        submit(filled, said)
    ticked = act(filled, said, "set", pattern="p", new="present", attributes={"no_single_quote": True})
    done = submit(filled, ticked)
    assert {k: (v.value, v.explicit) for k, v in done.state.labels.items()} == {
        "p": ("present", True),
        "q": ("absent", False),
    }
    assert {(e.phase, e.codebook_revision, e.segmentation, e.reasoning_sha256) for e in done.events} == {
        ("blind", 3, "sentences-1", "sha")
    }


def test_the_judge_is_revealed_after_submit_only_and_its_word_can_be_accepted_or_dismissed(
    filled: Store,
) -> None:
    mine = act(filled, desk(filled), "set", pattern="p", new="absent")
    with pytest.raises(UserError, match="submit your own labels first"):
        reveal(filled, mine, "r")
    shown_desk, [shown] = reveal(filled, submit(filled, mine), "r")
    assert (shown.pattern, shown.verdict, shown.score, shown.why, shown.reviewed) == (
        "q",
        "present",
        80,
        "JUDGE SAYS",
        None,
    )
    accepted = answer(filled, shown_desk, shown, "r", accept=True)
    assert (accepted.state.value("q"), accepted.state.label("q").origin) == ("present", "judge_accepted")
    assert list(accepted.state.label("q").quotes) == [(33, 42)]
    assert undo(filled, accepted).state == shown_desk.state
    dismissed = answer(filled, undo(filled, accepted), shown, "r", accept=False)
    assert (dismissed.state.value("q"), dismissed.state.label("q").reviewed) == ("absent", "dismissed")
    assert [e.op for e in dismissed.events if e.phase == "review"] == [
        "reveal",
        "accept",
        "revert",
        "dismiss",
    ]
    assert len([e for e in reveal(filled, dismissed, "r")[0].events if e.op == "reveal"]) == 1


def test_each_person_has_an_order_of_their_own_that_stays(filled: Store) -> None:
    def all_of(name: str) -> list[str]:
        found = []
        while True:
            taken = queue.take(filled, name)
            assert taken == queue.take(filled, name), "drawn again, the page shows the same trace"
            if taken is None:
                return found
            found.append(taken.trajectory_id)
            submit(filled, desk(filled, name, taken.trajectory_id))

    ada, bo = all_of("ada"), all_of("bo")
    assert sorted(ada) == sorted(bo) == [f"secret-step-{n}" for n in range(7)] and ada != bo
    with filled.session() as db:
        assert queue.progress(db, "ada") == queue.Progress(total=7, submitted=7, skipped=0, flagged=0)
        assert queue.progress(db, "new") == queue.Progress(7, 0, 0, 0)


def test_a_trace_that_was_left_open_comes_first_and_a_skipped_one_not_again(filled: Store) -> None:
    first = queue.take(filled, "ada")
    assert first
    act(filled, desk(filled, trajectory=first.trajectory_id), "flag", new="true")
    assert queue.take(filled, "ada") == first
    act(filled, desk(filled, trajectory=first.trajectory_id), "skip", note="too long")
    assert queue.take(filled, "ada") not in (first, None)
    with filled.session() as db:
        assert queue.progress(db, "ada") == queue.Progress(total=7, submitted=0, skipped=1, flagged=1)


def test_what_a_person_searched_out_is_marked_as_that(filled: Store) -> None:
    done = submit(filled, desk(filled))
    with filled.session() as db:
        [opened, *_] = events_of(db, "ada")
    assert opened.op == "open" and opened.queue_reason == "self-selected" and done.state.submitted


def test_why_a_trace_was_picked_is_on_the_desk_only_after_submit(filled: Store) -> None:
    taken = queue.take(filled, "ada")
    assert taken
    before = desk(filled, trajectory=taken.trajectory_id)
    assert "uniform" not in str(before.events) and before.state.queue_reason is None
    submit(filled, before)
    after = desk(filled, trajectory=taken.trajectory_id)
    assert (after.state.queue_reason, after.state.queue_probability) == ("uniform", 1.0)


def test_an_opaque_id_leads_its_own_annotator_to_the_trace_and_nobody_else(filled: Store) -> None:
    name, again = queue.opaque("ada", "secret-step-3"), queue.opaque("ada", "secret-step-3", 1)
    with filled.session() as db:
        assert queue.by_opaque(db, "ada", name) == queue.Taken("secret-step-3")
        assert queue.by_opaque(db, "ada", again) == queue.Taken("secret-step-3", 1)
        assert queue.by_opaque(db, "bo", name) is None and name != again


def test_an_opaque_id_leads_to_what_was_begun_and_to_what_came_in_since_and_not_to_what_was_taken_back(
    filled: Store,
) -> None:
    begun = queue.take(filled, "ada")
    assert begun
    late = "secret-step-late"
    with filled.transaction() as db:
        append(db, "trajectories", [
            {"row_id": 99, "trajectory_id": late, "reasoning": TEXT, "reasoning_state": "text", "stored_at": now()}
        ])  # fmt: skip
    own, other = (queue.opaque("ada", each) for each in (begun.trajectory_id, late))
    with filled.session() as db:
        assert [queue.by_opaque(db, "ada", each) for each in (own, other)] == [begun, queue.Taken(late)]
        append(db, "retractions", [{"trajectory_id": begun.trajectory_id, "created_at": now()}])
        assert [queue.by_opaque(db, "ada", each) for each in (own, other)] == [None, queue.Taken(late)]


@pytest.mark.parametrize("trajectory", ["gone", "secret-step-7"])
def test_what_can_not_be_read_can_not_be_labelled(filled: Store, trajectory: Any) -> None:
    with pytest.raises(UserError, match="not there, or has no reasoning"):
        desk(filled, trajectory=trajectory)
