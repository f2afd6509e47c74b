"""Agreement of people on traces and sentences, as the store has them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from judged import QUOTE, TEXT, Lab
from krippendorff import alpha as reference_alpha
from sklearn.metrics import f1_score

from analysis.codebook import parse
from analysis.store import Store
from labels.agreement import agreement
from labels.copies import TELLING, copies
from labels.events import Event
from labels.log import events_of, record
from telltale import cli

FIRST = "They want an even number."


def rows(store: Store, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    with store.session() as db:
        return [tuple(each.as_row().get(column) for column in columns) for each in agreement(db, **more)]


def test_agreement_per_pattern_counts_blind_labels_only(labelled: Store) -> None:
    assert rows(labelled, "pattern", "annotators", "n", "present", "percent", "kappa") == [
        ("p", "ada, bo", 3, 0.5, pytest.approx(2 / 3), pytest.approx(0.4)),
        ("q", "ada, bo", 3, 0.0, 1.0, None),
    ]
    assert rows(labelled, "alpha", "ac1", "positive", "negative") == [
        (pytest.approx(4 / 9), pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (None, 1.0, None, 1.0),
    ]


def test_what_is_undefined_says_why(labelled: Store) -> None:
    assert rows(labelled, "note", patterns=["q"]) == [(
        "kappa, alpha: every label says absent, so chance and agreement can't be told apart; "
        "positive: nobody says present; span_alpha, span_f1: nobody marked a sentence",
    )]  # fmt: skip


def test_three_people_are_compared_two_by_two_and_together(labelled: Store) -> None:
    record(
        labelled,
        [Event("cy", "t0", "set", pattern="p", new="unsure"), Event("cy", "t0", "submit", new="p q")],
    )
    assert rows(labelled, "annotators", "n", "percent", patterns=["p"]) == [
        ("ada, bo", 3, pytest.approx(2 / 3)), ("ada, cy", 1, 0.0), ("bo, cy", 1, 0.0),
        ("ada, bo, cy", 3, pytest.approx((1 / 3 + 1 + 0) / 3)),
    ]  # fmt: skip


def test_nobody_to_compare_with_is_an_empty_table(traces: Store) -> None:
    assert rows(traces, "pattern") == []


def test_every_figure_has_an_interval_around_it(store: Store) -> None:
    lab = Lab(store)
    names = lab.traces(60, prompts=30)
    chance = np.random.default_rng(2)
    truth = chance.random(60) < 0.4
    for person in ("ada", "bo"):
        lab.labels(person, {
            name: {"p": "present" if shows ^ (chance.random() < 0.15) else "absent"} for name, shows in zip(names, truth, strict=True)
        })  # fmt: skip
    with store.session() as db:
        [found] = agreement(db)
    for name, figure in found.figures.items():
        assert figure.value is not None and figure.low is not None and figure.high is not None, name
        assert figure.low < figure.value < figure.high
    assert found.resampled == "resampled over 30 prompts"
    again = rows(store, "kappa_low", "kappa_high")
    assert again == [(found.figures["kappa"].low, found.figures["kappa"].high)], (
        "the same data, the same interval"
    )


def test_spans_are_compared_sentence_by_sentence(store: Store) -> None:
    """Ada quotes two of three sentences of t0 and half of one of t1, Bo one of t0 and another one of t1."""
    lab = Lab(store)
    lab.traces(3)
    for person, spans in {
        "ada": {"t0": [FIRST, QUOTE], "t1": ["may be"], "t2": []},
        "bo": {"t0": [QUOTE], "t1": [FIRST], "t2": []},
    }.items():
        for name, quotes in spans.items():
            events = [
                Event(person, name, "add_quote", pattern="p", quote=q, start_char=TEXT.index(q), end_char=TEXT.index(q) + len(q))
                for q in quotes
            ]  # fmt: skip
            record(store, [*events, Event(person, name, "submit", new="p")])
    ada = [1, 1, 0, 0, 1, 0, 0, 0, 0]
    bo = [0, 1, 0, 1, 0, 0, 0, 0, 0]
    [(alpha, f1, percent)] = rows(store, "span_alpha", "span_f1", "percent")
    expected = reference_alpha(np.array([ada, bo], dtype=float), level_of_measurement="nominal")
    assert alpha == pytest.approx(expected) and f1 == pytest.approx(f1_score(ada, bo)) and percent == 1
    lab.traces(3)
    assert rows(store, "span_alpha", "span_f1", "percent") == [(alpha, f1, percent)], (
        "stored again, counted once"
    )


def test_who_labels_traces_again_is_measured_against_themself(labelled: Store) -> None:
    again = {"repeat": 1, "reasoning_sha256": "sha"}
    record(labelled, [
        Event("ada", "t0", "set", pattern="p", new="absent", **again), Event("ada", "t0", "submit", new="p q", **again),
        Event("ada", "t2", "set", pattern="p", new="present", **again), Event("ada", "t2", "submit", new="p q", **again),
        Event("ada", "t1", "submit", new="p q", **again),
    ])  # fmt: skip
    assert rows(labelled, "annotators", "n", "percent", patterns=["p"]) == [
        ("ada, bo", 3, pytest.approx(2 / 3)),
        ("ada, ada again", 2, 0.5),
    ], "on t1 the judge was revealed after the first time"


def test_a_renamed_pattern_is_compared_under_its_new_id_and_a_retired_one_not(labelled: Store) -> None:
    entry = {"name": "P", "definition": "d"}
    book = parse({
        "revision": 3, "patterns": [{"id": "pp", **entry}, {"id": "q", "retired": 3, **entry}],
        "history": [
            {"revision": 2, "change": "rename", "from": ["p"], "to": ["pp"]},
            {"revision": 3, "change": "retire", "from": ["q"]},
        ],
    })  # fmt: skip
    assert rows(labelled, "pattern", "n", codebook=book) == [("pp", 3)]


def test_annotators_whose_events_are_the_same_throughout_are_pointed_out(store: Store) -> None:
    lab = Lab(store)
    names = lab.traces(TELLING)
    said = {name: {"p": "present" if n % 3 else "absent"} for n, name in enumerate(names)}
    for person in ("ada", "bo"):
        lab.labels(person, said)
    lab.labels("cy", {name: {"p": "absent"} for name in names})
    lab.labels("dee", {name: said[name] for name in names[: TELLING // 2]})
    with store.session() as db:
        [found] = copies(events_of(db))
    assert str(found) == (
        f"ada and bo agree in all of their {TELLING} events on {TELLING} traces, also in order and quotes: a copy?"
    )


def test_the_report_is_compact_unless_all_is_asked_for(labelled: Store) -> None:
    def call(*words: str) -> str:
        options = ["report", "agreement", "--db", str(labelled.path), *words]
        return CliRunner().invoke(cli, options, catch_exceptions=False).stdout

    printed = call().splitlines()
    assert printed[0].split() == [
        "pattern", "annotators", "n", "present", "percent", "kappa", "alpha", "ac1", "span_alpha", "span_f1", "note",
    ]  # fmt: skip
    assert "0.400" in printed[2]
    [p, q] = json.loads(call("--json"))
    assert p["kappa"] == pytest.approx(0.4) and {"positive_low", "ac1_high", "intervals"} <= p.keys()
    assert q["kappa"] is None
