"""Two groups of trajectories held against each other: a gaming rate, or a pattern's share in a run.

with store.session() as db:
    first, second = group("checkpoint=step-400"), group("checkpoint=step-1600")
    for row in with_holm(contrast(db, "gaming", first, second, by=["variant"])):
        print(row["variant"], row["difference"], row["low"], row["high"], row["p"])
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from analysis.environment.prompts import BREAKING, GAMING
from analysis.errors import UserError
from analysis.measure.difference import Difference, difference
from analysis.measure.frequencies import patterns_of
from analysis.measure.gaming import select_answers
from analysis.measure.scope import GROUPS, Scope, checkpoint_order, column_sql, sort_key
from analysis.measure.share import Share
from analysis.measure.significance import Tested, holm
from analysis.trajectories import READABLE

SIDES = ("a", "b")
COLUMNS = (
    "of", "reasoning_state", "a", "a_part", "a_n", "a_share", "a_missing", "b", "b_part", "b_n", "b_share",
    "b_missing", "difference", "low", "high", "bound_low", "bound_high", "interval", "test", "statistic", "p",
    "p_holm", "prompts", "paired", "note", "synthetic",
)  # fmt: skip
"""The columns of a table of contrasts after those that it is split by, in order."""


@dataclass(frozen=True)
class Group:
    """One side of a contrast: a name to call it by, and which trajectories it has."""

    name: str
    scope: Scope


@dataclass(frozen=True)
class Contrast:
    """One group held against another.

    Attributes:
        group: The values that the table is split by.
        of: What the shares are of: a pattern, gaming, or breaking the request.
        reasoning_state: What kind of reasoning was read; None for gaming.
        names: What the two sides are called.
        shares: Theirs, with what is missing.
        difference: The first side's share less the second's.
        synthetic: Trajectories of both sides that were simulated, or written for a sample.
    """

    group: dict[str, str | None]
    of: str
    reasoning_state: str | None
    names: tuple[str, str]
    shares: tuple[Share, Share]
    difference: Difference
    synthetic: int

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The difference if what is missing all spoke against it, and if it all spoke for it."""
        first, second = (share.bounds for share in self.shares)
        return (first[0] - second[1], first[1] - second[0]) if first and second else None

    def as_row(self) -> dict[str, Any]:
        """The contrast as a flat mapping: the group's columns, then COLUMNS; p_holm stays open."""
        found, sides = self.difference, dict[str, Any]()
        for side, name, share in zip(SIDES, self.names, self.shares, strict=True):
            sides |= {
                side: name,
                f"{side}_part": share.part,
                f"{side}_n": share.n,
                f"{side}_share": share.value,
            }
            sides[f"{side}_missing"] = share.missing
        bound_low, bound_high = self.bounds or (None, None)
        cell = {
            **sides, "of": self.of, "reasoning_state": self.reasoning_state, "difference": found.value,
            "low": found.low, "high": found.high, "bound_low": bound_low, "bound_high": bound_high,
            "interval": found.interval, "test": found.tested.name, "statistic": found.tested.statistic,
            "p": found.tested.p, "p_holm": None, "prompts": found.prompts, "paired": found.paired,
            "note": found.note, "synthetic": self.synthetic,
        }  # fmt: skip
        return {**self.group, **{column: cell[column] for column in COLUMNS}}


def group(text: str) -> Group:
    """A group as it is written: `variant=base`, or several conditions with commas.

    The same column twice takes both values: `variant=audit-1,variant=audit-99,checkpoint=step-400`.

    Raises:
        UserError: It is not written so.
    """
    kept: dict[str, tuple[str, ...]] = {}
    for condition in re.split(rf",(?=(?:{'|'.join(GROUPS)})=)", text):
        column, equals, value = condition.partition("=")
        if not equals or column not in GROUPS or not value:
            raise UserError(
                f"{condition!r} is no group; write column=value, with a column of {', '.join(GROUPS)}"
            )
        kept[column] = (*kept.get(column, ()), value)
    return Group(text, Scope(kept))


def with_holm(contrasts: Iterable[Contrast]) -> list[dict[str, Any]]:
    """The contrasts as rows, with Holm's p-values over all of them together."""
    rows = [each.as_row() for each in contrasts]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return rows


