"""Labels across changes of the codebook: carried over, listed for another look, never dropped."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import codebook, codebook_changes
from analysis.codebook import Change, Codebook
from analysis.codebook_changes import Part
from analysis.errors import UserError
from analysis.store import Store
from labels.another_look import to_look_at
from labels.events import Event
from labels.fold import blind, fold
from labels.log import record
from tests.labels.conftest import event, fill
from tests.labels.test_fold import history as told
from tests.labels.test_fold import quote as quoted

FILE = """# What we look for.
revision: 4
patterns:
  - id: p   # the first
    name: P
    definition: Says p.
    attributes: {how: [loud, soft]}
    examples: ["P it is."]
    cues:
      asserts: ['\\bp\\b']
  - id: q
    name: Q
    definition: Says q.
    examples: ["Q, then."]
  - {id: r, name: R, definition: Says r.}
rollups:
  letters: [p, q, r]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "book.yaml"
    path.write_text(FILE)
    return path


def parts(*ids: str) -> list[Part]:
    return [Part(each, each.upper(), f"Says {each}.") for each in ids]


def said(pattern: str, value: str, revision: int = 4) -> tuple[str, dict[str, Any]]:
    return "set", {"pattern": pattern, "new": value, "codebook_revision": revision}


def values(state: Any) -> dict[str, str | None]:
    return {pattern: label.value for pattern, label in state.labels.items()}


def test_a_change_is_a_new_revision_and_leaves_the_rest_of_the_file_as_it_was(file: Path) -> None:
    codebook_changes.rename(file, "q", name="Quite so")
    wanted = FILE.replace("revision: 4", "revision: 5").replace("name: Q", "name: Quite so")
    assert file.read_text().startswith(wanted)
    assert yaml.safe_load(file.read_text())["history"] == [
        {"revision": 5, "change": "rename", "from": ["q"], "to": ["q"], "note": "Q → Quite so"}
    ]
    assert codebook.load(file).name_of("q") == "Quite so", "a changed file is read again"


