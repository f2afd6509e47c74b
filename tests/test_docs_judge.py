"""What docs/judge.md says is tried."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from analysis.codebook import load
from analysis.judge.prices import _NUMBERS, _TEXTS, find_price
from analysis.judge.prompt import DEFAULT_PATH, SECTIONS, Prompt, read_template
from analysis.judge.windows import DEFAULT_TOKENS, tokens
from analysis.measure.judge_books import STATES
from analysis.measure.judge_bootstrap import DRAWS
from analysis.runs import FINAL_STATES
from telltale import cli
from tests.docs import commands, understood
from views.judge_agreement import NAMES
from views.judge_parts import TITLES
from views.judge_run import MEANINGS

ROOT = Path(__file__).parents[1]
JUDGE = (ROOT / "docs/judge.md").read_text(encoding="utf-8")
COMMANDS = commands(JUDGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-prompt.md").write_text("")
    understood(command)


def options(*commands: click.Command) -> set[str]:
    return {option for command in commands for each in command.params for option in each.opts}


def test_every_option_of_the_judge_is_explained_and_no_other_is_named() -> None:
    report = cli.commands["report"]
    assert isinstance(report, click.Group)
    tag = cli.commands["tag"]
    unexplained = {option for option in options(tag) if option.startswith("--") and option not in JUDGE}
    assert unexplained <= {"--codebook", "--db", "--data-path", "--embedder", "--json"}
    prose = re.sub(r"```.*?```", "", JUDGE, flags=re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose))
    assert named <= options(tag, *report.commands.values())


def test_every_end_state_is_in_the_table_with_its_meaning_and_what_the_command_does() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", JUDGE, re.MULTILINE))
    assert set(rows) == set(STATES) <= set(MEANINGS)
    for state, row in rows.items():
        assert row.endswith("leaves it" if state in FINAL_STATES else "tries again"), state
        assert ("| yes |" in row) is (state == "ok")


def test_every_part_and_figure_of_the_page_is_named() -> None:
    assert all(f"**{title}.**" in JUDGE for title in TITLES.values())
    assert all(name.casefold() in JUDGE.casefold() for name in NAMES.values())


def test_the_price_table_is_one_and_shows_every_key(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", JUDGE, re.DOTALL)
    [entry] = yaml.safe_load(block)
    assert set(entry) == {*_NUMBERS, *_TEXTS}
    (tmp_path / "prices.yaml").write_text(block)
    found = find_price("my-model-7", "https://my-endpoint/v1", beside=tmp_path)
    assert found is not None and found.output == 0.8


def test_figures_are_those_of_the_code() -> None:
    prompt = Prompt(read_template(DEFAULT_PATH), load())
    assert tokens(prompt.system) == pytest.approx(2300, rel=0.1) and "about 2,300 tokens" in JUDGE
    assert f"--window {DEFAULT_TOKENS}" in JUDGE and f"{DRAWS:,} resamples" in JUDGE
    assert all(f"`# {section}`" in JUDGE for section in SECTIONS)
