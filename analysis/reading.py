"""What a page or a notebook lists: counts to filter by, and trajectories that pass a filter.

    with store.session() as db:
        found = matching(db, Filter(text="honeypot", run_id=run, pattern="eval_aware", verdict="present"))
        for row in excerpts(db, found[:50]):
            print(row["checkpoint"], row["excerpt"])

A list is narrow: row numbers first, then a few columns and an excerpt of the rows that are looked at. Only
`analysis.traces.read_trajectory` loads a whole text, of one trajectory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import re2

from analysis.errors import UserError
from analysis.measure.scope import Scope, checkpoint_order, current_trajectories
from analysis.tables import mappings
from analysis.traces import by_checkpoint

VERDICTS = ("present", "absent", "unsure", "none")
"""What a list can be narrowed to; none: the run has no verdict on the text as it is now."""
PLACES = ("reasoning", "answer", "prompt")
"""Where a search can look."""
EXCERPT = 180
"""Letters of an excerpt."""
BEFORE_MATCH = 50
"""Letters that an excerpt shows before what was searched for."""

RowIds = npt.NDArray[np.uint64]

# The attempts of a run that ended ok, joined where their text is the text that the trajectory has now.
_ATTEMPT = """LEFT JOIN (SELECT attempt_id, trajectory_id, reasoning_sha256 FROM attempts
                         WHERE run_id = ? AND state = 'ok') a
              ON a.trajectory_id = t.trajectory_id AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256"""
_PROMPT_KEY = "(t.source, coalesce(t.environment, ''), coalesce(t.variant, ''), coalesce(t.prompt_id, ''))"


@dataclass(frozen=True)
class Filter:
    """Which trajectories a list holds.

    Attributes:
        scope: The values that are kept, column by column.
        run_id, pattern, verdict: What the run says of the pattern; all three or none.
        text: What to search for, in any case; empty searches for nothing.
        regex: Whether `text` is an RE2 expression.
        places: Where to look for it, out of PLACES. Rollouts that share a prompt id share the prompt's text.
    """

    scope: Scope = field(default_factory=Scope)
    run_id: str | None = None
    pattern: str | None = None
    verdict: str | None = None
    text: str = ""
    regex: bool = False
    places: tuple[str, ...] = ("reasoning",)

    def expression(self) -> str:
        """The search as an RE2 expression.

        Raises:
            UserError: It is none.
        """
        if not self.regex:
            return str(re2.escape(self.text))
        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(self.text, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise UserError(f"the search is no regular expression (RE2): {reason}") from None
        return self.text


@dataclass(frozen=True)
class Facets:
    """How many trajectories there are of each combination of values.

    Attributes:
        rows: Mappings of checkpoint, series, environment, variant, reasoning_state, synthetic and count.
        checkpoints: The checkpoints in their order.
    """

    rows: list[dict[str, Any]]
    checkpoints: list[str]

    def counts(self, column: str, **kept: Iterable[str]) -> dict[str, int]:
        """Trajectories by the column's value, checkpoints in their order, others by name.

        Args:
            column: One of the columns of `rows`.
            kept: For other columns, the values that count; an empty selection keeps all.
        """
        counted: Counter[str] = Counter()
        for row in self._within(kept):
            if row[column] is not None:
                counted[row[column]] += row["count"]
        order = self.checkpoints if column == "checkpoint" else sorted(counted)
        return {value: counted[value] for value in order if value in counted}

    def total(self, **kept: Iterable[str]) -> int:
        """Trajectories with these values."""
        return sum(row["count"] for row in self._within(kept))

    def _within(self, kept: Mapping[str, Iterable[str]]) -> Iterable[dict[str, Any]]:
        chosen = {column: set(values) for column, values in kept.items()}
        return (row for row in self.rows if all(not v or row[c] in v for c, v in chosen.items()))


def facets(db: duckdb.DuckDBPyConnection) -> Facets:
    """Count the store's trajectories by what they can be filtered by."""
    rows = mappings(
        db.execute(f"""SELECT t.checkpoint, c.series, c.position, t.environment, t.variant, t.reasoning_state, t.synthetic,
                  count(*) AS count
           FROM {current_trajectories(db)} t LEFT JOIN checkpoints c ON c.name = t.checkpoint GROUP BY ALL""")
    )
    rows.sort(key=by_checkpoint)
    return Facets(
        rows, list(dict.fromkeys(row["checkpoint"] for row in rows if row["checkpoint"] is not None))
    )


