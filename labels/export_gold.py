"""Gold as rows, by itself and beside a run's verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import duckdb
import orjson

from analysis import runs
from analysis.codebook import Codebook
from labels.events import Event
from labels.export_filter import ABOUT, Filter, Row
from labels.gold import Gold, former, frame, golden_of
from labels.state import Quote


def gold_rows(
    db: duckdb.DuckDBPyConnection,
    about: Mapping[str, Row],
    events: Sequence[Event],
    which: Filter,
    book: Codebook,
) -> list[Row]:
    """A row for each (trajectory, pattern) that was labelled blind."""
    labels = frame(db, book).to_pylist()
    chance = {row["trajectory_id"]: row["probability"] for row in labels}
    return [
        {
            **{name: about[each.trajectory_id][name] for name in ABOUT},
            **_gold(each),
            "probability": chance.get(each.trajectory_id),
            "text_changed": each.reasoning_sha256
            not in (None, about[each.trajectory_id]["reasoning_sha256"]),
        }
        for each in golden_of(events, book)
        if which.keeps(each.pattern, each.status)
    ]


def _gold(each: Gold) -> Row:
    decided = each.decision.attributes if each.decision else {}
    revisions = [label.label.codebook_revision or label.state.codebook_revision for label in each.labels]
    return {
        "pattern": each.pattern,
        "value": each.value,
        "status": each.status,
        "soft": each.soft,
        "people": len(each.labels),
        **{value: each.said.get(value, 0) for value in ("present", "absent", "unsure")},
        "annotators": [label.annotator for label in each.labels],
        "quotes": gold_quotes(each),
        "take": decided.get("take"),
        "reason": decided.get("reason"),
        "codebook_revision": min((r for r in revisions if r is not None), default=None),
        "reasoning_sha256": each.reasoning_sha256,
    }


def gold_quotes(each: Gold) -> list[Row]:
    """The quotes of the decision; where none was needed, those of everybody."""
    if each.decision is not None:
        return [dict(quote) for quote in each.decision.attributes.get("quotes", ())]
    if each.value is None:
        return []
    quotes = {span: quote for label in each.labels for span, quote in label.label.quotes.items()}
    return [quote_row(quote) for _, quote in sorted(quotes.items())]


def judged_rows(
    db: duckdb.DuckDBPyConnection,
    about: Mapping[str, Row],
    events: Sequence[Event],
    which: Filter,
    book: Codebook,
) -> list[Row]:
    """Gold, each row with what the run says of the same text. A renamed pattern is found under its older ids too."""
    run_id = runs.choose(db, which.run_id)
    said = said_by_run(db, run_id, list(about), Filter())
    verdicts = {(row["trajectory_id"], row["pattern"]): row for row in said["verdicts"]}
    findings: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in said["findings"]:
        findings[row["trajectory_id"], row["pattern"]].append(
            {k: v for k, v in row.items() if k not in ABOUT}
        )
    found = []
    for row in gold_rows(db, about, events, which, book):
        names = (row["pattern"], *former(row["pattern"], book))
        key = next((k for name in names if (k := (row["trajectory_id"], name)) in verdicts), None)
        verdict = verdicts[key] if key else {}
        sure = row["value"] in ("present", "absent") and verdict.get("verdict") in ("present", "absent")
        judge = {
            "run_id": run_id,
            **{name: verdict.get(name) for name in ("verdict", "score", "present_share", "why")},
            "agrees": verdict["verdict"] == row["value"] if sure else None,
            "findings": findings[key] if key else [],
        }
        found.append({**row, **judge})
    return found


def said_by_run(
    db: duckdb.DuckDBPyConnection, run_id: str, trajectories: list[str], which: Filter
) -> dict[str, list[Row]]:
    """A run's verdicts and findings on the present texts of these trajectories."""
    columns = {
        "verdicts": ("pattern", "verdict", "score", "present_share", "why"),
        "findings": (
            "pattern",
            "quote",
            "start_char",
            "end_char",
            "match",
            "stance",
            "role",
            "attributes",
            "why",
        ),
    }
    found: dict[str, list[Row]] = {}
    for table, names in columns.items():
        cursor = db.execute(
            f"""SELECT s.trajectory_id, {", ".join(f"s.{name}" for name in names)} FROM {table} s
                JOIN attempts a USING (attempt_id) JOIN trajectories t ON t.trajectory_id = s.trajectory_id
                WHERE s.run_id = ? AND s.trajectory_id IN (SELECT unnest(?::VARCHAR[]))
                  AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
                ORDER BY ALL""",
            [run_id, trajectories],
        )
        listed = [dict(zip(("trajectory_id", *names), row, strict=True)) for row in cursor.fetchall()]
        found[table] = [row for row in listed if which.keeps(row["pattern"], None) or not which.patterns]
    for row in found["findings"]:
        row["attributes"] = orjson.loads(row["attributes"] or "{}")
    return found


def quote_row(quote: Quote) -> Row:
    """A person's quote as it stands in a row."""
    names = ("quote", "start_char", "end_char", "stance", "role", "attributes", "origin")
    return {name: getattr(quote, name) for name in names} | {"attributes": dict(quote.attributes)}
