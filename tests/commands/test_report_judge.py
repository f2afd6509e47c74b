"""`telltale report judge` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from judged import Lab

from analysis.store import Store, append
from analysis.store.rows import now
from telltale import main


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Telltale = Callable[..., Done]


@pytest.fixture
def telltale(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Telltale:
    """The command line in this process: starting one for each of these commands is most of their time."""

    def run(*words: str) -> Done:
        monkeypatch.setenv("TELLTALE_DB", str(store.path))
        monkeypatch.setattr("sys.argv", ["telltale", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def lab(store: Store) -> Lab:
    """A run, its repeat and another one over 24 traces, of which 20 are labelled; p is present in six."""
    lab = Lab(store)
    with store.session():
        names = lab.traces(24, checkpoints=("step-2", "step-10"))
        said: dict[str, Any] = {
            name: {"p": ("present", 80) if number < 8 else ("absent", 10), "q": ("absent", 0)}
            for number, name in enumerate(names)
        }
        lab.labels("ada", {name: {"p": "present" if n < 6 else "absent", "q": "absent"} for n, name in enumerate(names[:20])})  # fmt: skip
        lab.run({**said, "t7": "failed"})
        lab.run({**said, "t0": {"p": ("absent", 40), "q": ("absent", 0)}}, repeat=2)
        lab.run({name: {"p": "present"} for name in names}, model="eager")
        with store.transaction() as db:
            append(db, "outcomes", [
                {"trajectory_id": name, "name": "odd", "value": json.dumps(number < 6), "state": "ok", "created_at": now()}
                for number, name in enumerate(names)
            ])  # fmt: skip
    return lab


@pytest.fixture
def first(lab: Lab, telltale: Telltale) -> str:
    rows = json.loads(telltale("runs", "--json").stdout)
    return str(next(row["run"] for row in rows if row["model"] == "a-judge" and row["not_ok"]))


def test_the_agreement_with_blind_labels_is_what_the_report_shows(first: str, telltale: Telltale) -> None:
    rows = json.loads(telltale("report", "judge", "--run", first, "--json").stdout)
    p, q = rows
    assert [p[name] for name in ("pattern", "n", "tp", "fp", "fn", "tn", "missing", "missing_why")] == [
        "p", 19, 6, 1, 0, 12, 1, "1 failed",
    ]  # fmt: skip
    assert p["kappa_low"] < p["kappa"] < p["kappa_high"] and p["scored"] == 19
    assert q["sensitivity"] is None and "sensitivity: no label says present" in q["notes"]
    sheet = list(
        csv.DictReader(io.StringIO(telltale("report", "judge", "--run", first, "--format", "csv").stdout))
    )
    assert float(sheet[0]["kappa"]) == p["kappa"] and sheet[1]["sensitivity"] == ""
    table = telltale("report", "judge", "--run", first).stdout
    assert (
        "against blind labels:" in table and "resampled over trajectories: for these 2 prompts only" in table
    )
    assert table.index("  tp  ") < table.index("kappa") and "kappa: no label says present and the run calls none present [q]" in table  # fmt: skip
    split = json.loads(
        telltale("report", "judge", "--run", first, "--by", "checkpoint", "--pattern", "p", "--json").stdout
    )
    assert [(row["checkpoint"], row["n"]) for row in split] == [("step-2", 10), ("step-10", 9)]


def test_each_other_figure_is_asked_for_and_the_agreement_comes_with_its_table(
    first: str, telltale: Telltale
) -> None:
    ask = ("report", "judge", "--run", first)
    bins = json.loads(telltale(*ask, "--reliability", "--pattern", "p", "--json").stdout)
    assert {row["low_score"]: row["n"] for row in bins if row["n"]} == {10: 12, 80: 7}
    flips = json.loads(telltale(*ask, "--repeats", "--json").stdout)
    assert [(row["pattern"], row["flipped"], row["n"]) for row in flips] == [("p", 1, 23), ("q", 0, 23)]
    eager = next(
        row["run"] for row in json.loads(telltale("runs", "--json").stdout) if row["model"] == "eager"
    )
    [beside] = json.loads(telltale(*ask, "--with", eager, "--json").stdout)
    assert (beside["both"], beside["only_second"], beside["labels"]) == (7, 16, 19)
    assert beside["specificity_difference"] == pytest.approx(-12 / 13)
    outcome = json.loads(telltale(*ask, "--against", "odd", "--pattern", "p", "--json").stdout)
    assert [(row["checkpoint"], row["tp"], row["fp"]) for row in outcome] == [
        ("step-2", 3, 1),
        ("step-10", 3, 0),
    ]
    for more in (["--reliability"], ["--repeats"], ["--with", eager], ["--against", "odd", "--pattern", "p"]):
        done = telltale(*ask, *more)
        assert done.returncode == 0, done.stderr
        assert "against blind labels:" in done.stdout, more


def test_without_labels_or_repeats_it_says_what_to_do(lab: Lab, first: str, telltale: Telltale) -> None:
    with lab.store.session() as db:
        db.execute("DELETE FROM log.label_events")
    done = telltale("report", "judge", "--run", first)
    assert done.returncode == 0 and done.stdout == "" and "on the Label page" in done.stderr
    eager = next(
        row["run"] for row in json.loads(telltale("runs", "--json").stdout) if row["model"] == "eager"
    )
    for words, told in (
        (("--run", eager, "--repeats"), "--repeat 2"),
        (("--run", first, "--with", first), "is both runs"),
        (("--repeats", "--reliability"), "one at a time"),
        (("--run", first, "--against", "even"), "no outcome even"),
    ):
        done = telltale("report", "judge", *words)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and told in done.stderr
