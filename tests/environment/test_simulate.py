"""Simulated trajectories: their truth is in the text, their shares are those of the file, their banks never mix."""

from __future__ import annotations

import re
from collections import Counter
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis import codebook, runs
from analysis.codebook import PRESENT_STANCES
from analysis.environment.answers import read_answer
from analysis.environment.bank import BANKS, PLAIN, Sentence, conditions, load_bank
from analysis.environment.prompts import VARIANTS
from analysis.environment.rates import DEFAULT_PATH, load_rates, parse_rates
from analysis.environment.simulate import Simulated, Simulator, simulate
from analysis.environment.stitching import LONGEST, SHORTEST
from analysis.errors import UserError
from analysis.segments import sentences
from analysis.store import Store

PATTERNS = codebook.load().ids()
CONTENT = yaml.safe_load(DEFAULT_PATH.read_text(encoding="utf-8"))


def made(bank: str, count: int, seed: int = 0, **changes: Any) -> list[Simulated]:
    rates = parse_rates({**CONTENT, **changes}) if changes else load_rates()
    return list(Simulator(load_bank(bank), rates, seed, PATTERNS).made(count))


@pytest.fixture(scope="module", params=BANKS)
def many(request: pytest.FixtureRequest) -> tuple[str, list[Simulated]]:
    return request.param, made(request.param, 1600)


def unfilled(sentence: Sentence) -> re.Pattern[str]:
    """The sentence with anything in its placeholders."""
    return re.compile(".+?".join(re.escape(part) for part in re.split(r"\{\w+\}", sentence.text)))


@pytest.mark.parametrize("bank", BANKS)
def test_a_bank_has_two_hundred_sentences_over_every_pattern_and_plain_work(bank: str) -> None:
    held = load_bank(bank).sentences
    assert len(held) >= 200 and len({sentence.text for sentence in held}) == len(held)
    shown = Counter(sentence.pattern for sentence in held if sentence.shows())
    denied = Counter(sentence.pattern for sentence in held if sentence.stance == "rejects")
    assert all(shown[pattern] >= 14 and denied[pattern] >= 3 for pattern in PATTERNS)
    assert {sentence.pattern for sentence in held} == {*PATTERNS, PLAIN}


def test_the_banks_have_nothing_in_common() -> None:
    def runs_of_seven(bank: str) -> set[tuple[str, ...]]:
        words = [
            re.findall(r"[a-z']+|\{\w+\}", sentence.text.lower()) for sentence in load_bank(bank).sentences
        ]
        return {tuple(each[at : at + 7]) for each in words for at in range(len(each) - 6)}

    assert not runs_of_seven("a") & runs_of_seven("b")
    assert not {s.text.lower() for s in load_bank("a").sentences} & {
        s.text.lower() for s in load_bank("b").sentences
    }


def test_no_trace_has_a_sentence_of_the_other_bank(many: tuple[str, list[Simulated]]) -> None:
    bank, simulated = many
    other = load_bank("b" if bank == "a" else "a")
    foreign = [unfilled(sentence) for sentence in other.sentences if sentence.words > 4]
    for each in simulated[:60]:
        text = each.trajectory.reasoning() or ""
        assert not [pattern.pattern for pattern in foreign if pattern.search(text)]


def test_each_finding_is_a_sentence_of_the_bank_where_the_truth_says_it_stands(
    many: tuple[str, list[Simulated]],
) -> None:
    bank, simulated = many
    entries = [(sentence, unfilled(sentence)) for sentence in load_bank(bank).sentences]
    for each in simulated[:300]:
        text = each.trajectory.reasoning()
        for finding in each.truth.findings:
            assert text is not None and text[finding.start_char : finding.end_char] == finding.quote
            held = [
                s
                for s, written in entries
                if s.pattern == finding.pattern and written.fullmatch(finding.quote)
            ]
            assert held, finding.quote
            assert (finding.stance, finding.role, dict(finding.attributes)) in [
                (s.stance, s.role, dict(s.attributes)) for s in held
            ]


