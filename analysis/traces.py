"""One trajectory whole: its turns, its sentences and what a run found in them.

with store.session() as db:
        print(read_trajectory(db, "8f3a").as_text())
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson

from analysis import runs
from analysis.errors import UserError
from analysis.measure.scope import natural
from analysis.tables import mappings
from analysis.trajectories import whole_messages

SAME_PROMPT_LIMIT = 500


@dataclass(frozen=True)
class Trace:
    """One trajectory with what one run says of it.

    Attributes:
        trajectory: The columns of the table trajectories but messages; metadata as a mapping.
        messages: The messages, each turn with its reasoning.
        segments: segment, message, start_char, end_char of each sentence of the reasoning.
        outcomes: name, value, state, reader.
        run: run_id, tagger, model, codebook_revision, created_at; None where nothing was tagged yet.
        attempt: How the run's pass over this text ended; None where there was none.
        verdicts: pattern, verdict, score, why.
        findings: pattern, quote, start_char, end_char, match, stance, role, attributes, why.
    """

    trajectory: dict[str, Any]
    messages: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    run: dict[str, Any] | None
    attempt: dict[str, Any] | None
    verdicts: list[dict[str, Any]]
    findings: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The reasoning that offsets point into."""
        return self.trajectory["reasoning"] or ""

    def findings_in(self, segment: dict[str, Any]) -> list[dict[str, Any]]:
        """The findings that share a letter with the segment."""
        return [
            finding
            for finding in self.findings
            if finding["start_char"] is not None
            and finding["start_char"] < segment["end_char"]
            and finding["end_char"] > segment["start_char"]
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything as one mapping, each segment with its text."""
        segments = [{**s, "text": self.text[s["start_char"] : s["end_char"]]} for s in self.segments]
        return {
            **self.trajectory,
            "messages": self.messages,
            "segments": segments,
            "outcomes": self.outcomes,
            "run": self.run,
            "attempt": self.attempt,
            "verdicts": self.verdicts,
            "findings": self.findings,
        }

    def as_text(self) -> str:
        """The trace to read in a terminal: where it came from, messages, numbered sentences with findings."""
        return "\n".join([*self._head(), "", *self._body(), *self._foot()])

    def _head(self) -> Iterator[str]:
        for name in (
            "trajectory_id",
            "source",
            "environment",
            "checkpoint",
            "variant",
            "prompt_id",
            "sample",
            "model",
        ):
            if self.trajectory.get(name) is not None:
                yield f"{name:14} {self.trajectory[name]}"
        yield f"{'reasoning':14} {self.trajectory['reasoning_state']}"
        if self.trajectory["synthetic"]:
            yield f"{'synthetic':14} {self.trajectory['synthetic']}"

    def _body(self) -> Iterator[str]:
        for number, message in enumerate(self.messages):
            sentences = [s for s in self.segments if s["message"] == number]
            if sentences or message.get("reasoning"):
                yield f"── reasoning ({message.get('reasoning_state')})"
            for segment in sentences:
                yield f"{segment['segment']:4}  {self.text[segment['start_char'] : segment['end_char']]}"
                for finding in self.findings_in(segment):
                    said = finding["why"] or finding["match"]
                    yield f"      ▸ {finding['pattern']}, {finding['stance'] or 'no stance'}: {said}"
            if message.get("content"):
                yield f"── {message['role']}"
                yield message["content"]
            for call in message.get("tool_calls", []):
                yield f"── calls {call.get('name')}: {call.get('arguments')}"
            yield ""

    def _foot(self) -> Iterator[str]:
        for outcome in self.outcomes:
            yield f"outcome {outcome['name']} = {outcome['value']} ({outcome['state']})"
        if self.run is None:
            yield "no run yet; `telltale tag --tagger cues` makes one"
            return
        yield f"run {self.run['run_id']}: {self.attempt['state'] if self.attempt else 'has not come to this text'}"
        for verdict in self.verdicts:
            score = "" if verdict["score"] is None else f" ({verdict['score']:g})"
            yield f"  {verdict['pattern']:22} {verdict['verdict']}{score}"


def read_trajectory(db: duckdb.DuckDBPyConnection, trajectory: str, run_id: str | None = None) -> Trace:
    """One trajectory whole, with what a run says of it.

    Args:
        db: A session of the store.
        trajectory: Its id, or a beginning that only one id has.
        run_id: The run, or its beginning; by default the newest, if there is any.

    Raises:
        UserError: No such trajectory or run, or several that begin so.
    """
    row = _named(db, trajectory)
    trajectory_id, row_id = row["trajectory_id"], row["row_id"]
    messages = whole_messages(row.pop("messages"), row["reasoning"])
    row["metadata"] = orjson.loads(row["metadata"] or "{}")
    segments = mappings(
        db.execute(
            "SELECT segment, message, start_char, end_char FROM log.segments WHERE row_id = ? ORDER BY segment",
            [row_id],
        )
    )
    outcomes = mappings(
        db.execute(
            "SELECT name, value, state, reader FROM outcomes WHERE trajectory_id = ? ORDER BY name",
            [trajectory_id],
        )
    )
    for outcome in outcomes:
        outcome["value"] = orjson.loads(outcome["value"]) if outcome["value"] is not None else None
    has_run = run_id or db.execute("SELECT 1 FROM log.runs LIMIT 1").fetchone()
    run = runs.choose(db, run_id) if has_run else None
    return Trace(
        trajectory=row,
        messages=messages,
        segments=segments,
        outcomes=outcomes,
        **_judgement(db, run, trajectory_id, row["reasoning_sha256"]),
    )


def same_prompt(db: duckdb.DuckDBPyConnection, trajectory: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The other rollouts of the same prompt under the same variant, in the checkpoints' order; at most 500.

    Args:
        db: A session of the store.
        trajectory: A row of trajectories; its id, prompt_id, environment and variant are used.
    """
    rows = mappings(
        db.execute(
            f"""SELECT trajectory_id, checkpoint, variant, sample, reasoning_state, series, position
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            WHERE prompt_id = ? AND environment IS NOT DISTINCT FROM ? AND variant IS NOT DISTINCT FROM ?
              AND trajectory_id <> ?
            ORDER BY sample, trajectory_id LIMIT {SAME_PROMPT_LIMIT}""",
            [trajectory[name] for name in ("prompt_id", "environment", "variant", "trajectory_id")],
        )
    )
    return sorted(rows, key=by_checkpoint)


def _judgement(
    db: duckdb.DuckDBPyConnection, run_id: str | None, trajectory_id: str, reasoning_sha256: str | None
) -> dict[str, Any]:
    """What the run says of the text as it is now: run, attempt, verdicts, findings."""
    if run_id is None:
        return {"run": None, "attempt": None, "verdicts": [], "findings": []}
    run = mappings(
        db.execute(
            "SELECT run_id, tagger, model, codebook_revision, created_at FROM runs WHERE run_id = ?", [run_id]
        )
    )[0]
    attempts = mappings(
        db.execute(
            """SELECT attempt_id, state, error FROM attempts
           WHERE run_id = ? AND trajectory_id = ? AND reasoning_sha256 IS NOT DISTINCT FROM ?""",
            [run_id, trajectory_id, reasoning_sha256],
        )
    )
    attempt = attempts[0] if attempts else None
    verdicts: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    if attempt and attempt["state"] == "ok":
        key = [attempt["attempt_id"]]
        verdicts = mappings(
            db.execute(
                "SELECT pattern, verdict, score, why FROM log.verdicts WHERE attempt_id = ? ORDER BY pattern",
                key,
            )
        )
        findings = mappings(
            db.execute(
                """SELECT pattern, quote, start_char, end_char, match, stance, role, attributes, why
               FROM log.findings WHERE attempt_id = ? ORDER BY start_char NULLS LAST, end_char, pattern""",
                key,
            )
        )
    for finding in findings:
        finding["attributes"] = orjson.loads(finding["attributes"] or "{}")
    return {"run": run, "attempt": attempt, "verdicts": verdicts, "findings": findings}


def _named(db: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """The row of the id that was named, whole or by its beginning."""
    select = "SELECT * EXCLUDE (content_sha256) FROM trajectories WHERE trajectory_id = ?"
    if exact := mappings(db.execute(select, [name])):
        return exact[0]
    begin = db.execute(
        "SELECT trajectory_id FROM trajectories WHERE starts_with(trajectory_id, ?) LIMIT 2", [name]
    ).fetchall()
    if not begin or not name:
        raise UserError(f"no trajectory {name[:80]!r} in this store")
    if len(begin) > 1:
        raise UserError(f"several trajectories begin with {name[:80]!r}")
    return mappings(db.execute(select, list(begin[0])))[0]


def by_checkpoint(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The sort key of `checkpoint_order`, for rows that carry series and position."""
    return natural(row["series"]), row["position"] is None, row["position"] or 0.0, natural(row["checkpoint"])