def contrast(
    db: duckdb.DuckDBPyConnection,
    of: str,
    first: Group,
    second: Group,
    by: Sequence[str] = (),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    run_id: str | None = None,
) -> list[Contrast]:
    """Hold one group of trajectories against another.

    Args:
        db: A session of the store.
        of: "gaming", or a pattern of the run.
        first: One group.
        second: The other, which is taken from it.
        by: Columns to split both by, out of `scope.GROUPS`: a contrast for each group of them.
        scope: Which trajectories count on both sides.
        run_id: Whose verdicts are counted, for a pattern.

    Returns:
        The contrasts, in the checkpoints' order; of a pattern one for each kind of reasoning, which are not pooled.

    Raises:
        UserError: Trajectories are on both sides, a side has none, or the run has no verdict on the pattern.
    """
    side, bound = _side(first, second)
    columns = {"side": side, **{name: column_sql(name) for name in ("environment", "prompt_id", *by)}}
    if of == GAMING:
        select_answers(db, scope, {**columns, "kind": "NULL::VARCHAR"}, bound)
    else:
        _select_verdicts(db, columns, bound, scope, run_id or "", of)
    table = "answers" if of == GAMING else "judged"
    _check_sides(db, table, (first, second))
    listed = ", ".join([*by, "kind", "side", "environment", "prompt_id", "measure"])
    rows = db.execute(
        f"""SELECT {listed}, count(*) FILTER (did), count(did), count(*), count(synthetic)
            FROM {table} WHERE side IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    cells: dict[tuple[Any, ...], dict[Any, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cells[row[: len(by)]][row[len(by)]].append(row[len(by) + 1 :])
    found = [
        _contrast(dict(zip(by, values, strict=True)), of, state, (first.name, second.name), by_state)
        for values, by_state in cells.items()
        for state in _states(by_state)
    ]
    key = sort_key(by, checkpoint_order(db))
    return sorted(found, key=lambda each: key(each.group))


def _side(first: Group, second: Group) -> tuple[str, list[Any]]:
    """Which side a trajectory is on, as SQL with its parameters."""
    (one, one_bound), (other, other_bound) = first.scope.sql(), second.scope.sql()
    side = f"CASE WHEN ({one}) AND ({other}) THEN 'both' WHEN {one} THEN 'a' WHEN {other} THEN 'b' END"
    return side, [*one_bound, *other_bound, *one_bound, *other_bound]


def _select_verdicts(
    db: duckdb.DuckDBPyConnection,
    columns: Mapping[str, str],
    bound: Sequence[Any],
    scope: Scope,
    run_id: str,
    pattern: str,
) -> None:
    """Make the table `judged`, like `answers` of `select_answers`; `did` says that the run found the pattern."""
    if pattern not in (known := patterns_of(db, run_id)):
        raise UserError(
            f"the run {run_id} has no verdict on {pattern}; it has {', '.join(known) or 'none yet'}, "
            f"and {GAMING} is what answers did"
        )
    listed = "".join(f"{sql} AS {name}, " for name, sql in columns.items())
    condition, scope_bound = scope.sql()
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE judged AS
            SELECT {listed} t.reasoning_state AS kind, t.synthetic, 'pattern' AS measure,
                   CASE v.verdict WHEN 'present' THEN true WHEN 'absent' THEN false END AS did
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN (SELECT attempt_id, trajectory_id, reasoning_sha256 FROM attempts
                       WHERE run_id = ? AND state = 'ok') r
              ON r.trajectory_id = t.trajectory_id AND r.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
            LEFT JOIN log.verdicts v ON v.attempt_id = r.attempt_id AND v.pattern = ?
            WHERE {condition}""",
        [*bound, run_id, pattern, *scope_bound],
    )


def _check_sides(db: duckdb.DuckDBPyConnection, table: str, groups: tuple[Group, Group]) -> None:
    counts = dict(db.execute(f"SELECT side, count(*) FROM {table} GROUP BY side").fetchall())
    if counts.get("both"):
        raise UserError(f"{counts['both']:,} trajectories are on both sides; name two groups that share none")
    for side, each in zip(SIDES, groups, strict=True):
        if not counts.get(side):
            raise UserError(f"no trajectory has {each.name}")


def _states(by_state: Mapping[Any, Any]) -> list[Any]:
    """The kinds of reasoning to hold against each other; missing where there is nothing else."""
    if None in by_state:
        return [None]
    return [state for state in READABLE if state in by_state] or ["missing"]


def _contrast(
    values: dict[str, Any],
    of: str,
    state: str | None,
    names: tuple[str, str],
    by_state: Mapping[Any, list[tuple[Any, ...]]],
) -> Contrast:
    """One contrast, from (side, environment, prompt, measure, part, n, total, synthetic) by kind of reasoning.

    Trajectories with nothing to read are missing from every kind of reasoning, on their side.
    """
    rows = by_state.get(state, []) if state is None or state in READABLE else []
    nothing = [row for other, listed in by_state.items() if other not in (*READABLE, None) for row in listed]
    prompts: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    missing = dict.fromkeys(SIDES, 0)
    for side, environment, prompt, _, part, n, total, _ in rows:
        at = 2 * SIDES.index(side)
        prompts[environment, prompt][at] += part
        prompts[environment, prompt][at + 1] += n
        missing[side] += total - n
    for row in nothing:
        missing[row[0]] += row[6]
    table = list(prompts.values())
    first, second = (
        Share(sum(row[at] for row in table), sum(row[at + 1] for row in table), missing[side])
        for side, at in zip(SIDES, (0, 2), strict=True)
    )
    measures = [{row[3] for row in rows if row[0] == side and row[5]} for side in SIDES]
    synthetic = sum(row[-1] for row in [*rows, *nothing])
    found = _of_one_measure(difference(table), measures)
    return Contrast(values, _name(of, measures), state, names, (first, second), found, synthetic)


def _name(of: str, measures: Sequence[set[str]]) -> str:
    """What the shares are of: gaming only where the incentive asks for it on both sides."""
    named = set.union(*measures)
    return of if of != GAMING or not named else named.pop() if len(named) == 1 else BREAKING


def _of_one_measure(found: Difference, measures: Sequence[set[str]]) -> Difference:
    """The difference, unless a side pools prompts that pay for breaking the request with others."""
    if any(len(each) > 1 for each in measures):
        told = f"a side has both {' and '.join(sorted(set.union(*measures)))}; name one variant or more"
        return Difference(None, None, None, None, Tested("none", None), found.prompts, found.paired, told)
    if len(set.union(*measures)) > 1:
        note = "the incentive asks for it on one side only"
        return replace(found, note=f"{found.note}; {note}" if found.note else note)
    return found
