"""All that a store has to say of one run, as one document: what `telltale report all` prints, and draws.

    with store.session() as db:
        found = document(db, str(store), runs.choose(db, None), codebook.load())
    found["frequencies"][0]["share"]

Every field is described in docs/report.md. Nothing in it is rounded; what is undefined is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson

from analysis import runs
from analysis.codebook import PRESENT_STANCES, Codebook
from analysis.measure import occurrences as said
from analysis.measure.frequencies import COLUMNS, LABEL_COLUMNS
from analysis.measure.given import COLUMNS as GIVEN_COLUMNS
from analysis.measure.given import given
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged
from analysis.measure.outcome import acted
from analysis.measure.shares import shares
from analysis.measure.significance import benjamini_hochberg
from analysis.measure.trend import over_checkpoints
from analysis.store.rows import now
from analysis.trajectories import READABLE
from labels import gold
from labels.agreement import COMPACT, agreement
from labels.judged import quality
from labels.report_source import Db, Measured, Source

SCHEMA = 1
"""Goes up when a field changes its meaning or goes away."""
SHARE = "share"
QUOTES = 3
"""Quotes of each pattern."""
OUTCOME_COLUMNS = (
    "reasoning_state", "present", "n", "share", "low", "high", "interval", "missing", "prompts", "design_effect",
    "note", "synthetic",
)  # fmt: skip
TREND_COLUMNS = ("p", "statistic", "test", "n", "checkpoints", "note")
QUALITY_COLUMNS = (
    "pattern", "n", "tp", "fp", "fn", "tn", "missing", "missing_why",
    *(f"{name}{end}" for name in ("sensitivity", "specificity", "ppv", "kappa", "ac1") for end in ("", "_low", "_high")),
    "intervals", "notes",
)  # fmt: skip
AGREEMENT_COLUMNS = tuple(name for name in COMPACT if name != "annotators")

Row = dict[str, Any]


def document(db: Db, store: str, run_id: str, book: Codebook) -> Row:
    """The whole report as plain values, lists and mappings, as docs/report.md describes them.

    Args:
        db: A session of the store.
        store: What the store is called.
        run_id: Whose verdicts it is about.
        book: The codebook as it is now.
    """
    of = Source(db, run_id, book)
    return {
        "report": {"schema": SCHEMA, "telltale": version("telltale"), "made_at": _at(now()), "store": store},
        "run": _run(of),
        "data": _data(of),
        "labels": _labels(db, book),
        "frequencies": _frequencies(of),
        "occurrences": _occurrences(of),
        "trends": _trends(of),
        "outcomes": _outcomes(of),
        "given": _given(of),
        "quality": [_only(QUALITY_COLUMNS, each.as_row()) for each in quality(db, run_id)],
        "agreement": _agreement(db, book),
        "quotes": _quotes(db, run_id),
        "codebook": _codebook(book),
    }


def _run(of: Source) -> Row:
    [row] = [each for each in runs.listed(of.db) if each["run"] == of.run_id]
    attempts = of.db.execute(
        "SELECT state, count(*) FROM attempts WHERE run_id = ? GROUP BY state ORDER BY state", [of.run_id]
    ).fetchall()
    return {
        "run": of.run_id, "tagger": row["tagger"], "model": row["model"], "codebook_revision": row["codebook"],
        "codebook_sha256": _config(of).get("codebook_sha256"), "created_at": row["created"],
        "baseline": row["tagger"] == "cues",
        "attempts": [{"state": state, "trajectories": count} for state, count in attempts],
    }  # fmt: skip


def _config(of: Source) -> Row:
    [(config,)] = of.db.execute("SELECT config FROM runs WHERE run_id = ?", [of.run_id]).fetchall()
    return dict(orjson.loads(config or "{}"))


def _data(of: Source) -> Row:
    table, codes = of.table, of.table.codes["reasoning_state"]
    states = [
        {"reasoning_state": state, "trajectories": int((codes == place).sum())}
        for place, state in enumerate(table.values["reasoning_state"])
    ]
    readable = table.where("reasoning_state", READABLE)
    return {
        "trajectories": len(table),
        "synthetic": table.synthetic,
        "checkpoints": _checkpoints(table),
        "prompts": len({*table.codes["prompt"].tolist()}),
        "reasoning_states": sorted(states, key=lambda row: -row["trajectories"]),
        "unreadable": int((~readable).sum()),
        "unjudged": int((readable & (table.attempt_id == 0)).sum()),
    }


def _checkpoints(table: Judged) -> list[Row]:
    """The checkpoints in their order, with what is missing at each."""
    series = _series(table)
    return [
        {"checkpoint": _name(name), "series": series[name], "trajectories": len(here), "synthetic": here.synthetic,
         "unreadable": len(here) - len(read), "unjudged": int((read.attempt_id == 0).sum())}
        for name, rows in table.by_checkpoint()
        for here in [table.take(rows)]
        for read in [here.take(np.flatnonzero(here.where("reasoning_state", READABLE)))]
    ]  # fmt: skip


def _labels(db: Db, book: Codebook) -> Row:
    drawn = gold.drawn_labels(db, book)
    return {
        "labels": len(drawn),
        "trajectories": len({each.trajectory_id for each in drawn}),
        "people": len({each.annotator for each in drawn}),
    }


def _frequencies(of: Source) -> list[Row]:
    """Shares of trajectories; those of patterns with what labels say."""
    patterns = [each.id for each in of.measured if each.kind == "pattern"]
    found = [cell.as_row() for cell in gold.frequencies(of.db, of.run_id, patterns=patterns)]
    others = {name: signs for name, signs in of.signs.items() if name not in patterns}
    for state in of.states:
        found += [cell.as_row() for cell in shares(of.table, others, state)]
    return _placed(of, found, (*COLUMNS, *LABEL_COLUMNS))


def _occurrences(of: Source) -> list[Row]:
    wanted = {each.id: each.members for each in of.quoted}
    found = [
        cell.as_row()
        for state in of.states
        for measure in said.MEASURES
        for cell in said.occurrences(of.table, of.counts, measure, wanted, state)
    ]
    return _placed(of, found, said.COLUMNS)


def _placed(of: Source, rows: Iterable[Row], columns: Sequence[str]) -> list[Row]:
    """The rows with name, kind and series, in the order of kinds of reasoning, patterns and checkpoints."""
    measured = {each.id: each for each in of.measured}
    place = {name: number for number, name in enumerate(measured)}
    checkpoints = {name: number for number, (name, _) in enumerate(of.table.by_checkpoint())}
    series = _series(of.table)
    found = [
        {"checkpoint": _name(row["checkpoint"]), "series": series.get(row["checkpoint"]),
         "name": measured[row["pattern"]].name, "kind": measured[row["pattern"]].kind, **_only(columns, row)}
        for row in sorted(rows, key=lambda row: (place[row["pattern"]], checkpoints[row["checkpoint"]]))
    ]  # fmt: skip
    states = (*READABLE, "missing")
    return sorted(found, key=lambda row: states.index(row["reasoning_state"]))


def _name(checkpoint: str | None) -> str:
    return checkpoint or "(no checkpoint)"


def _series(table: Judged) -> dict[str | None, str | None]:
    names = table.values["series"]
    return {name: names[table.codes["series"][rows[0]]] for name, rows in table.by_checkpoint()}


def _trends(of: Source) -> list[Row]:
    """The test of each trend, adjusted over all that are tested of one kind of reasoning and one measure."""
    found: list[Row] = []
    for state in of.states:
        found += _adjusted([_trend(of, state, SHARE, each) for each in of.measured])
        for measure in said.MEASURES:
            found += _adjusted([_trend(of, state, measure, each) for each in of.quoted])
    return found


def _trend(of: Source, state: str, measure: str, each: Measured) -> Row:
    if measure == SHARE:
        signs = of.signs[each.id]
        y, x, known = (signs == PRESENT).astype(np.float64), np.ones(len(signs)), signs != UNKNOWN
    else:
        y, x, known = of.counts.sums(each.members, measure)
    rows = of.readable(state)
    tested = asdict(over_checkpoints(of.table, y, x, rows[known[rows]]))
    return {"pattern": each.id, "reasoning_state": state, "measure": measure, **_only(TREND_COLUMNS, tested)}


def _outcomes(of: Source) -> list[Row]:
    """How many trajectories of each checkpoint have each outcome of yes and no, of those it is known of."""
    found, series = [], _series(of.table)
    for action in of.actions:
        signs = {"": acted(of.db, of.table, action.outcome, action.value)}
        for state in of.states:
            for cell in shares(of.table, signs, state):
                row = cell.as_row() | {"missing": cell.unsure + cell.unjudged}
                found.append({"checkpoint": _name(row["checkpoint"]), "series": series.get(row["checkpoint"]),
                              "outcome": action.name, **_only(OUTCOME_COLUMNS, row)})  # fmt: skip
    return found


def _given(of: Source) -> list[Row]:
    """Each pattern's share with and without each outcome, of all checkpoints together."""
    found = []
    for action in of.actions:
        did = acted(of.db, of.table, action.outcome, action.value)
        wanted = [
            each for each in of.measured
            if all((condition.outcome or ("",))[0] != action.outcome for condition in each.conditions)
        ]  # fmt: skip
        for state in of.states:
            rows = of.readable(state)
            if not ((did[rows] == PRESENT).any() and (did[rows] == ABSENT).any()):
                continue
            columns = {each.id: of.signs[each.id][rows] for each in wanted}
            tested = [
                _only(GIVEN_COLUMNS, each.as_row())
                for each in given(columns, did[rows], of.table.codes["prompt"][rows])
            ]
            found += [{"outcome": action.name, "reasoning_state": state, **row} for row in _adjusted(tested)]
    return found


