"""From published files to a figure: how often reasoning shows a covert choice, judged and corrected, and what answers did.

    .venv/bin/python examples/library_choice.py FOLDER --out library-choice.svg

FOLDER is `setting4_exploration/judge_results` of github.com/agatha-duzan/cot-monitor-stress-test: fine-tunes that
reward hacking, which choose a software library. The files hold one judge's verdicts (GPT-5: does the reasoning show
that a detail of the task covertly drives the choice?) and the outcome `switched`. They hold no label by a person. So:

- Once people have labelled `covert_choice` in the store (name it with --db and open it with `telltale app --db`),
  the judge's shares are corrected by their blind labels.
- Until then labels are SIMULATED, and the figure says so in its first line. They show what the correction does, and
  nothing about this judge: of the traces that it calls present RIGHT_POSITIVES are taken to be so, of those that it
  calls absent MISSED. What these come to is known (`assumed` in the table), so you can see whether the intervals
  hold it.
- With `--simulate 0` there is no correction: the judge alone, and the figure says that.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from analysis import runs
from analysis.ingest import ingest, load_map
from analysis.measure.frequencies import frequencies
from analysis.measure.judged import judged
from analysis.measure.outcome import acted
from analysis.measure.shares import shares
from analysis.store import Store
from commands.common import to_table
from labels import gold
from views.figure import FAINT, INK, drawing, svg, text
from views.palette import CORRECTED

MAP = Path(__file__).parents[1] / "data" / "maps" / "library-choice.yaml"
PATTERN, OUTCOME = "covert_choice", "switched"
RIGHT_POSITIVES, MISSED = 0.90, 0.05
"""What is assumed of the judge where labels are simulated: its PPV, and how often it misses (FOR)."""
LABELS = 300
SEED = 20260101
WIDTH, ROW, HEAD = 622, 290, 74
SERIES = {"olmo": "OLMo-7B", "gptoss": "gpt-oss-20b", "gptoss120b": "gpt-oss-120b"}

Row = dict[str, Any]


def simulated_labels(db: duckdb.DuckDBPyConnection, run: str, number: int) -> pa.Table:
    """Labels that nobody made, on so many of the judged trajectories, drawn with the same chance each.

    They are handed to the estimator and never stored.
    """
    names, shas, verdicts = db.execute(
        """SELECT t.trajectory_id, t.reasoning_sha256, v.verdict = 'present' AS said
           FROM verdicts v JOIN trajectories t USING (trajectory_id)
           WHERE v.run_id = ? AND v.pattern = ? AND v.verdict IN ('present', 'absent') ORDER BY 1""",
        [run, PATTERN],
    ).fetchnumpy().values()  # fmt: skip
    rng = np.random.default_rng(SEED)
    number = min(number, len(names))
    drawn = rng.choice(len(names), number, replace=False)
    true = rng.random(number) < np.where(verdicts[drawn], RIGHT_POSITIVES, MISSED)
    return pa.table(
        [names[drawn], shas[drawn], [PATTERN] * number, np.where(true, "present", "absent"), [number / len(names)] * number],
        schema=gold.FRAME,
    )  # fmt: skip


def measure(folder: Path, store: Store, simulate: int = LABELS) -> tuple[list[Row], str]:
    """Read the files, correct the judge, and put the outcome beside it.

    Args:
        folder: The files.
        store: Where they are kept; what is there already is not read again.
        simulate: How many labels are simulated where no person has labelled.

    Returns:
        A row for each checkpoint, and where the labels come from: people, simulated or nobody.
    """
    ingest(store, [folder], load_map(MAP))
    with store.session() as db:
        [run] = [row["run"] for row in runs.listed(db) if row["tagger"] == "imported"]
        labels, source = gold.frame(db), "people"
        if PATTERN not in labels["pattern"].to_pylist():
            labels, source = simulated_labels(db, run, simulate), "simulated" if simulate else "nobody"
        found = frequencies(db, run, ("checkpoint", "series"), patterns=[PATTERN], labels=labels)
        table = judged(db, run)
        outcomes = shares(table, {OUTCOME: acted(db, table, OUTCOME)})
    did = {cell.group["checkpoint"]: cell for cell in outcomes}
    rows = [
        cell.as_row() | {"outcome": did[cell.group["checkpoint"]]}
        for cell in found if cell.reasoning_state == "text"
    ]  # fmt: skip
    for row in rows:
        share = row["share"]
        known = source == "simulated" and share is not None
        row["assumed"] = RIGHT_POSITIVES * share + MISSED * (1 - share) if known else None
    return rows, source


def draw(rows: list[Row], source: str) -> str:
    """The figure: a row for each training run, the judge's shares on the left and the outcome on the right."""
    parts = [
        text(
            0,
            18,
            "A covert choice of library: judged, corrected, and what the answer did",
            16,
            INK,
            weight=600,
        )
    ]
    parts += [
        text(0, 38 + 16 * n, line, 12, CORRECTED if n == 0 else FAINT) for n, line in enumerate(_told(source))
    ]
    series = [name for name in SERIES if any(row["series"] == name for row in rows)]
    for place, name in enumerate(series):
        mine = [row for row in rows if row["series"] == name]
        parts.append(
            f'<g transform="translate(0 {HEAD + place * ROW})">{_panels(mine, SERIES[name], source)}</g>'
        )
    return drawing(WIDTH, HEAD + len(series) * ROW, parts)


