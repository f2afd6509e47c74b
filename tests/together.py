"""Four processes that use one store at once: what the test and `make fuzz` share.

Two label as two apps do, one judges, one ingests file after file. What each was told is stored must be there, once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from standin import Standin, completion, slow

from analysis import codebook
from analysis.store import Store
from analysis.store.verify import verify
from telltale import cli

ROOT = Path(__file__).parents[1]
PEOPLE = ("ann", "bo")
LATENCY, CONNECTIONS = 0.2, 4
PACE = 10
"""Trajectories a second that the judge has to do: half of what its connections allow."""
FILE_ROWS = 50

LABELLER = """
import sys, time
from analysis.store import Store
from labels.events import Event
from labels.log import record

target, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
store, number = Store(target, linger=1.0), 0  # as the app has it
with store.session() as db:
    traces = [each for each, in db.execute("SELECT trajectory_id FROM trajectories WHERE variant = 'judged'").fetchall()]
end = time.monotonic() + seconds
while time.monotonic() < end:
    begun = time.monotonic()
    [kept] = record(store, [Event(name, traces[number % len(traces)], "set", pattern="eval_aware", new="present")])
    print(kept.event_id, time.monotonic() - begun, flush=True)
    number += 1
    time.sleep(0.05)
"""
INGESTER = """
import json, os, sys, time
from pathlib import Path
import telltale

target, folder, seconds, rows = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
end, number, said = time.monotonic() + seconds, 0, os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
while time.monotonic() < end:
    file = folder / f"more-{number}.jsonl"
    file.write_text("".join(json.dumps({"q": "Pick.", "cot": f"Row {number} {n}.", "n": n, "v": "more"}) + "\\n" for n in range(rows)))
    words = ["--set", "prompt=q", "--set", "reasoning=cot", "--set", "sample=n", "--set", "variant=v", "--db", target]
    assert telltale.cli.main(["ingest", str(file), *words], standalone_mode=False) in (None, 0)
    number += 1
    os.write(said, f"{number * rows}\\n".encode())
"""


@dataclass(frozen=True)
class Together:
    """What four processes were told is stored, all of which is there once.

    Attributes:
        labels: Labels of each person.
        judged: Trajectories that the judge did.
        ingested: Rows that were ingested beside it.
        slowest: Seconds that 95 of 100 labels took at the most, and the slowest one.
        checked: Rows that `verify` looked at.
    """

    labels: tuple[int, ...]
    judged: int
    ingested: int
    slowest: tuple[float, float]
    checked: int

    def __str__(self) -> str:
        per_person = " and ".join(f"{count:,}" for count in self.labels)
        return (
            f"{per_person} labels (95 of 100 within {1000 * self.slowest[0]:.0f} ms, the slowest {1000 * self.slowest[1]:.0f}), "
            f"{self.judged:,} trajectories judged, {self.ingested:,} rows ingested: each there once, {self.checked:,} rows verified"
        )


def together(store: Store, folder: Path, seconds: float) -> Together:
    """Let four processes use a new store for so many seconds, and check what is there then.

    Raises:
        AssertionError: A process failed, or something that was acknowledged is not there, or twice.
    """
    judged = round(PACE * seconds)
    _ingest(store, folder, judged)
    book = codebook.load()
    reply = {"findings": [], "unsure": [], "scores": dict.fromkeys(book.ids(), 5)}
    with Standin(slow(LATENCY, completion(json.dumps(reply)))) as endpoint:
        people = [_start("-c", LABELLER, store.target, name, seconds) for name in PEOPLE]
        ingester = _start("-c", INGESTER, store.target, folder, seconds, FILE_ROWS)
        judge = _start(
            "telltale.py", "tag", "--tagger", "judge", "--model", "m", "--base-url", endpoint.url, "--connections", CONNECTIONS,
            "--where", "variant = 'judged'", "--db", store.target,
        )  # fmt: skip
        labelled = [_ended(each, seconds) for each in people]
        ingested = [int(line) for line in _ended(ingester, seconds)]
        _ended(judge, seconds)
    acknowledged = [[line.split()[0] for line in lines] for lines in labelled]
    waits = sorted(float(line.split()[1]) for lines in labelled for line in lines)
    _check(store, acknowledged, judged, ingested[-1], len(book.ids()))
    findings = list(verify(store))
    assert not (broken := [each for each in findings if each.broken]), broken
    slowest = waits[int(0.95 * len(waits))], waits[-1]
    return Together(
        tuple(map(len, acknowledged)), judged, ingested[-1], slowest, sum(each.checked for each in findings)
    )


def _check(store: Store, labels: list[list[str]], judged: int, ingested: int, patterns: int) -> None:
    """That all of it is there, once."""
    with store.session() as db:

        def rows(sql: str) -> list[tuple[object, ...]]:
            return db.execute(sql).fetchall()

        for name, acknowledged in zip(PEOPLE, labels, strict=True):
            said = [
                row[0] for row in rows(f"SELECT event_id FROM log.label_events WHERE annotator = '{name}'")
            ]
            assert sorted(map(str, said)) == sorted(acknowledged) and acknowledged, f"{name}'s labels"
        held = rows("""SELECT variant, count(*), count(DISTINCT trajectory_id), count(DISTINCT row_id)
                       FROM log.trajectories GROUP BY 1 ORDER BY 1""")
        assert held == [("judged", *[judged] * 3), ("more", *[ingested] * 3)], held
        assert rows("SELECT count(*), count(DISTINCT row_id) FROM log.cuts") == [(judged + ingested,) * 2]
        assert rows(
            "SELECT count(*), count(DISTINCT trajectory_id), count(*) FILTER (state = 'ok') FROM log.attempts"
        ) == [(judged,) * 3]
        assert rows("SELECT count(*), count(DISTINCT (trajectory_id, pattern)) FROM log.verdicts") == [
            (judged * patterns,) * 2
        ]


def _ingest(store: Store, folder: Path, count: int) -> None:
    """Bring in what is judged and labelled."""
    path = folder / "judged.jsonl"
    rows = ({"q": "Pick.", "cot": f"Is {n} a test? It may be.", "n": n, "v": "judged"} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    named = [
        word for each in ("prompt=q", "reasoning=cot", "sample=n", "variant=v") for word in ("--set", each)
    ]
    cli.main(["ingest", str(path), *named, "--json", "--db", store.target], standalone_mode=False)


def _start(*words: object) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *map(str, words)], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def _ended(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """The lines that a process printed, which ends well."""
    out, complaint = process.communicate(timeout=5 * seconds + 120)
    assert process.returncode == 0, complaint[-2000:]
    return out.splitlines()
