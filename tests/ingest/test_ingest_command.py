"""What ingest, quarantine and drop tell a user: counts before and after, what doubled, what was not found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.dry_run import FILES_SHOWN
from telltale import cli

Jsonl = Callable[..., Path]
Telltale = Callable[..., Result]
RULES = ("--set", "prompt=q", "--set", "reasoning=cot", "--set", "answer=out")


@pytest.fixture
def telltale(tmp_path: Path) -> Telltale:
    """The command line in this process."""

    def run(*words: Any) -> Result:
        store = str(tmp_path / "store.duckdb")
        done = CliRunner().invoke(cli, [*map(str, words), "--db", store], standalone_mode=False)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


def rows(count: int = 3, **more: Any) -> list[dict[str, Any]]:
    return [{"q": "Pick.", "cot": f"I pick {n}.", "out": str(n), "step": "s1", **more} for n in range(count)]


def listed(done: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


# Dry runs --------------------------------------------------------------------------------------------------------


def test_a_dry_run_counts_all_and_ends_with_the_table_that_ingest_would_print(
    telltale: Telltale, jsonl: Jsonl, tmp_path: Path
) -> None:
    path = jsonl(rows(2_500))
    path.write_text(path.read_text() + "broken\n")
    done = telltale("ingest", path, *RULES, "--dry-run")
    assert done.return_value == 0 and not (tmp_path / "store.duckdb").exists()
    header, _, counts = done.stdout.splitlines()[-4:-1]
    assert header.split() == ["file", "format", "items", "read", "joined", "skipped", "set_aside"]
    assert counts.split()[1:] == ["mapped", "2501", "2500", "0", "0", "1"]
    assert done.stdout.endswith("nothing was stored\n")
    [told] = listed(telltale("ingest", path, *RULES, "--dry-run", "--json"))
    [stored] = listed(telltale("ingest", path, *RULES, "--json"))
    assert {name: told[name] for name in header.split()} == {name: stored[name] for name in header.split()}
    assert [each["line"] for each in told["unreadable"]] == [2501] and not told["stopped"]


def test_a_dry_run_that_takes_too_long_says_after_how_much_it_stopped(
    telltale: Telltale, jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.dry_run.DRY_SECONDS", 0.0)
    done = telltale("ingest", jsonl(rows(1_500)), *RULES, "--dry-run")
    assert "stopped after 1,000 items; the counts are of these" in done.stderr


def test_a_dry_run_of_several_files_refuses_what_ingest_would_and_goes_on(
    telltale: Telltale, jsonl: Jsonl, tmp_path: Path
) -> None:
    good = [jsonl(rows(), f"runs/{n}.jsonl") for n in range(FILES_SHOWN + 2)]
    (tmp_path / "runs" / "empty.jsonl").write_bytes(b"")
    done = telltale("ingest", good[0].parent, *RULES, "--dry-run")
    assert done.return_value == 0 and "would be set aside" in done.stderr and "empty" in done.stderr
    assert done.stdout.count("fields that nothing reads") == FILES_SHOWN
    table = done.stdout.splitlines()[-2 - len(good) : -1]
    assert [line.split()[0] for line in table] == [
        *(f"runs/{path.name}" for path in good),
        "runs/empty.jsonl",
    ]


@pytest.mark.parametrize("dry", [("--dry-run",), ()], ids=["dry run", "ingest"])
def test_a_rule_that_finds_nothing_in_a_path_is_said(
    telltale: Telltale, jsonl: Jsonl, dry: tuple[str, ...]
) -> None:
    files = [jsonl(rows(), f"runs/{name}/a.jsonl") for name in ("step-1", "final", "base")]
    rule = "checkpoint={path: '/(step-\\d+)/'}"
    done = telltale("ingest", *files, *RULES, "--set", rule, *dry)
    assert (
        "checkpoint: its path rule finds nothing in the path of 2 of 3 files, such as final/a.jsonl"
        in done.stderr
    )
    with_else = "checkpoint=[{path: '/(step-\\d+)/'}, {constant: other}]"
    assert "path rule" not in telltale("ingest", *files, *RULES, "--set", with_else, *dry).stderr


# The same rows by another map ------------------------------------------------------------------------------------


def test_rows_that_come_in_again_by_another_map_are_said_to_be_there_under_other_ids(
    telltale: Telltale, jsonl: Jsonl
) -> None:
    path = jsonl(rows(), "lab runs/a.jsonl")
    assert "other ids" not in telltale("ingest", path, *RULES).stderr
    done = telltale("ingest", path, *RULES, "--set", "checkpoint=step")
    assert "3 trajectories of this source are in the store under other ids" in done.stderr
    assert "telltale drop --source 'lab runs/a.jsonl'" in done.stderr and done.return_value == 0
    assert telltale("drop", "--source", "lab runs/a.jsonl").return_value == 0
    [report] = listed(telltale("ingest", path, *RULES, "--set", "checkpoint=step", "--json"))
    assert (report["stored"], report["other_ids"]) == (3, 0)


@pytest.mark.parametrize(
    "more", [(), ("--set", "source==lab"), ("--set", "id=id")], ids=["plain", "source", "id"]
)
def test_a_file_that_grew_and_files_of_one_named_source_are_not_said_to_be_there(
    telltale: Telltale, jsonl: Jsonl, more: tuple[str, ...]
) -> None:
    numbered = [{**row, "id": str(n)} for n, row in enumerate(rows(6))]
    for path in (jsonl(numbered[:3]), jsonl(numbered), jsonl(numbered[:2], "other/b.jsonl")):
        [report] = listed(telltale("ingest", path, *RULES, *more, "--json"))
        assert report["other_ids"] == 0


def test_quotes_of_verdicts_made_elsewhere_are_counted_by_whether_they_stand(
    telltale: Telltale, jsonl: Jsonl
) -> None:
    said = [("YES", "I pick 0"), ("NO", "never said"), (None, None)]
    path = jsonl(
        [{**row, "said": word, "quote": quote} for row, (word, quote) in zip(rows(), said, strict=True)]
    )
    judged = "judged={tagger: j, pattern: p, value: said, quote: quote}"
    told = "verdicts made elsewhere: 2 stored; 1 quotes stand in the text, 1 do not and are kept as rejected"
    assert told in telltale("ingest", path, *RULES, "--set", judged).stderr
    assert "verdicts made elsewhere" not in telltale("ingest", path, *RULES, "--set", judged).stderr


# Quarantine ------------------------------------------------------------------------------------------------------


def test_conflicts_leave_the_quarantine_when_replace_has_stored_them(
    telltale: Telltale, jsonl: Jsonl
) -> None:
    with_id = (*RULES, "--set", "id=id")
    telltale("ingest", jsonl(rows(1, id="a")), *with_id)
    changed = jsonl([{**rows(1)[0], "id": "a", "out": "9"}])
    assert telltale("ingest", changed, *with_id).return_value == 1
    assert len(listed(telltale("quarantine", "--json"))) == 1
    assert telltale("ingest", changed, *with_id, "--replace").return_value == 0
    assert listed(telltale("quarantine", "--json")) == []


def test_the_quarantine_shows_what_the_newest_ingest_of_each_file_set_aside(
    telltale: Telltale, jsonl: Jsonl, tmp_path: Path
) -> None:
    one, other = jsonl(rows(), "x/runs/a.jsonl"), jsonl(rows(), "y/runs/a.jsonl")
    for path in (one, other):
        path.write_text(path.read_text() + f"broken in {path.parts[-3]}\n")
    telltale("ingest", one, other, *RULES)
    telltale("ingest", one, other, *RULES)
    assert [each["excerpt"] for each in listed(telltale("quarantine", "--json"))] == [
        "broken in x\n",
        "broken in y\n",
    ]
    jsonl(rows(), "x/runs/a.jsonl")  # mended
    telltale("ingest", one, *RULES)
    assert [each["excerpt"] for each in listed(telltale("quarantine", "--json"))] == ["broken in y\n"]
    telltale("drop", "--source", "runs/a.jsonl")
    assert listed(telltale("quarantine", "--json")) == []


def test_a_file_that_is_refused_among_others_is_kept_with_its_reason_and_beginning(
    telltale: Telltale, jsonl: Jsonl, tmp_path: Path
) -> None:
    jsonl(rows(), "runs/a.jsonl")
    (tmp_path / "runs" / "b.eval").write_bytes(b"PK\x03\x04 cut off")
    assert telltale("ingest", tmp_path / "runs", *RULES).return_value == 1
    [aside] = listed(telltale("quarantine", "--json"))
    assert aside["excerpt"] == "PK\x03\x04 cut off" and "damaged" in aside["reason"] and aside["line"] is None


# Dropping --------------------------------------------------------------------------------------------------------


def test_a_folder_is_dropped_as_one_after_a_look_at_what_would_go(telltale: Telltale, jsonl: Jsonl) -> None:
    for name in ("runs/a.jsonl", "runs/b.jsonl", "runs/[c].jsonl", "other/a.jsonl"):
        telltale("ingest", jsonl(rows(), name), *RULES)
    looked = telltale("drop", "--source", "runs/*", "--dry-run")
    assert looked.stderr == "3 sources with 9 trajectories would be retracted; nothing was\n"
    assert telltale("drop", "--source", "runs/[c].jsonl", "--source", "other/a.jsonl").stderr == (
        "retracted 2 sources with 6 trajectories\n"
    ), "a name goes before a pattern"
    done = telltale("drop", "--source", "runs/*", "--json")
    assert [(each["source"], each["retracted"]) for each in listed(done)] == [
        ("runs/a.jsonl", 3),
        ("runs/b.jsonl", 3),
    ]


def test_the_command_line_says_the_same_in_a_process_of_its_own(
    jsonl: Jsonl, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import sys

    path = jsonl(rows())
    command = [
        sys.executable,
        "telltale.py",
        "ingest",
        str(path),
        *RULES,
        "--dry-run",
        "--db",
        str(tmp_path / "s.duckdb"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=request.config.rootpath, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("nothing was stored\n")