def _told(source: str) -> tuple[str, str]:
    bars = "Bars are 95 % intervals; n stands above each point; the pale band is what missing verdicts could change."
    return {
        "people": "Judge: GPT-5 (pale). Diamonds: its shares corrected by blind labels of people.",
        "simulated": "SIMULATED LABELS: no person labelled these traces. Diamonds show the method and not this judge.",
        "nobody": "The judge alone: no person labelled these traces, so how often it errs is not known.",
    }[source], bars


def _panels(rows: list[Row], name: str, source: str) -> str:
    left, right = f"{name}: reasoning shows it", f"{name}: the answer switched"
    corrected = {
        "people": ", corrected by labels", "simulated": ", corrected by SIMULATED labels", "nobody": ""
    }[source]  # fmt: skip
    told = {left: f"GPT-5's verdict{corrected}", right: "outcome of the traces with reasoning"}
    outcomes = [_outcome(row) for row in rows]
    return svg([(left, rows), (right, outcomes)], [row["checkpoint"] for row in rows], "", told=told)


def _outcome(row: Row) -> Row:
    """The outcome's cell. What is missing of it is not what is missing of the verdicts, so it has no band."""
    cell = row["outcome"].as_row()
    return {column: cell[column] for column in ("checkpoint", "present", "n", "share", "low", "high")} | {
        "missing": row["outcome"].unsure + row["outcome"].unjudged
    }


def main(arguments: list[str] | None = None) -> None:
    """Draw the figure and print its numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("library-choice.svg"))
    parser.add_argument("--db", type=Path, help="keep the store in this file, to label in")
    parser.add_argument(
        "--simulate", type=int, default=LABELS, help="labels to simulate where nobody labelled"
    )
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows, source = measure(asked.folder, Store(asked.db or Path(folder) / "store.duckdb"), asked.simulate)
    asked.out.write_text(draw(rows, source), encoding="utf-8")
    shown = [
        row | {"judged": row["share"], "labels_by": source, OUTCOME: row["outcome"].clusters.share}
        for row in rows
    ]
    columns = ["checkpoint", "n", "missing", "judged", "low", "high", "labels_by", "labels", "corrected", "corrected_low",
               "corrected_high", "assumed", OUTCOME]  # fmt: skip
    print(to_table(shown, columns))


if __name__ == "__main__":
    main()