def _adjusted(rows: list[Row]) -> list[Row]:
    adjusted = benjamini_hochberg([row["p"] for row in rows])
    return [{**row, "p_bh": value} for row, value in zip(rows, adjusted, strict=True)]


def _agreement(db: Db, book: Codebook) -> list[Row]:
    """Of each pattern the agreement of all who labelled it; nobody is named."""
    widest: dict[str, Any] = {}
    for each in agreement(db, codebook=book):
        if each.annotators.endswith(" again"):
            continue
        held = widest.get(each.pattern)
        if held is None or len(each.annotators) > len(held.annotators):
            widest[each.pattern] = each
    return [_only(AGREEMENT_COLUMNS, each.as_row()) for each in widest.values()]


def _quotes(db: Db, run_id: str) -> list[Row]:
    """Quotes that stand in the text as it is now: of each pattern QUOTES trajectories by the hash of their ids, which
    nobody chose, and of each the first quote.
    """  # noqa: D205
    names = ("pattern", "quote", "stance", "role", "trajectory_id", "checkpoint", "synthetic")
    rows = db.execute(
        """SELECT * FROM (
               SELECT f.pattern, f.quote, coalesce(f.stance, 'asserts') AS stance, f.role, t.trajectory_id,
                      t.checkpoint, t.synthetic
               FROM log.findings f JOIN attempts a USING (attempt_id)
               JOIN trajectories t ON t.trajectory_id = a.trajectory_id
                                   AND t.reasoning_sha256 IS NOT DISTINCT FROM a.reasoning_sha256
               WHERE a.run_id = ? AND a.state = 'ok' AND f.match <> 'rejected'
                 AND list_contains(?, coalesce(f.stance, 'asserts'))
               QUALIFY row_number() OVER (PARTITION BY f.pattern, t.trajectory_id ORDER BY f.start_char) = 1)
           QUALIFY row_number() OVER (PARTITION BY pattern ORDER BY md5(pattern || trajectory_id)) <= ?
           ORDER BY pattern, md5(pattern || trajectory_id)""",
        [run_id, list(PRESENT_STANCES), QUOTES],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _codebook(book: Codebook) -> Row:
    patterns = [
        {"id": each.id, "name": each.name, "definition": each.definition, "include": list(each.include),
         "exclude": list(each.exclude), "examples": list(each.examples), "near_misses": list(each.near_misses)}
        for each in book.patterns
    ]  # fmt: skip
    return {
        "revision": book.revision,
        "sha256": book.sha256,
        "patterns": patterns,
        "groups": [{"name": name, "members": list(members)} for name, members in book.rollups.items()],
        "derived": [{"name": name, "told": told} for name, told in book.derived.items()],
    }


def _only(columns: Iterable[str], row: Mapping[str, Any]) -> Row:
    return {column: row.get(column) for column in columns}


def _at(when: Any) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