def test_the_shipped_codebook_keeps_every_comment_and_expression(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    before = codebook.DEFAULT_PATH.read_text().splitlines()
    path.write_text("\n".join(before) + "\n")
    codebook_changes.retire(path, "harmless_excuse")
    after = path.read_text().splitlines()
    assert [line for line in before if line not in after] == ["revision: 1"]
    assert [line.strip() for line in after if line not in before] == [
        "revision: 2", "retired: 2", "history:", "- revision: 2", "change: retire", "from: [harmless_excuse]",
    ]  # fmt: skip


def test_rename_carries_labels_quotes_and_rollups_to_the_new_id(file: Path) -> None:
    book = codebook_changes.rename(file, "p", new_id="pp")
    assert book.ids() == ["pp", "q", "r"] and book.rollups == {"letters": ("pp", "q", "r")}
    events = told(
        ("add_quote", {**quoted((0, 9)), "codebook_revision": 4}),
        ("submit", {"new": "p q r", "codebook_revision": 4}),
        ("remove_quote", {"pattern": "pp", "start_char": 0, "end_char": 9, "codebook_revision": 5}),
    )
    assert values(fold(events[:2], book.history)) == {"pp": "present", "q": "absent", "r": "absent"}
    state = fold(events, book.history)
    assert state.label("pp").quotes == {}, "what is done after the rename is done to what was carried"
    assert (book.called_now("p", 4), book.called_now("p", 5)) == ("pp", "p")
    before = blind(events[:2], book.history)
    assert before and before.value("pp") == "present"


@pytest.mark.parametrize(
    ("p", "q", "merged"),
    [
        ("present", "absent", "present"),
        ("unsure", "absent", "unsure"),
        ("absent", "absent", "absent"),
        ("present", "unsure", "present"),
        ("absent", None, None),
        ("present", None, "present"),
    ],
)
def test_merge_maps_both(file: Path, p: str, q: str | None, merged: str | None) -> None:
    book = codebook_changes.merge(file, ["p", "q"], Part("pq", "Either", "Says p or q."))
    assert book.ids() == ["pq", "r"] and [each.id for each in book.retired] == ["p", "q"]
    assert book["pq"].examples == ("P it is.", "Q, then.") and book.rollups == {"letters": ("pq", "r")}
    state = fold(told(*[said(name, value) for name, value in (("p", p), ("q", q)) if value]), book.history)
    assert state.value("pq") == merged and state.value("p") == p, "what was said of each stays"


def test_merge_into_one_of_them_takes_the_others_in(file: Path) -> None:
    book = codebook_changes.merge(file, ["p", "q"], Part("p", "P", "Says p or q."))
    assert book.ids() == ["p", "r"] and book["p"].attributes == {"how": ("loud", "soft")}
    state = fold(told(said("p", "absent"), said("q", "present")), book.history)
    assert state.value("p") == "present"


def test_split_hands_on_absent_and_lists_the_rest_until_it_is_judged_again(store: Store, file: Path) -> None:
    book = codebook_changes.split(file, "p", parts("loud", "soft"), note="two things")
    assert book.ids() == ["loud", "soft", "q", "r"] and book["p"].retired == 5
    assert book["loud"].attributes == {"how": ("loud", "soft")}
    assert values(fold(told(said("p", "absent")), book.history)) == {
        "p": "absent", "loud": "absent", "soft": "absent",
    }  # fmt: skip
    fill(store)
    record(store, [
        event("set", pattern="p", new="present", codebook_revision=4),
        event("set", pattern="p", new="absent", trajectory_id="t1", codebook_revision=4),
        event("set", pattern="q", new="present", trajectory_id="t1", codebook_revision=4),
    ])  # fmt: skip
    assert listed(store, book) == [("t0", "loud", "p", "present"), ("t0", "soft", "p", "present")]
    record(store, [event("set", pattern="soft", new="present", codebook_revision=5)])
    assert listed(store, book) == [("t0", "loud", "p", "present")]
    book = codebook_changes.rename(file, "loud", new_id="noisy")
    assert listed(store, book) == [("t0", "noisy", "p", "present")]
    merged = codebook_changes.merge(file, ["noisy", "q"], Part("one", "One", "Either."))
    assert listed(store, merged) == [("t0", "one", "p", "present")], "what it was merged to is followed"
    record(store, [event("submit", new="noisy soft q r", codebook_revision=6)])
    assert listed(store, book) == listed(store, merged) == []


def test_a_new_definition_lists_the_labels_made_before_it(store: Store, file: Path) -> None:
    book = codebook_changes.redefine(file, "p", "Says p out loud.")
    assert book["p"].definition == "Says p out loud."
    fill(store)
    record(store, [
        event("submit", new="p q r", codebook_revision=4),
        event("submit", new="p q r", annotator="bo", codebook_revision=5),
    ])  # fmt: skip
    assert listed(store, book) == [("t0", "p", "p", "absent")]
    record(store, [event("submit", new="p q r", codebook_revision=5)])
    assert listed(store, book) == [], "who submits again stands by what they said"


def test_retire_hides_the_pattern_and_keeps_its_labels(file: Path) -> None:
    book = codebook_changes.retire(file, "p", note="too rare")
    assert book.ids() == ["q", "r"] and "p" in book and book.name_of("p") == "P"
    assert book.rollups == {"letters": ("q", "r")}
    assert fold(told(said("p", "present")), book.history).value("p") == "present"


def test_what_can_not_be_done_is_one_line_and_changes_nothing(file: Path) -> None:
    book = codebook_changes.retire(file, "r")
    before = file.read_text()
    for act, complaint in (
        (lambda: codebook_changes.rename(file, "x", name="X"), "there is no pattern x"),
        (lambda: codebook_changes.rename(file, "r", name="X"), "r is retired"),
        (lambda: codebook_changes.rename(file, "p", new_id="q"), "the id q stands twice"),
        (lambda: codebook_changes.rename(file, "p", new_id="Not an id"), "needs an `id`"),
        (lambda: codebook_changes.rename(file, "p"), "--name"),
        (lambda: codebook_changes.split(file, "p", parts("one")), "two parts or more"),
        (lambda: codebook_changes.split(file, "p", parts("q", "s")), "the id q stands twice"),
        (lambda: codebook_changes.merge(file, ["p", "p"], parts("s")[0]), "two patterns or more"),
        (lambda: codebook_changes.merge(file, ["p", "q"], parts("r")[0]), "the id r stands twice"),
        (lambda: codebook_changes.redefine(file, "p", " "), "needs a `definition`"),
    ):
        with pytest.raises(UserError, match=complaint):
            act()
    assert file.read_text() == before and codebook.load(file) == book
    codebook_changes.retire(file, "q")
    with pytest.raises(UserError, match="only pattern"):
        codebook_changes.retire(file, "p")


@pytest.mark.parametrize(
    ("history", "complaint"),
    [
        ("{}", "must be a list"),
        ("[{revision: 4, change: explode, from: [p], to: [q]}]", "needs a `change`"),
        ("[{revision: 9, change: rename, from: [p], to: [q]}]", "up to that of the codebook"),
        ("[{revision: 4, change: rename, from: [p]}]", "needs ids in `from` and `to`"),
        ("[{revision: 4, change: rename, from: [p], to: [gone]}]", "leads to gone"),
        ("[{revision: 4, change: rename, from: [a], to: [p, q]}]", "one id for each"),
        ("[{revision: 4, change: merge, from: [a, b], to: [p, q]}]", "into one"),
        ("[{revision: 4, change: split, from: [a, b], to: [p, q]}]", "of one"),
        ("[{revision: 4, change: retire, from: [a]}, {revision: 3, change: retire, from: [b]}]", "older to newer"),
    ],
)  # fmt: skip
def test_a_history_that_can_not_be_is_refused(file: Path, history: str, complaint: str) -> None:
    file.write_text(FILE + f"history: {history}\n")
    with pytest.raises(UserError, match=complaint):
        codebook.load(file)


CHANGES = st.lists(
    st.sampled_from([
        ("rename", ("p",), ("pp",)), ("merge", ("p", "q"), ("m",)), ("split", ("r",), ("r1", "r2")),
        ("retire", ("q",), ()), ("redefine", ("p",), ("p",)),
    ]),
    max_size=4,
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["present", "absent", "unsure"]))),
    CHANGES,
    st.randoms(),
)
@settings(deadline=None)
def test_whatever_changes_no_judgement_is_dropped_and_the_order_of_arrival_does_not_matter(
    judged: list[tuple[str, str]], changes: list[tuple[str, tuple[str, ...], tuple[str, ...]]], chance: random.Random
) -> None:  # fmt: skip
    events = told(*[said(pattern, value) for pattern, value in judged])
    history = [Change(5 + n, *change) for n, change in enumerate(changes)]
    state = fold(events, history)
    shuffled: list[Event] = events[:]
    chance.shuffle(shuffled)
    assert fold(shuffled, history) == state
    renamed = {"p": "pp"} if any(change.kind == "rename" for change in history) else {}
    for pattern, value in values(fold(events)).items():
        assert state.value(renamed.get(pattern, pattern)) == value


def listed(store: Store, book: Codebook) -> list[tuple[str, str, str, str]]:
    with store.session() as db:
        found = to_look_at(db, book, "ada")
    return [(each.trajectory_id, each.pattern, each.was, each.value) for each in found]
