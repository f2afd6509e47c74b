"""A small coverage study with a fixed seed; `make bench-coverage` runs the large one."""

from __future__ import annotations

import pytest

from benchmarks.coverage import DESIGNS, PREVALENCES, study

REPEATS = 200
CHANCE = 0.04
"""How far 200 repeats may lie beside the coverage that the large study has."""
ASKED = [design for design in DESIGNS if any(design.wanted)]


@pytest.mark.parametrize("design", ASKED, ids=lambda design: design.name)
def test_the_default_interval_covers_as_often_as_it_is_to(design) -> None:  # type: ignore[no-untyped-def]
    for prevalence, wanted in zip(PREVALENCES, design.wanted, strict=True):
        if wanted:
            held, width, _ = study(design, prevalence, REPEATS, seed=4)
            assert wanted[0] - CHANCE <= held["by verdict"] <= wanted[1] + CHANCE, prevalence
            assert width["by verdict"] < 0.25


def test_the_judge_alone_and_rollouts_taken_as_independent_do_not() -> None:
    by_name = {design.name: design for design in DESIGNS}
    held, _, _ = study(by_name["independent, one prompt"], 0.05, REPEATS, seed=4)
    assert held["judge"] < 0.1, "the judge's errors are not in its interval"
    held, _, _ = study(by_name["30 prompts, ICC .3"], 0.2, REPEATS, seed=4)
    assert held["labels"] < 0.85 and held["judge"] < 0.7, "rollouts of one prompt are not independent"
    assert held["PPI++"] < 0.8 < held["by verdict"]
    held, _, _ = study(by_name["independent, a queue's labels"], 0.2, REPEATS, seed=4)
    assert held["labels"] < 0.6 < 0.9 < held["by verdict"], "labels that a queue preferred need their weights"
