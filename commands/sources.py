"""quarantine and drop: what was set aside of each source, and sources out of sight."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, printable, with_store

SOURCES = """
    SELECT source, sum(n)::BIGINT FROM (
        SELECT source, count(*) AS n FROM trajectories GROUP BY source
        UNION ALL SELECT DISTINCT source, 0 FROM quarantine)
    GROUP BY source ORDER BY source
"""
"""Every source with the number of its trajectories; none of one of which all was set aside."""


@click.command()
@click.option("--source", help="Only those of this source.")
@with_store
def quarantine(store: Store, as_json: bool, source: str | None) -> int:
    """List what ingest set aside: where it stands and why."""
    with store.session() as db:
        rows = db.execute(
            "SELECT source, line, reason, excerpt FROM quarantine WHERE ? IS NULL OR source = ? ORDER BY ALL",
            [source] * 2,
        ).fetchall()
    columns = ("source", "line", "reason", "excerpt")
    listed = [dict(zip(columns, row, strict=True)) for row in rows]
    emit(listed, "json" if as_json else "table", columns if as_json else columns[:3])
    return 0


@click.command()
@click.option("--source", "sources", required=True, multiple=True, metavar="SOURCE",
              help="The source that is retracted, or a pattern such as 'runs/*'. May be repeated.")  # fmt: skip
@click.option("--reason", default="dropped by hand", help="Kept with the retraction.")
@click.option("--dry-run", is_flag=True, help="Say what would be retracted; retract nothing.")
@with_store
def drop(store: Store, as_json: bool, sources: tuple[str, ...], reason: str, dry_run: bool) -> int:
    """Retract all trajectories of sources. Their rows are kept; nothing shows them any more.

    What ingest set aside of these sources goes from the quarantine too. Ingest the files again to have them back.
    """
    from analysis.store import append
    from analysis.store.rows import now

    with store.transaction() as db:
        held = dict(db.execute(SOURCES).fetchall())
        chosen = list(dict.fromkeys(name for given in sources for name in _matching(given, held)))
        rows = [{"source": name, "retracted": held[name]} for name in chosen]
        if not dry_run:
            append(
                db,
                "retractions",
                [{"source": name, "reason": reason, "created_at": now()} for name in chosen],
            )
    emit(rows, "json" if as_json else "table")
    total = f"{len(rows):,} source{'s' * (len(rows) != 1)} with {sum(held[name] for name in chosen):,} trajectories"
    click.echo(f"{total} would be retracted; nothing was" if dry_run else f"retracted {total}", err=True)
    return 0


def _matching(given: str, held: dict[str, int]) -> list[str]:
    """The sources that a name or a pattern stands for; a name goes before a pattern."""
    found = [given] if given in held else [name for name in held if fnmatchcase(name, given)]
    if not found:
        names = ", ".join(map(printable, list(held)[:10])) or "none"
        raise UserError(f"no trajectory has the source {given}; there are {names}")
    return found
