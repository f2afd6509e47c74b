"""What the learned tagger learns from: which traces and sentences, and what is too little."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.errors import UserError
from analysis.learned.examples import ABSENT, PRESENT, read
from analysis.segments import sentences
from analysis.store import Store
from labels.events import SELF_SELECTED, Event
from labels.log import record
from labels.training import examples
from tests.cluster.made import reasoned
from tests.learned.made import BOOK, PATTERN, labelled, submit


def taken(store: Store):  # type: ignore[no-untyped-def]
    with store.session() as db:
        return examples(db, BOOK)


def test_a_sentence_in_a_quote_is_marked_and_every_trace_has_its_label(store: Store) -> None:
    labelled(store)
    found = read(store, taken(store), BOOK.ids())
    assert found.patterns == (PATTERN,) and len(found.traces) == 48
    assert found.values[:, 0].tolist() == [PRESENT] * 24 + [ABSENT] * 24
    marked = [found.texts[found.which[at]] for at in np.flatnonzero(found.quoted[:, 0])]
    assert len(marked) == 24 and all("test" in text or "evaluation" in text for text in marked)
    assert found.prompts.max() == 5 and all(each.drawn for each in found.traces)


def test_a_quote_over_two_sentences_marks_both_and_one_that_rejects_none(store: Store) -> None:
    shas = labelled(store, present=22)
    text = "This is a test. Or so I guess. Fine weather."
    shas |= reasoned(store, {"c0": text, "c1": text})
    about = {"codebook_revision": BOOK.revision, "pattern": PATTERN}
    record(store, [
        Event("truth", "c0", "add_quote", reasoning_sha256=shas["c0"], quote=text[8:20], start_char=8, end_char=20, **about),  # type: ignore[arg-type]
        Event("truth", "c1", "add_quote", reasoning_sha256=shas["c1"], quote=text[:15], start_char=0, end_char=15, stance="rejects", **about),  # type: ignore[arg-type]
    ])  # fmt: skip
    submit(store, {name: shas[name] for name in ("c0", "c1")})
    found = read(store, taken(store), BOOK.ids())
    names = [each.trajectory_id for each in found.traces]
    of = {name: found.quoted[found.owner == names.index(name), 0].tolist() for name in ("c0", "c1")}
    assert len(sentences(text)) == 3 and of == {"c0": [True, True, False], "c1": [False, False, False]}
    assert found.values[names.index("c1"), 0] == ABSENT


def test_too_few_positives_are_refused_with_how_many_there_are(store: Store) -> None:
    labelled(store, present=19)
    with pytest.raises(
        UserError, match=rf"^no pattern has the labels .* {PATTERN}, with the most, has 19 and 24$"
    ):
        read(store, taken(store), BOOK.ids())


def test_a_pattern_that_every_trace_shows_is_refused(store: Store) -> None:
    labelled(store, others=0)
    with pytest.raises(UserError, match=rf"{PATTERN}, with the most, has 24 and 0"):
        read(store, taken(store), BOOK.ids())


def test_without_a_label_there_is_nothing_to_learn(store: Store) -> None:
    reasoned(store, {"a": "One."})
    with pytest.raises(UserError, match="no blind label to learn from yet"):
        read(store, taken(store), BOOK.ids())


def test_the_other_patterns_go_on_and_each_that_does_not_says_why(store: Store) -> None:
    labelled(store)
    found = read(store, taken(store), BOOK.ids())
    assert found.refused["hint_decode"] == "0 labelled traces show it, and 20 are needed"
    assert set(found.refused) == set(BOOK.ids()) - {PATTERN}


def test_what_was_searched_out_teaches_and_is_in_no_figure(store: Store) -> None:
    labelled(store, queue_reason=SELF_SELECTED)
    rows = taken(store).to_pylist()
    found = [row for row in rows if row["trajectory_id"].startswith("a")]
    assert found and not any(row["drawn"] or row["probability"] for row in found)
    assert all(row["drawn"] for row in rows if row["trajectory_id"].startswith("b"))


def test_labels_on_a_text_that_has_changed_are_left_out(store: Store) -> None:
    labelled(store, present=25)
    before = read(store, taken(store), BOOK.ids())
    reasoned(store, {"a00": "Something else."})
    after = read(store, taken(store), BOOK.ids())
    assert len(before.traces) - 1 == len(after.traces) and before.sha256 != after.sha256
