"""What the documentation says is tried."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import duckdb

from analysis.ingest.formats import FORMATS, MAPPED
from tests.command_line import Telltale

ROOT = Path(__file__).parents[1]
INGEST = (ROOT / "docs/ingest.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_map_that_docs_ingest_makes_step_by_step_reads_the_row_that_it_shows(
    telltale: Telltale, tmp_path: Path
) -> None:
    [row] = re.findall(r"```json\n(.*?)```", INGEST, re.DOTALL)
    rules = "".join(
        re.sub(r"^   ", "", block, flags=re.M)
        for block in re.findall(r"   ```yaml\n(.*?)   ```", INGEST, re.DOTALL)
    )
    file = tmp_path / "runs" / "step-1200" / "honesty.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(row)
    (tmp_path / "lab.yaml").write_text(rules)
    done = telltale("ingest", tmp_path / "runs", "--map", tmp_path / "lab.yaml", "--json")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(tmp_path / "store.duckdb")) as db:
        stored = db.execute(
            "SELECT checkpoint, environment, variant, sample, reasoning, answer FROM trajectories"
        ).fetchall()
        assert stored == [("step-1200", "parity", "honesty", 3, "Let me see…", "4")]
        assert db.execute("SELECT series, position FROM checkpoints").fetchall() == [("rl-7b", 1200.0)]
        assert db.execute("SELECT name, value FROM outcomes").fetchall() == [("odd", "false")]
        labels = db.execute(
            "SELECT annotator, pattern, new, phase FROM label_events WHERE op = 'set'"
        ).fetchall()
        assert labels == [("kim", "reward_chosen", "absent", "import")]


def test_every_format_is_in_the_docs() -> None:
    for name in [MAPPED, *(each.NAME for each in FORMATS)]:
        assert f"`{name}`" in INGEST, name


def test_every_command_and_field_that_the_readme_names_is_there(telltale: Telltale) -> None:
    from analysis.ingest.maps import FIELDS

    used = set(re.findall(r"\.venv/bin/telltale (\w+)", README)) | set(re.findall(r"`telltale (\w+)", README))
    listed = telltale("--help").stdout
    assert used and all(f"  {name} " in listed for name in used), used
    assert all(f"`{field}`" in README for field in FIELDS)


def test_pictures_that_the_readme_shows_are_there() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert shown and all((ROOT / path).is_file() for path in shown)


def test_json_blocks_are_json() -> None:
    for block in re.findall(r"```json\n(.*?)```", INGEST + README, re.DOTALL):
        json.loads(block)


def test_the_rules_that_the_readme_sets_on_the_command_line_are_understood() -> None:
    from analysis.ingest.rules import parse_rule, rule

    [command] = re.findall(r"telltale ingest results/.*?\n```", README, re.DOTALL)
    words = shlex.split(command.removesuffix("```").replace("\\\n", " "))
    settings = dict(word.split("=", 1) for flag, word in pairwise(words) if flag == "--set")
    assert set(settings) == {"prompt", "reasoning", "answer", "checkpoint", "environment"}
    values = {
        name: rule(text if text.startswith("=") else parse_rule(text), name)
        for name, text in settings.items()
    }
    row = {"question": "?", "cot": "Hm.", "output": "4"}
    assert values["checkpoint"](row, "/runs/step-100/a.jsonl") == "100"
    assert (values["reasoning"](row, ""), values["environment"](row, "")) == ("Hm.", "my-task")
