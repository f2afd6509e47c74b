"""What docs/learned.md says is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.learned import crossfit, examples
from commands.tag import tag
from labels.queue_design import LEAST_UNIFORM
from labels.queue_strata import SHARES
from tests.docs import commands, understood

ROOT = Path(__file__).parents[1]
LEARNED = (ROOT / "docs/learned.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", LEARNED, flags=re.DOTALL)


@pytest.mark.parametrize("command", commands(LEARNED))
def test_every_command_is_understood(command: str) -> None:
    understood(command)


def test_every_option_named_is_one_and_its_embedders_are_described() -> None:
    options = {option for parameter in tag.params for option in parameter.opts} | {"--run"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PROSE)) <= options
    assert "docs/clusters.md" in PROSE and (ROOT / "docs/clusters.md").is_file()


def test_figures_are_those_of_the_code() -> None:
    assert (
        f"needs {examples.LEAST_PRESENT} labelled traces that show it, and {examples.LEAST_ABSENT} that do not"
        in PROSE
    )
    assert crossfit.FOLDS == 4 and "into four folds" in PROSE
    assert crossfit.LEAST_PROMPTS == 3 and "fewer than three prompts" in PROSE
    assert "uncertain" in SHARES and f"At least {LEAST_UNIFORM:.0%}".replace("%", " %") in PROSE


def test_readme_and_labeling_lead_here_and_the_bench_is_there() -> None:
    for name in ("README.md", "docs/labeling.md"):
        assert "docs/learned.md" in (ROOT / name).read_text(encoding="utf-8"), name
    assert (ROOT / "benchmarks/learned.py").is_file() and "make bench-learned" in LEARNED
