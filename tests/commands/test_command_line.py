"""The command line as a user meets it: processes, exit statuses, one line for what can be mended."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.command_line import SAMPLE, Telltale, refused

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sampled(telltale: Telltale) -> Telltale:
    assert telltale("ingest", *SAMPLE).returncode == 0
    return telltale


def test_from_a_file_to_frequencies_per_checkpoint(telltale_process: Telltale) -> None:
    sampled = telltale_process
    assert sampled("ingest", *SAMPLE).returncode == 0
    assert refused(sampled("ingest", "nowhere.jsonl"), "nowhere.jsonl")
    tagged = json.loads(sampled("tag", "--tagger", "cues", "--json").stdout)
    assert tagged[0]["tagged"] == tagged[0]["ok"] == 24
    done = sampled("report", "frequencies", "--by", "checkpoint", "--json")
    rows = json.loads(done.stdout)
    assert [row["checkpoint"] for row in rows[::14]] == ["step-200", "step-800", "step-2400"]
    assert all(row["n"] == 8 and row["low"] <= row["share"] <= row["high"] for row in rows)
    assert "a baseline" in done.stderr and "synthetic" in done.stderr, "what goes with the figures is said"
    table = sampled("report", "frequencies", "--pattern", "hint_decode")
    assert len(table.stdout.splitlines()) == 2 + 3
    sheet = list(csv.DictReader(io.StringIO(sampled("report", "frequencies", "--format", "csv").stdout)))
    assert [float(each["share"]) for each in sheet] == [row["share"] for row in rows]


def test_doing_it_again_changes_nothing(sampled: Telltale) -> None:
    sampled("tag")
    before = sampled("report", "frequencies", "--json").stdout
    assert json.loads(sampled("ingest", *SAMPLE, "--json").stdout)[0]["already"] == 24
    assert json.loads(sampled("tag", "--json").stdout)[0]["tagged"] == 0
    assert sampled("report", "frequencies", "--json").stdout == before
    assert len(json.loads(sampled("runs", "--json").stdout)) == 1


def test_a_dry_run_stores_nothing(telltale: Telltale, tmp_path: Path) -> None:
    done = telltale("ingest", *SAMPLE, "--dry-run")
    assert done.returncode == 0 and "fields that nothing reads (kept as metadata): none" in done.stdout
    assert not (tmp_path / "store.duckdb").exists()


def test_dropping_a_source_hides_it_and_ingesting_it_again_brings_it_back(sampled: Telltale) -> None:
    assert (
        json.loads(sampled("drop", "--source", "sample/odd-number.jsonl", "--json").stdout)[0]["retracted"]
        == 24
    )
    assert refused(sampled("drop", "--source", "sample/odd-number.jsonl"), "no trajectory has the source")
    assert json.loads(sampled("ingest", *SAMPLE, "--json").stdout)[0]["stored"] == 24


def test_items_set_aside_end_with_1_and_are_listed_with_their_reasons(
    telltale: Telltale, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"q": "?", "cot": "fine"}\nbroken\n')
    done = telltale("ingest", rows, "--set", "reasoning=cot", "--set", "prompt=q", "--set", "checkpoint==a")
    assert done.returncode == 1 and "telltale quarantine" in done.stderr
    [bad] = json.loads(telltale("quarantine", "--json").stdout)
    assert (bad["line"], bad["excerpt"]) == (2, "broken\n")


def test_one_trajectory_is_shown_with_numbered_sentences_and_findings(
    sampled: Telltale, tmp_path: Path
) -> None:
    sampled("tag")
    with duckdb.connect(str(tmp_path / "store.duckdb")) as db:
        [(trajectory, quote)] = db.execute(
            "SELECT trajectory_id, quote FROM findings ORDER BY 1, start_char LIMIT 1"
        ).fetchall()
    done = sampled("show", trajectory[:8])
    assert done.returncode == 0 and quote.split()[0] in done.stdout and "written" in done.stdout
    whole = json.loads(sampled("show", trajectory, "--json").stdout)
    assert whole["trajectory_id"] == trajectory
    assert refused(sampled("show", "zzzz"), "zzzz")


def test_what_a_user_can_mend_is_one_line_and_exit_2(sampled: Telltale, tmp_path: Path) -> None:
    store = tmp_path / "store.duckdb"
    before = sampled("report", "frequencies", "--json").stdout, sampled("runs").stdout
    (tmp_path / "bad.eval").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "bad.yaml").write_text("reasoning: [")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    assert refused(sampled("ingest", tmp_path / "nowhere.jsonl"), "there is no file", "nowhere.jsonl")
    assert refused(sampled("ingest", tmp_path / "bad.eval"), "damaged", "copy it again")
    assert refused(sampled("ingest", SAMPLE[0], "--map", tmp_path / "nowhere.yaml"), "can't be read")
    assert refused(sampled("ingest", SAMPLE[0], "--map", tmp_path / "bad.yaml"), "is no YAML")
    assert refused(sampled("ingest", SAMPLE[0], "--set", "reasoning=thoughts"), "thoughts", "not in the rows")
    assert refused(sampled("ingest", SAMPLE[0], "--set", "reasoning"), "write FIELD=RULE")
    assert refused(sampled("ingest", tmp_path / "empty.jsonl"), "is empty")
    assert refused(sampled("ingest", tmp_path / "rows.jsonl"), "no known format", "--map")
    assert refused(sampled("report", "frequencies"), "telltale tag")
    assert refused(sampled("tag", "--where", "checkpoint ="), "--where")
    assert refused(sampled("tag", "--where", "nonsense = 1"), "nonsense")
    assert refused(sampled("tag", "--tagger", "judge"), "--model")
    assert refused(sampled("tag", "--tagger", "judge", "--model", "m"), "OPENAI_API_KEY")
    assert refused(sampled("tag", "--codebook", tmp_path / "bad.yaml"), "no YAML")
    assert refused(sampled("runs", "--db", tmp_path / "rows.jsonl"), "rows.jsonl")
    with duckdb.connect(str(store)) as db:
        assert db.execute("SELECT count(*) FROM trajectories").fetchone() == (24,), (
            "nothing stored was harmed"
        )
        db.execute("INSERT INTO migrations VALUES (99, now()::TIMESTAMP)")
    assert refused(sampled("runs"), "schema 99", "update Telltale")
    assert before[0] == ""


def test_a_condition_that_writes_is_refused_and_nothing_is_lost(sampled: Telltale, tmp_path: Path) -> None:
    done = sampled("tag", "--where", "true); DELETE FROM log.trajectories; --")
    with duckdb.connect(str(tmp_path / "store.duckdb")) as db:
        assert db.execute("SELECT count(*) FROM trajectories").fetchone() == (24,)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_every_command_says_what_it_does_and_takes_a_store(telltale: Telltale) -> None:
    commands = ["ingest", "quarantine", "drop", "tag", "runs", "show", "app"]
    for words in [[name] for name in commands] + [["report", "frequencies"], ["report", "judge"]]:
        text = telltale(*words, "--help").stdout
        assert "--db" in text and "--json" in text, words
    listed = telltale("--help").stdout
    assert all(f"  {name} " in listed for name in commands)


def test_a_csv_cell_never_starts_a_formula() -> None:
    from analysis.tables import to_csv

    cells: list[dict[str, Any]] = [{"a": "=1+1", "b": -0.5}, {"a": "+x", "b": None}, {"a": "@x", "b": 3}]
    assert to_csv(cells, ["a", "b"]) == "a,b\n'=1+1,-0.5\n'+x,\n'@x,3\n"


def test_a_terminal_gets_no_control_characters_from_a_trace() -> None:
    from commands.common import printable

    assert printable("a\x1b[2Jb\tc\n") == "a\ufffd[2Jb\tc\n"
