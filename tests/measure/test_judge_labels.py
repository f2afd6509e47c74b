"""A run held against blind labels, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from judged import QUOTE, Lab
from sklearn.metrics import brier_score_loss, cohen_kappa_score, recall_score

from analysis import runs
from analysis.measure.judge_labels import Quality
from analysis.measure.weights import weights
from analysis.runs import Result
from analysis.store import Store
from labels.judged import disagreements, quality, side_by_side


@pytest.fixture
def lab(store: Store) -> Iterator[Lab]:
    with store.session():  # opening the file anew for each session is most of a short test's time
        yield Lab(store)


def measured(lab: Lab, run: str, *more: Any, **how: Any) -> dict[str, Quality]:
    with lab.store.session() as db:
        return {each.pattern: each for each in quality(db, run, *more, **how)}


def judged(lab: Lab, cells: tuple[int, int, int, int], prompts: int = 2) -> str:
    """A run and labels with this table on the pattern p; the score says how sure."""
    words = [("present", "present", 90.0), ("present", "absent", 60.0), ("absent", "present", 20.0), ("absent", "absent", 5.0)]  # fmt: skip
    told = [word for word, times in zip(words, cells, strict=True) for _ in range(times)]
    names = lab.traces(len(told), prompts)
    lab.labels("ada", {name: {"p": label} for name, (_, label, _) in zip(names, told, strict=True)})
    return lab.run({name: {"p": (said, score)} for name, (said, _, score) in zip(names, told, strict=True)})


def test_the_table_comes_first_and_every_figure_has_an_interval_that_holds_it(lab: Lab) -> None:
    row = measured(lab, judged(lab, (12, 4, 3, 81)))["p"].as_row()
    assert list(row)[:7] == ["pattern", "n", "tp", "fp", "fn", "tn", "missing"]
    assert list(row.values())[:8] == ["p", 100, 12, 4, 3, 81, 0, None]
    assert row["kappa"] == pytest.approx(0.73282, abs=5e-6)
    for name in (
        "sensitivity",
        "specificity",
        "ppv",
        "f1",
        "balanced_accuracy",
        "mcc",
        "kappa",
        "ac1",
        "brier",
    ):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"], name
    assert (
        row["intervals"] == "resampled over trajectories: for these 2 prompts only" and row["notes"] is None
    )
    assert 0.5 < row["kappa_low"] < 0.62 and 0.86 < row["kappa_high"] < 0.95


def test_with_twenty_prompts_the_interval_is_over_prompts(lab: Lab) -> None:
    assert measured(lab, judged(lab, (12, 4, 3, 81), 25))["p"].resampled == "resampled over 25 prompts"


def test_scores_are_held_against_labels(lab: Lab) -> None:
    found = measured(lab, judged(lab, (12, 4, 3, 81)))["p"]
    true = [1] * 12 + [0] * 4 + [1] * 3 + [0] * 81
    scores = [0.9] * 12 + [0.6] * 4 + [0.2] * 3 + [0.05] * 81
    assert found.figures["brier"].value == pytest.approx(brier_score_loss(true, scores))
    assert found.brier_constant == pytest.approx(0.15 * 0.85) and found.scored == 100
    told = {each.low_score: (each.n, each.mean_score, each.share) for each in found.reliability if each.n}
    assert told == {0: (81, pytest.approx(5), 0.0), 20: (3, pytest.approx(20), 1.0), 60: (4, pytest.approx(60), 0.0), 90: (12, pytest.approx(90), 1.0)}  # fmt: skip
    assert [each.n for each in found.reliability].count(0) == 6
    assert all(each.low is not None and each.low < each.high for each in found.reliability if each.n)  # type: ignore[operator]


def test_a_score_of_exactly_100_is_in_the_last_bin(lab: Lab) -> None:
    [name] = lab.traces(1)
    lab.label("ada", name, {"p": "present"})
    found = measured(lab, lab.run({name: {"p": ("present", 100)}}))["p"]
    assert [each.n for each in found.reliability] == [0] * 9 + [1]


def test_what_can_not_be_compared_is_missing_with_its_reason_and_the_books_balance(lab: Lab) -> None:
    names = lab.traces(14)
    said: dict[str, Any] = {name: {"p": "absent"} for name in names[:4]}
    said |= dict(
        zip(names[4:9], ("refused", "unparseable", "truncated", "failed", "no_reasoning"), strict=True)
    )
    said |= {names[9]: {"p": "unsure"}, names[10]: {"q": "absent"}, names[11]: {"p": "made up"}}
    run = lab.run(said)
    for name in names:
        lab.label("ada", name, {"p": "unsure" if name == "t1" else "absent"})
    lab.label("bo", "t2", {"p": "present"})
    with lab.store.transaction() as db:
        runs.record(db, run, [Result("t3", "ok", reasoning_sha256="another text")])
    found = measured(lab, run)["p"]
    assert (found.n, found.tn) == (1, 1)
    assert found.missing == {
        "label_unsure": 1, "people_disagree": 1, "text_changed": 1, "refused": 1, "unparseable": 1, "truncated": 1,
        "failed": 1, "no_reasoning": 1, "judge_unsure": 2, "no_verdict": 1, "not_judged": 2,
    }  # fmt: skip
    assert found.n + sum(found.missing.values()) == 14
    assert "2 the run has not come to it" in found.as_row()["missing_why"]
    assert (
        found.figures["sensitivity"].note == "no label says present" and found.figures["kappa"].value is None
    )


def test_labels_that_were_searched_out_imported_or_not_blind_do_not_count(lab: Lab) -> None:
    names = lab.traces(4)
    lab.label("ada", "t0", {"p": "present"}, queue_reason="self-selected")
    lab.label("ada", "t1", {"p": "present"}, phase="import")
    lab.label("ada", "t2", {"p": "present"}, phase="assisted")
    lab.label("ada", "t3", {"p": "absent"})
    found = measured(lab, lab.run({name: {"p": "absent"} for name in names}))["p"]
    assert (found.tp, found.fp, found.fn, found.tn, found.missing) == (0, 0, 0, 1, {})


def test_a_pattern_that_only_the_run_or_only_people_speak_of_is_in_no_table(lab: Lab) -> None:
    lab.traces(1)
    lab.label("ada", "t0", {"p": "absent", "theirs": "absent"})
    assert list(measured(lab, lab.run({"t0": {"p": "absent", "mine": "absent"}}))) == ["p"]


def test_labels_weigh_by_the_inverse_of_the_probability_that_the_queue_picked_them_with(lab: Lab) -> None:
    names = lab.traces(60)
    said, true, probability = [], [], []
    for number, name in enumerate(names):
        rare = number < 30
        said.append("present" if rare else "absent")
        true.append("present" if number < 20 or number > 55 else "absent")
        probability.append(0.5 if rare else 0.05)
        lab.label("ada", name, {"p": true[-1]}, probability=probability[-1])
    found = measured(lab, lab.run({name: {"p": (word, 50)} for name, word in zip(names, said, strict=True)}))[
        "p"
    ]
    weights = [1 / each for each in probability]
    assert found.figures["kappa"].value == pytest.approx(cohen_kappa_score(said, true, sample_weight=weights))
    assert found.figures["sensitivity"].value == pytest.approx(recall_score(true, said, pos_label="present", sample_weight=weights))  # fmt: skip
    assert found.tp + found.fp + found.fn + found.tn == found.n == 60, "the table counts trajectories"
    assert found.effective == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))


def test_labels_of_one_probability_or_of_an_unknown_one_all_weigh_the_same(lab: Lab) -> None:
    assert weights(np.array([0.2, 0.2])).tolist() == [1, 1]
    assert weights(np.array([0.2, np.nan, 0.4])).tolist() == [1, 1, 1]
    assert weights(np.array([0.2, 0.4])).tolist() == pytest.approx([4 / 3, 2 / 3])
    lab.traces(2)
    lab.label("ada", "t0", {"p": "absent"}, probability=0.5)
    lab.label("ada", "t1", {"p": "absent"})
    assert measured(lab, lab.run({"t0": {"p": "absent"}, "t1": {"p": "absent"}}))["p"].effective is None


def test_figures_can_be_split(lab: Lab) -> None:
    names = lab.traces(6, checkpoints=("step-20", "step-100", "step-3"))
    for name in names:
        lab.label("ada", name, {"p": "absent"})
    run = lab.run({name: {"p": "present" if name == "t0" else "absent"} for name in names})
    with lab.store.session() as db:
        rows = [(each.group["checkpoint"], each.fp, each.n) for each in quality(db, run, ("checkpoint",))]
    assert rows == [("step-3", 0, 2), ("step-20", 1, 2), ("step-100", 0, 2)]


def test_a_run_without_verdicts_on_what_was_labelled_has_no_tables(lab: Lab) -> None:
    lab.traces(2)
    assert measured(lab, lab.run({"t0": {"p": "absent"}})) == {}
    lab.label("ada", "t1", {"p": "absent"})
    found = measured(lab, lab.run({"t0": {"p": "absent"}}))
    assert found["p"].n == 0 and found["p"].missing == {"not_judged": 1}
    assert found["p"].figures["f1"].note == "no trajectory has both a blind label and a verdict"


def test_disagreements_come_with_both_sides_the_surest_mistakes_first(lab: Lab) -> None:
    names = lab.traces(5)
    words = {
        "t0": ("present", 70),
        "t1": ("absent", 2),
        "t2": ("present", 95),
        "t3": ("absent", 1),
        "t4": "unsure",
    }
    for name, label in zip(names, ("absent", "present", "absent", "absent", "present"), strict=True):
        lab.label("ada", name, {"p": label})
    run = lab.run({name: {"p": word} for name, word in words.items()})
    with lab.store.session() as db:
        found = disagreements(db, run)
        sides = side_by_side(db, run, found[1:])
    assert [(each.trajectory_id, each.kind) for each in found] == [
        ("t1", "false negative"), ("t2", "false positive"), ("t0", "false positive"),
    ]  # fmt: skip
    assert [each.disagreement for each in sides] == found[1:]
    assert [(f["quote"], f["why"], f["match"]) for f in sides[0].findings] == [
        (QUOTE, "It says so.", "exact")
    ]
    assert [(label.annotator, label.value) for label in sides[0].gold.labels] == [("ada", "absent")]
    assert sides[0].place == sides[0].findings[0]["start_char"]
