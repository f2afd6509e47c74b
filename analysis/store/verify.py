"""Whether a store says the truth about itself: offsets, quotes, hashes, orphans, doubles, and the books of attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from analysis.store.sessions import Store
from analysis.trajectories import READABLE, TURN_SEPARATOR

EXAMPLES = 3


@dataclass(frozen=True)
class Check:
    """One statement that holds of a sound store.

    Attributes:
        name: What is checked.
        checked: SQL for how many rows it is about.
        broken: SQL for the rows that break it, with one column that says where.
    """

    name: str
    checked: str
    broken: str


@dataclass(frozen=True)
class Finding:
    """What a check found: how many rows it looked at, how many break it, and where the first of them are."""

    check: str
    checked: int
    broken: int
    examples: tuple[str, ...] = ()


_TEXTS = "(SELECT reasoning_sha256, any_value(reasoning) AS reasoning FROM log.trajectories GROUP BY ALL)"
_QUOTES = f"""(
    SELECT f.*, t.reasoning FROM log.findings f
    JOIN log.attempts a USING (attempt_id) JOIN {_TEXTS} t ON t.reasoning_sha256 = a.reasoning_sha256
    WHERE f.match <> 'rejected')"""
_SAID = f"""(
    SELECT e.*, t.reasoning FROM log.label_events e JOIN {_TEXTS} t USING (reasoning_sha256)
    WHERE e.quote IS NOT NULL AND e.start_char IS NOT NULL)"""
_STANDS = "substring(reasoning, start_char + 1, end_char - start_char) = quote AND start_char >= 0 AND start_char < end_char"

CHECKS = (
    Check(
        "texts have the hashes that are stored with them",
        "SELECT count(reasoning) FROM log.trajectories",
        """SELECT trajectory_id FROM log.trajectories WHERE reasoning IS NOT NULL
           AND sha256(reasoning) IS DISTINCT FROM reasoning_sha256""",
    ),
    Check(
        "turns fill the reasoning of their trajectory",
        "SELECT count(*) FROM turns",
        f"""SELECT trajectory_id FROM trajectories JOIN
            (SELECT row_id, sum(length(reasoning)) + {len(TURN_SEPARATOR)} * (count(*) - 1) AS size FROM turns
             WHERE list_contains({list(READABLE)}, reasoning_state) AND reasoning <> '' GROUP BY row_id) USING (row_id)
            WHERE size IS DISTINCT FROM length(reasoning)""",
    ),
    Check(
        "each row of a trajectory has a number of its own",
        "SELECT count(*) FROM log.trajectories",
        "SELECT any_value(trajectory_id) FROM log.trajectories GROUP BY row_id HAVING count(*) > 1",
    ),
    Check(
        "segments lie within their text, one after another",
        "SELECT coalesce(sum(len(start_char)), 0) FROM log.cuts",
        """SELECT c.trajectory_id FROM log.cuts c JOIN log.trajectories t USING (row_id)
           WHERE len(start_char) <> len(end_char) OR len(start_char) <> len(message)
              OR (len(start_char) > 0 AND (list_min(start_char) < 0 OR end_char[-1] > length(reasoning)))
              OR len(list_filter(range(1, len(start_char) + 1), n -> start_char[n] >= end_char[n])) > 0
              OR len(list_filter(range(2, len(start_char) + 1), n -> start_char[n] < end_char[n - 1])) > 0""",
    ),
    Check(
        "each readable text is cut into segments, once",
        "SELECT count(reasoning) FROM log.trajectories",
        """SELECT t.trajectory_id FROM log.trajectories t
           LEFT JOIN (SELECT row_id, count(*) AS n FROM log.cuts GROUP BY ALL) c USING (row_id)
           WHERE length(trim(reasoning)) > 0 AND coalesce(n, 0) <> 1""",
    ),
    Check(
        "segments belong to a text",
        "SELECT count(*) FROM log.cuts",
        "SELECT trajectory_id FROM log.cuts WHERE row_id NOT IN (SELECT row_id FROM log.trajectories)",
    ),
    Check(
        "findings quote what the text has at their offsets",
        f"SELECT count(*) FROM {_QUOTES}",
        f"SELECT concat(run_id, ' ', trajectory_id) FROM {_QUOTES} WHERE NOT coalesce({_STANDS}, false)",
    ),
    Check(
        "rejected quotes have no offsets",
        "SELECT count(*) FROM log.findings WHERE match = 'rejected'",
        """SELECT concat(run_id, ' ', trajectory_id) FROM log.findings
           WHERE match = 'rejected' AND start_char IS NOT NULL""",
    ),
    Check(
        "people quote what the text has at their offsets",
        f"SELECT count(*) FROM {_SAID}",
        f"""SELECT concat(annotator, ' ', trajectory_id) FROM {_SAID}
            WHERE op IN ('add_quote', 'edit_quote') AND NOT coalesce({_STANDS}, false)""",
    ),
    Check(
        "an event that is there twice says the same twice",
        "SELECT count(*) FROM log.label_events",
        """SELECT event_id FROM log.label_events GROUP BY event_id
           HAVING count(DISTINCT (annotator, trajectory_id, op, pattern, old, new, quote, start_char, end_char)) > 1""",
    ),
    Check(
        "people's events are about trajectories that are there",
        "SELECT count(DISTINCT trajectory_id) FROM log.label_events",
        """SELECT DISTINCT trajectory_id FROM log.label_events
           WHERE trajectory_id NOT IN (SELECT trajectory_id FROM log.trajectories)""",
    ),
    Check(
        "what is undone is there to be undone",
        "SELECT count(*) FROM log.label_events WHERE op = 'revert'",
        """SELECT event_id FROM log.label_events
           WHERE op = 'revert' AND old NOT IN (SELECT event_id FROM log.label_events)""",
    ),
    Check(
        "attempts are of a run",
        "SELECT count(*) FROM log.attempts",
        "SELECT DISTINCT run_id FROM log.attempts WHERE run_id NOT IN (SELECT run_id FROM log.runs)",
    ),
    Check(
        "verdicts and findings are of an attempt",
        "SELECT (SELECT count(*) FROM log.verdicts) + (SELECT count(*) FROM log.findings)",
        """SELECT concat(run_id, ' ', trajectory_id) FROM (FROM log.verdicts SELECT run_id, trajectory_id, attempt_id
           UNION ALL FROM log.findings SELECT run_id, trajectory_id, attempt_id)
           WHERE attempt_id NOT IN (SELECT attempt_id FROM log.attempts)""",
    ),
    Check(
        "an attempt gives one verdict a pattern",
        "SELECT count(*) FROM log.verdicts",
        """SELECT concat(any_value(run_id), ' ', any_value(trajectory_id), ' ', pattern) FROM log.verdicts
           GROUP BY attempt_id, pattern HAVING count(*) > 1""",
    ),
    Check(
        "only attempts that ended ok have verdicts",
        "SELECT count(*) FROM log.attempts WHERE state <> 'ok'",
        """SELECT DISTINCT concat(run_id, ' ', trajectory_id) FROM log.attempts
           WHERE state <> 'ok' AND attempt_id IN (SELECT attempt_id FROM log.verdicts)""",
    ),
    Check(
        "the books of each run balance: attempts by end state add up to trajectories tried",
        "SELECT count(*) FROM runs",
        """SELECT run_id FROM (SELECT run_id, count(*) AS ended FROM attempts WHERE state IS NOT NULL GROUP BY ALL)
           FULL JOIN (SELECT run_id, count(DISTINCT trajectory_id) AS tried FROM log.attempts GROUP BY ALL)
           USING (run_id) WHERE ended IS DISTINCT FROM tried""",
    ),
    Check(
        "queues' items are of a queue, with a probability between 0 and 1",
        "SELECT count(*) FROM log.queue_items",
        """SELECT concat(queue_id, ' ', trajectory_id) FROM log.queue_items
           WHERE queue_id NOT IN (SELECT queue_id FROM log.queues) OR probability NOT BETWEEN 0 AND 1""",
    ),
    Check(
        "members of clusters are of a clustering",
        "SELECT count(*) FROM log.cluster_members",
        """SELECT DISTINCT clustering_id FROM log.cluster_members
           WHERE clustering_id NOT IN (SELECT clustering_id FROM log.clusterings)""",
    ),
)


def verify(store: Store) -> Iterator[Finding]:
    """Make every check, one after another, each in a session of its own.

    Yields:
        What each check found; `broken` is 0 in a sound store.
    """
    for check in CHECKS:
        with store.session() as db:
            yield _made(db, check)


def _made(db: duckdb.DuckDBPyConnection, check: Check) -> Finding:
    def one(sql: str) -> int:
        row = db.execute(sql).fetchone()
        return int(row[0]) if row else 0

    broken = one(f"SELECT count(*) FROM ({check.broken})")
    examples = db.execute(f"{check.broken} LIMIT {EXAMPLES}").fetchall() if broken else []
    return Finding(check.name, one(check.checked), broken, tuple(str(each) for (each,) in examples))
