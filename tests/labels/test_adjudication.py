"""Conflicts are decided by somebody who sees neither names nor the judge; what people said stays as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judged import QUOTE, TEXT, Lab

from analysis.codebook import parse
from analysis.errors import UserError
from analysis.store import Store
from labels.adjudication import REASONS, Item, decide, open_case, reasons, to_adjudicate, withdraw
from labels.events import Event
from labels.gold import blind_labels, frame, frequencies, gold
from labels.labeling import act, sit_down, submit, undo
from labels.log import events_of, record
from labels.queue import take

BOOK = parse({"revision": 2, "patterns": [{"id": i, "name": i.upper(), "definition": "d"} for i in "pq"]})
FIRST = "They want an even number."


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    store = Store(tmp_path_factory.mktemp("lab") / "store.duckdb")
    with store.session():
        return labelled(Lab(store))


@pytest.fixture
def lab(template: Lab, tmp_path: Path) -> Iterator[Lab]:
    """Ada and Bo differ on p of t0 and on the quote of p of t1; they agree on the rest. Cy labelled t3 alone."""
    mine = Lab(Store(shutil.copy(template.store.path, tmp_path / "store.duckdb")))
    mine.sha = template.sha
    with mine.store.session():  # so that the file is opened once
        yield mine


def labelled(lab: Lab) -> Lab:
    lab.traces(4)
    lab.run({f"t{n}": {"p": ("present", 88)} for n in range(4)})
    lab.label("ada", "t0", {"p": "present", "q": "absent"})
    lab.label("bo", "t0", {"p": "absent", "q": "absent"})
    for name in ("t1", "t2"):
        lab.label("ada", name, {"p": "present"})
    record(lab.store, [
        Event("bo", "t1", "add_quote", pattern="p", quote=FIRST, start_char=0, end_char=len(FIRST), reasoning_sha256=lab.sha["t1"]),
        Event("bo", "t1", "submit", new="p", reasoning_sha256=lab.sha["t1"]),
    ])  # fmt: skip
    lab.label("bo", "t2", {"p": "present"})
    lab.label("cy", "t3", {"p": "present"})
    return lab


def waiting(lab: Lab, who: str = "kim") -> list[Item]:
    with lab.store.session() as db:
        return to_adjudicate(db, who, BOOK)


def settled(lab: Lab) -> dict[tuple[str, str], tuple[str | None, str, float | None]]:
    with lab.store.session() as db:
        return {(g.trajectory_id, g.pattern): (g.value, g.status, g.soft) for g in gold(db, BOOK)}


def letter(item: Item, value: str) -> str:
    return next(side.letter for side in item.sides if side.value == value)


def test_conflicts_come_first_then_quotes_that_differ_and_what_agrees_not_at_all(lab: Lab) -> None:
    assert [(i.trajectory_id, i.pattern, i.status, i.own) for i in waiting(lab)] == [
        ("t0", "p", "conflict", False), ("t1", "p", "quotes differ", False),
    ]  # fmt: skip
    assert [i.own for i in waiting(lab, "bo")] == [True, True]


def test_gold_says_unanimous_single_unresolved_or_adjudicated(lab: Lab) -> None:
    assert settled(lab) == {
        ("t0", "p"): (None, "unresolved", 0.5), ("t0", "q"): ("absent", "unanimous", 0.0),
        ("t1", "p"): ("present", "unanimous", 1.0), ("t2", "p"): ("present", "unanimous", 1.0),
        ("t3", "p"): ("present", "single", 1.0),
    }  # fmt: skip
    item = waiting(lab)[0]
    decide(lab.store, "kim", BOOK, item, letter(item, "present"), "annotator error", note="it says so")
    assert settled(lab)["t0", "p"] == ("present", "adjudicated", 0.5)
    assert [(i.trajectory_id, i.status) for i in waiting(lab)] == [("t1", "quotes differ"), ("t0", "decided")]


def test_a_case_shows_neither_names_nor_the_judge(lab: Lab) -> None:
    case = open_case(lab.store, "kim", "t0", BOOK)
    seen = str((case.name, case.items, case.desk))
    assert QUOTE in seen and "absent" in seen and case.desk.reasoning == TEXT
    for hidden in ("ada", "bo'", "88.0", "a-judge", "step-1"):
        assert hidden not in seen, hidden
    with lab.store.session() as db:
        assert [e.op for e in events_of(db, "kim")] == ["exposed"], "what Kim labels there now is not blind"
    open_case(lab.store, "kim", "t0", BOOK)
    with lab.store.session() as db:
        assert len(events_of(db, "kim")) == 1


def test_a_side_who_adjudicates_has_seen_the_other_and_says_nothing_blind_from_then_on(lab: Lab) -> None:
    with lab.store.session() as db:
        before = blind_labels(events_of(db))
    for _ in range(2):
        open_case(lab.store, "bo", "t0", BOOK)
    with lab.store.session() as db:
        assert [e.op for e in events_of(db, "bo", "t0")][-1:] == ["exposed"]
        desk = sit_down(db, "bo", "t0", BOOK)
    desk = undo(lab.store, desk)
    desk = submit(lab.store, act(lab.store, desk, "set", pattern="p", new="unsure"))
    assert [(e.op, e.phase) for e in desk.events[-3:]] == [
        ("revert", "assisted"), ("set", "assisted"), ("submit", "assisted"),
    ]  # fmt: skip
    with lab.store.session() as db:
        assert blind_labels(events_of(db)) == before
    assert settled(lab)["t0", "p"] == (None, "unresolved", 0.5)


def test_the_letters_tell_nothing_and_stay(lab: Lab) -> None:
    first = {item.trajectory_id: item.sides for item in waiting(lab)}
    assert first == {item.trajectory_id: item.sides for item in waiting(lab, "lee")}
    other = Lab(Store(lab.store.path.with_name("other.duckdb")))
    names = other.traces(30)
    other.labels("ada", {name: {"p": "present"} for name in names})
    other.labels("bo", {name: {"p": "absent"} for name in names})
    ada_is_a = sum(item.sides[0].value == "present" for item in waiting(other))
    assert 5 < ada_is_a < 25


@pytest.mark.parametrize(
    ("take_", "value", "gold_value", "quotes"),
    [
        ("present", None, "present", [QUOTE]),
        ("absent", None, "absent", []),
        ("both", None, "unsure", [QUOTE]),
        ("neither", "unsure", "unsure", []),
        ("neither", "absent", "absent", []),
    ],
)
def test_what_a_decision_comes_to(
    lab: Lab, take_: str, value: str | None, gold_value: str, quotes: list[str]
) -> None:
    item = waiting(lab)[0]
    taken = letter(item, take_) if take_ in ("present", "absent") else take_
    event = decide(lab.store, "kim", BOOK, item, taken, "ambiguous text", value)
    assert (event.op, event.phase, event.origin, event.new) == (
        "gold",
        "adjudication",
        "adjudicator",
        gold_value,
    )
    assert [quote["quote"] for quote in event.attributes["quotes"]] == quotes
    assert sorted(event.attributes["sides"].values()) == ["ada", "bo"]


def test_both_of_two_who_say_present_has_the_quotes_of_both(lab: Lab) -> None:
    event = decide(lab.store, "kim", BOOK, waiting(lab)[1], "both", "edge case")
    assert event.new == "present"
    assert sorted(quote["quote"] for quote in event.attributes["quotes"]) == sorted([FIRST, QUOTE])


def test_what_people_said_stays_as_it_was_and_the_adjudicators_own_label_too(lab: Lab) -> None:
    with lab.store.session() as db:
        before = blind_labels(events_of(db))
    decide(lab.store, "ada", BOOK, waiting(lab)[0], "neither", "subjective", "unsure")
    with lab.store.session() as db:
        assert blind_labels(events_of(db)) == before
    assert take(lab.store, "kim"), "deciding takes nobody's place in the queue"


def test_a_decision_can_be_withdrawn_by_who_made_it_and_a_later_one_goes_before_it(lab: Lab) -> None:
    item = waiting(lab)[0]
    decide(lab.store, "kim", BOOK, item, "both", "edge case")
    decide(lab.store, "lee", BOOK, waiting(lab)[-1], "neither", "edge case", "absent")
    held = waiting(lab)[-1]
    assert held.decided and (held.decided["by"], held.decided["value"]) == ("lee", "absent")
    with pytest.raises(UserError, match="only one's own"):
        withdraw(lab.store, "kim", held)
    withdraw(lab.store, "lee", held)
    back = waiting(lab)[-1]
    assert back.decided and (back.decided["by"], back.decided["reason"]) == ("kim", "edge case")
    withdraw(lab.store, "kim", back)
    assert settled(lab)["t0", "p"][1] == "unresolved"
    with pytest.raises(UserError, match="only one's own"):
        withdraw(lab.store, "kim", waiting(lab)[0])


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"take": "C"}, "take A, B, both, or neither"),
        ({"take": "neither"}, "neither with a value"),
        ({"take": "neither", "value": "maybe"}, "neither with a value"),
        ({"reason": "because"}, "the reason is one of ambiguous text"),
    ],
)
def test_what_is_no_decision_is_refused(lab: Lab, wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        decide(lab.store, "kim", BOOK, waiting(lab)[0], **{"take": "A", "reason": REASONS[0], **wrong})


def test_labels_that_changed_since_are_looked_at_again(lab: Lab) -> None:
    item = waiting(lab)[0]
    lab.label("dee", "t0", {"p": "present"})
    with pytest.raises(UserError, match="have changed since"):
        decide(lab.store, "kim", BOOK, item, "A", REASONS[0])
    assert len(waiting(lab)[0].sides) == 3


def test_a_decision_outlives_a_rename_of_its_pattern(lab: Lab) -> None:
    decide(lab.store, "kim", BOOK, waiting(lab)[0], "neither", "edge case", "absent")
    renamed = parse({
        "revision": 3, "patterns": [{"id": i, "name": i, "definition": "d"} for i in ("pp", "q")],
        "history": [{"revision": 3, "change": "rename", "from": ["p"], "to": ["pp"]}],
    })  # fmt: skip
    with lab.store.session() as db:
        [found] = [g for g in gold(db, renamed) if (g.trajectory_id, g.pattern) == ("t0", "pp")]
        assert (found.value, found.status) == ("absent", "adjudicated")
        names = {row["pattern"] for row in frame(db, renamed).to_pylist()}
    assert names == {"p", "pp", "q"}, "runs made before the rename find their labels too"


def test_disagreeing_labels_show_beside_the_rate_until_they_are_decided(lab: Lab) -> None:
    def cell() -> dict[str, Any]:
        with lab.store.session() as db:
            run = db.execute("SELECT run_id FROM runs").fetchall()[0][0]
            [row] = [each.as_row() for each in frequencies(db, run, patterns=["p"])]
        return row

    before = cell()
    assert (before["labels"], before["label_conflicts"], before["label_share"]) == (3, 1, 1.0)
    decide(lab.store, "kim", BOOK, waiting(lab)[0], "neither", "subjective", "absent")
    after = cell()
    assert (after["labels"], after["label_conflicts"], after["label_share"]) == (4, 0, 0.75)


def test_why_people_differed_is_counted(lab: Lab) -> None:
    decide(lab.store, "kim", BOOK, waiting(lab)[0], "both", "guideline gap")
    with lab.store.session() as db:
        [row] = reasons(db, BOOK)
    assert row["pattern"] == "p" and row["decided"] == row["guideline gap"] == 1 and row["edge case"] == 0


def test_a_desk_has_nothing_of_what_its_owner_decided_on_the_trace(lab: Lab) -> None:
    decide(lab.store, "ada", BOOK, waiting(lab)[0], "both", "edge case")
    desk = open_case(lab.store, "ada", "t0", BOOK).desk
    assert not any(event.phase == "adjudication" for event in desk.events)
    later = act(lab.store, desk, "note", new="mine")
    assert later.state.note == "mine" and later.state.value("p") == "present"