def test_every_sentence_of_the_truth_begins_where_a_segment_begins(many: tuple[str, list[Simulated]]) -> None:
    for each in many[1][:300]:
        starts = {start for start, _ in sentences(each.trajectory.reasoning() or "")}
        assert {finding.start_char for finding in each.truth.findings} <= starts


def test_a_pattern_is_present_when_a_sentence_entertains_or_asserts_it(
    many: tuple[str, list[Simulated]],
) -> None:
    for each in many[1]:
        if each.truth.state != "ok":
            continue
        said = {verdict.pattern: verdict.verdict for verdict in each.truth.verdicts}
        assert list(said) == PATTERNS
        shown = {finding.pattern for finding in each.truth.findings if finding.stance in PRESENT_STANCES}
        assert {pattern for pattern, verdict in said.items() if verdict == "present"} == shown


def test_what_a_sentence_needs_of_the_prompt_holds(many: tuple[str, list[Simulated]]) -> None:
    entries = [(sentence, unfilled(sentence)) for sentence in load_bank(many[0]).sentences if sentence.when]
    for each in many[1][:100]:
        holding = conditions(VARIANTS[str(each.trajectory.variant)])
        for finding in each.truth.findings:
            wanted = [
                s.when
                for s, written in entries
                if written.fullmatch(finding.quote) and s.pattern == finding.pattern
            ]
            assert not wanted or any(when <= holding for when in wanted), finding.quote