def patterns_of(db: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """The patterns that a run has verdicts on."""
    rows = db.execute(
        "SELECT DISTINCT pattern FROM verdicts WHERE run_id = ? ORDER BY 1", [run_id]
    ).fetchall()
    return [pattern for (pattern,) in rows]


def matching(
    db: duckdb.DuckDBPyConnection,
    wanted: Filter = Filter(),
    checkpoints: Sequence[str] | None = None,
) -> RowIds:
    """The rows of the trajectories that pass the filter.

    Args:
        db: A session of the store.
        wanted: The filter.
        checkpoints: Their order, where it is known already (`Facets.checkpoints`).

    Returns:
        `row_id`s, shape (matches,): by checkpoint in order, then variant, prompt, sample and id.

    Raises:
        UserError: The search is no RE2 expression.
    """
    terms, bound = [], []
    condition, scope_bound = wanted.scope.sql()
    if wanted.pattern and wanted.verdict:
        verdict = "SELECT 1 FROM log.verdicts v WHERE v.attempt_id = a.attempt_id AND v.pattern = ?"
        bound.append(wanted.run_id or "")
        if wanted.verdict == "none":
            terms.append(f"NOT EXISTS ({verdict})")
            scope_bound.append(wanted.pattern)
        else:
            terms.append(f"EXISTS ({verdict} AND v.verdict = ?)")
            scope_bound += [wanted.pattern, wanted.verdict]
    if wanted.text:
        found, search_bound = _search(wanted)
        terms.append(found)
        scope_bound += search_bound
    order = [name or "" for name in (checkpoint_order(db) if checkpoints is None else checkpoints)]
    try:
        result = db.execute(
            f"""SELECT t.row_id FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
                {_ATTEMPT if bound else ""}
                WHERE {" AND ".join([condition, *terms])}
                ORDER BY list_position(?, coalesce(t.checkpoint, '')), t.variant, t.prompt_id, t.sample, t.trajectory_id""",
            [*bound, *scope_bound, order],
        ).fetchnumpy()
    except duckdb.InvalidInputException as error:
        raise UserError(f"the search can't be run: {str(error).splitlines()[0]}") from None
    return np.asarray(result["row_id"], dtype=np.uint64)


def excerpts(
    db: duckdb.DuckDBPyConnection,
    row_ids: Sequence[int] | RowIds,
    wanted: Filter = Filter(),
) -> list[dict[str, Any]]:
    """A few columns and an excerpt of each row, in the order given.

    Args:
        db: A session of the store.
        row_ids: A page of what `matching` returned.
        wanted: The same filter: an excerpt is cut where its search matches, and its run's present patterns are listed.
    """
    ids = [int(row_id) for row_id in row_ids]
    cut, bound = f"left(t.reasoning, {EXCERPT})", []
    if wanted.text:
        expression = wanted.expression()
        places = [f"t.{place}" for place in wanted.places if place != "prompt"]
        whens = " ".join(f"WHEN regexp_matches({p}, ?, 'i') THEN {_around(p)}" for p in places)
        cut = f"CASE {whens} ELSE {cut} END" if places else cut
        bound = [expression] * 3 * len(places)
    rows = mappings(
        db.execute(
            f"""SELECT t.row_id, t.trajectory_id, t.checkpoint, t.variant, t.environment, t.prompt_id, t.sample,
                   t.reasoning_state, t.synthetic, {cut} AS excerpt, left(t.answer, {EXCERPT}) AS answer
            FROM log.trajectories t WHERE list_contains(?::UBIGINT[], t.row_id)""",
            [*bound, ids],
        )
    )
    shown = _present_patterns(db, ids, wanted.run_id)
    by_id = {row["row_id"]: {**row, "patterns": shown.get(row["row_id"], [])} for row in rows}
    return [by_id[row_id] for row_id in ids if row_id in by_id]


def ids_of(db: duckdb.DuckDBPyConnection, row_ids: Sequence[int] | RowIds) -> list[str]:
    """The trajectory ids of rows, in the order given."""
    ids = [int(row_id) for row_id in row_ids]
    found = dict(
        db.execute(
            "SELECT row_id, trajectory_id FROM log.trajectories WHERE list_contains(?::UBIGINT[], row_id)",
            [ids],
        ).fetchall()
    )
    return [found[row_id] for row_id in ids]


def _search(wanted: Filter) -> tuple[str, list[Any]]:
    """The search as a condition over `t`, with its parameters."""
    expression = wanted.expression()
    terms: list[str] = []
    bound: list[Any] = []
    own = [
        f"regexp_matches(t.{place}, ?, 'i')" for place in wanted.places if place in ("reasoning", "answer")
    ]
    if own:
        # Texts are read in a scan of their own, of the rows that the filter keeps, and not carried through a join.
        kept, bound = Scope(
            {name: kept for name, kept in wanted.scope.values.items() if name != "series"}
        ).sql()
        terms = [
            f"t.row_id IN (SELECT t.row_id FROM log.trajectories t WHERE {kept} AND ({' OR '.join(own)}))"
        ]
        bound += [expression] * len(own)
    if "prompt" in wanted.places:
        # A prompt is read once, not once a rollout.
        terms.append(
            f"""{_PROMPT_KEY} IN
                (SELECT {_PROMPT_KEY} FROM log.trajectories t
                 WHERE t.row_id IN (SELECT min(t.row_id) FROM trajectories t GROUP BY {_PROMPT_KEY})
                   AND len(list_filter(from_json(t.messages, '[{{"role":"VARCHAR","content":"VARCHAR"}}]'),
                           lambda m: m.role <> 'assistant' AND regexp_matches(m.content, ?, 'i'))) > 0)"""
        )
    if not terms or not set(wanted.places) <= set(PLACES):
        raise UserError(f"a search looks in {', '.join(PLACES)}")
    return f"({' OR '.join(terms)})", bound + [expression] * ("prompt" in wanted.places)


def _around(column: str) -> str:
    start = f"greatest(1, strpos({column}, regexp_extract({column}, ?, 0, 'i')) - {BEFORE_MATCH})"
    return f"if({start} > 1, '…', '') || substr({column}, {start}, {EXCERPT})"


def _present_patterns(
    db: duckdb.DuckDBPyConnection, row_ids: list[int], run_id: str | None
) -> dict[int, list[str]]:
    if run_id is None or not row_ids:
        return {}
    rows = db.execute(
        f"""SELECT t.row_id, list(v.pattern ORDER BY v.pattern) FROM log.trajectories t {_ATTEMPT}
            JOIN log.verdicts v ON v.attempt_id = a.attempt_id AND v.verdict = 'present'
            WHERE list_contains(?::UBIGINT[], t.row_id) GROUP BY t.row_id""",
        [run_id, row_ids],
    ).fetchall()
    return dict(rows)