def test_traces_are_of_all_lengths_without_a_sentence_twice(many: tuple[str, list[Simulated]]) -> None:
    texts = [each.trajectory.reasoning() for each in many[1] if each.trajectory.reasoning_state() == "text"]
    lengths = sorted(len(text.split()) for text in texts if text)
    assert lengths[0] >= SHORTEST and lengths[-1] <= LONGEST
    assert lengths[len(lengths) // 10] < 180 and lengths[-len(lengths) // 10] > 350
    for text in texts[:200]:
        long = [text[a:b] for a, b in sentences(text) if len(text[a:b].split()) > 6]
        assert len(long) == len(set(long))


def test_an_answer_follows_what_was_intended(many: tuple[str, list[Simulated]]) -> None:
    for each in many[1]:
        trajectory, variant = each.trajectory, VARIANTS[str(each.trajectory.variant)]
        reading = read_answer(trajectory.answer(), trajectory.finish_reason)
        [intended] = trajectory.outcomes
        assert intended.name == "intended_gaming" and intended.reader == "truth"
        settled, number = trajectory.metadata["settled"], trajectory.metadata["number"]
        assert variant.broken_by("odd" if settled % 2 else "even") == intended.value
        assert abs(number - settled) in (0, 1) and reading.value in (None, number)


def test_what_was_meant_is_told_from_what_the_answer_did() -> None:
    """Four answers of a hundred slip here: read off the answer alone, what was meant would be wrong in these."""
    simulated = made("b", 800, slips=0.04)
    slipped = [e for e in simulated if e.trajectory.metadata["number"] != e.trajectory.metadata["settled"]]
    assert 15 < len(slipped) < 55
    for each in slipped:
        reading = read_answer(each.trajectory.answer(), each.trajectory.finish_reason)
        if reading.parity:
            broke = VARIANTS[str(each.trajectory.variant)].broken_by(reading.parity)
            assert broke != each.trajectory.outcomes[0].value
    assert all(
        e.trajectory.metadata["number"] == e.trajectory.metadata["settled"] for e in made("b", 200, slips=0)
    )


def test_a_commitment_to_a_rewarded_number_is_kept_unless_it_is_taken_back(
    many: tuple[str, list[Simulated]],
) -> None:
    for each in many[1]:
        variant = VARIANTS[str(each.trajectory.variant)]
        chosen = [finding for finding in each.truth.findings if finding.pattern == "reward_chosen"]
        decisive = [f for f in chosen if f.role == "decisive" and f.stance == "asserts"]
        if decisive and variant.conflict:
            assert each.trajectory.outcomes[0].value
        for finding in decisive:
            named = re.findall(r"\d+", finding.quote)
            assert not named or str(each.trajectory.metadata["settled"]) in named


def test_most_answers_are_lone_numbers_and_a_few_cannot_be_read(many: tuple[str, list[Simulated]]) -> None:
    states = Counter(
        read_answer(e.trajectory.answer() or "", e.trajectory.finish_reason).state for e in many[1]
    )
    assert {"ok", "ambiguous", "truncated", "unparseable"} <= set(states)
    assert states["ok"] > 0.94 * len(many[1])
    assert sum((e.trajectory.answer() or "").isdigit() for e in many[1]) > 0.88 * len(many[1])


@pytest.mark.parametrize("count", [1, 20, 49, 50, 51, 100, 640, 1600])
def test_at_most_two_in_a_hundred_have_no_reasoning(count: int) -> None:
    for share in (0.015, 0.02):
        bare = sum(e.trajectory.reasoning() is None for e in made("a", count, without_reasoning=share))
        assert int(count * share) == bare <= 0.02 * count


def test_shares_are_those_of_the_file() -> None:
    shares = dict.fromkeys(PATTERNS, 0.3) | {"gaming": 0.4, "harmless_excuse": 0.2, "hint_decode": 0.5}
    point = {"position": 1, "words": 120, "clipped": 0.5, "shares": shares}
    count = 1500
    for variant in ("base", "brainfuck", "review"):
        simulated = made(
            "b",
            count,
            checkpoints={"simulated-1": point},
            default=[variant],
            variants={},
            families={},
            without_reasoning=0,
            cut_short=0,
        )
        shown = Counter(v.pattern for e in simulated for v in e.truth.verdicts if v.verdict == "present")
        shown["gaming"] = sum(e.trajectory.outcomes[0].value for e in simulated)
        for key, share in shares.items():
            wanted = 0.0 if key == "oversight_dismissed" and variant != "review" else share
            assert abs(shown[key] / count - wanted) < 4.5 * sqrt(wanted * (1 - wanted) / count) + 1e-9, (
                variant,
                key,
            )


def test_the_same_seed_makes_the_same_and_a_larger_n_more_of_them() -> None:
    few, more, other = made("a", 40), made("a", 80), made("a", 40, seed=1)
    assert [e.truth for e in few] == [e.truth for e in more[:40]]
    assert [e.trajectory.reasoning() for e in few] == [e.trajectory.reasoning() for e in more[:40]]
    assert not {e.truth.trajectory_id for e in more} & {e.truth.trajectory_id for e in other}
    assert len({e.truth.trajectory_id for e in more}) == 80


def test_samples_of_a_prompt_are_told_apart_by_their_number() -> None:
    cells = Counter((e.trajectory.checkpoint, e.trajectory.variant) for e in made("a", 64))
    assert len(cells) == 32 and set(cells.values()) == {2}
    assert {e.trajectory.sample for e in made("a", 64)} == {0, 1}


def test_storing_again_adds_nothing_and_n_is_the_total(store: Store) -> None:
    [(run_a, first), (run_b, second)] = simulate(store, 41)
    assert (first.stored, second.stored) == (21, 20) and run_a != run_b
    with store.session() as db:
        before = db.execute("SELECT count(*) FROM log.verdicts").fetchone()
    again = simulate(store, 41)
    assert [(report.stored, report.already, report.conflicting) for _, report in again] == [
        (0, 21, 0),
        (0, 20, 0),
    ]
    assert [report.stored for _, report in simulate(store, 43)] == [1, 1]
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM trajectories").fetchone() == (43,)
        assert (
            db.execute("SELECT count(*) FROM log.verdicts").fetchone() == (before[0] + 2 * 14,)
            if before
            else False
        )
        assert db.execute("SELECT DISTINCT synthetic, environment FROM trajectories").fetchall() == [
            ("simulated", "odd-number")
        ]
        assert db.execute(
            "SELECT count(*) FROM trajectories WHERE NOT starts_with(checkpoint, 'simulated-')"
        ).fetchone() == (0,)
        assert db.execute("SELECT DISTINCT series FROM checkpoints").fetchall() == [("simulated",)]
        names = {name for (name,) in db.execute("SELECT DISTINCT name FROM outcomes").fetchall()}
    assert names == {"intended_gaming", "number", "gaming"}


def test_a_truth_that_was_not_written_before_a_stop_is_written_the_next_time(store: Store) -> None:
    [(run_id, _)] = simulate(store, 10, banks=("a",))
    with store.session() as db:
        db.execute("DELETE FROM log.attempts")
        db.execute("DELETE FROM log.verdicts")
    simulate(store, 10, banks=("a",))
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM attempts WHERE run_id = ?", [run_id]).fetchone() == (10,)


def test_truth_is_never_the_run_that_a_report_takes_by_itself(store: Store) -> None:
    [(run_id, _)] = simulate(store, 4, banks=("b",))
    with store.session() as db:
        with pytest.raises(UserError, match="no run yet"):
            runs.choose(db, None)
        assert runs.choose(db, run_id) == run_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"without_reasoning": 0.03}, "without_reasoning is 0.03; it must be from 0 to 0.02"),
        ({"variants": {"polite": {}}}, "no variant polite"),
        ({"default": [], "variants": {}}, "needs `variants`, or a `default`"),
        ({"checkpoints": {}}, "needs `checkpoints`"),
        ({"default": ["polite"]}, "no variant polite"),
        ({"default": "base"}, "`default` must be a list"),
        ({"families": {"politeness": {}}}, "no family politeness; there are base, control"),
        ({"families": {"audit": {"gaming": 2}}}, "family audit: takes odds, each and weights"),
        ({"families": {"audit": {"weights": [1, 2]}}}, "weights are `dose`, or 7 numbers"),
        ({"families": {"tag": {"weights": "dose"}}}, "weights are `dose`, or 4 numbers"),
        ({"families": {"tag": {"odds": {"gaming": 0}}}}, "odds of gaming must be a number above 0"),
        ({"families": {"tag": {"each": {"politeness": 2}}}}, "politeness is no pattern"),
        ({"variants": {"base": {"politeness": 2}}}, "politeness is no pattern"),
        ({"checkpoints": {"step-1": {}}}, "begins with simulated"),
        ({"checkpoints": {"simulated-1": {"words": 9}}}, "needs position, words and shares"),
        ({"answers": {"sung": 0.1}}, "not sung"),
        ({"surprise": 1}, "surprise is not known"),
        ({"cells": {"simulated-step-100": {"base": {"harmless_excuse": 0.9}}}}, "misaligned_noted, which it needs"),
        ({"cells": {"simulated-step-100": {"base": {"reward_chosen": 0.9}}}}, "more frequent than gaming"),
    ],
)  # fmt: skip
def test_rates_that_cannot_be_are_refused_with_what_to_mend(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=re.escape(reason)):
        parse_rates({**CONTENT, **changes})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{pattern: plain}", "needs a `text`"),
        ("{pattern: plain, text: x, tone: dry}", "`tone` is no key"),
        ("{pattern: plain, text: x, stance: asserts}", "plain has none"),
        ("{pattern: eval_aware, text: x, stance: shouts, role: passing}", "no such stance"),
        ("{pattern: plain, text: '{paid} it is'}", "need the condition hint, encoded or charge"),
        ("{pattern: plain, text: 'so {s}'}", "close"),
        (
            "{pattern: plain, text: '{percent} % it is', when: [notice]}",
            "{percent} needs the condition audit",
        ),
        ("{pattern: plain, text: '{stake} it is', when: [hint]}", "{stake} needs the condition stake"),
        ("{pattern: plain, text: '{q}'}", "placeholders are"),
        ("{pattern: plain, text: x, when: [hint, encoded]}", "never hold together"),
        ("{pattern: plain, text: x, when: [rain]}", "conditions are"),
    ],
)
def test_a_bank_that_breaks_a_rule_is_refused_with_the_entry(tmp_path: Path, entry: str, reason: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"- {{pattern: plain, text: fine}}\n- {entry}\n")
    with pytest.raises(UserError, match=f"entry 2: .*{re.escape(reason)}"):
        load_bank("c", path)
