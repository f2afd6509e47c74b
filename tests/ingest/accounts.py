"""What must be true of an ingest of any file: it ends, and each item of the file is accounted for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from analysis.errors import UserError
from analysis.ingest import FileReport, ingest, mapped, preview
from analysis.ingest.formats import MAPPED, named
from analysis.ingest.maps import FieldMap
from analysis.ingest.rows import Unreadable
from analysis.ingest.skipped import Skipped
from analysis.store import Store
from labels.imported import ImportedLabels, record_labeled

LONGEST_REFUSAL = 3_000
UNSOUND = """
    SELECT count(*) FROM log.trajectories
    WHERE NOT json_valid(messages) OR NOT json_valid(metadata) OR content_sha256 IS NULL OR trajectory_id IS NULL
       OR (reasoning IS NULL) = (reasoning_state IN ('text', 'summary', 'truncated'))
    UNION ALL
    SELECT count(*) FROM log.segments s JOIN log.trajectories t USING (row_id)
    WHERE NOT (0 <= start_char AND start_char < end_char AND end_char <= length(reasoning))
"""
"""How many rows and segments of a store contradict themselves."""
TABLES = (b"PAR1", b"ARRO", b"\xff\xff\xff\xff", b"PK\x03\x04")


def check(
    store: Store, path: Path, rules: dict[str, Any] | None = None, replace: bool = False
) -> FileReport | None:
    """Ingest a file and hold its report against the store and the file; then ingest it again and look at it dry.

    Returns:
        The report; None for a file that was refused.

    Raises:
        AssertionError: Something does not add up.
    """
    before, labels = held(store), ImportedLabels()
    try:
        [report] = ingest(
            store, [path], rules, replace=replace, labeled=lambda found: record_labeled(store, found, labels)
        )
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < LONGEST_REFUSAL, (
            f"a refusal of several lines: {error}"
        )
        assert held(store) == before, "a file that was refused left rows"
        return None
    rows, aside = (now - then for now, then in zip(held(store), before, strict=True))
    assert report.read == report.stored + report.already + report.replaced + report.conflicting, report
    assert report.items == report.read + report.joined + report.skipped + report.set_aside, report
    assert rows == report.stored + report.replaced, f"{rows} rows were written: {report}"
    assert aside == report.set_aside + report.conflicting, f"{aside} rows in quarantine: {report}"
    assert sound(store), "a stored row contradicts itself"
    assert labels.read >= labels.stored + len(labels.refused), labels
    check_lines(path, report, rules)
    [again] = ingest(store, [path], rules)
    assert (again.stored, again.read, again.items) == (0, report.read, report.items), (
        f"{again} after {report}"
    )
    dry = preview(path, rules, seconds=60).report
    for name in ("format", "items", "read", "joined", "skipped", "set_aside"):
        assert getattr(dry, name) == getattr(report, name), f"a dry run counts {dry}, ingest {report}"
    return report


def held(store: Store) -> tuple[int, int]:
    """How many rows the store has of trajectories and in quarantine, of all times."""
    if not store.exists():
        return 0, 0
    with store.session() as db:
        [row] = db.execute(
            "SELECT (SELECT count(*) FROM log.trajectories), (SELECT count(*) FROM log.quarantine)"
        ).fetchall()
    return row


def sound(store: Store) -> bool:
    """Whether all rows are valid and all segments stand in their texts."""
    with store.session() as db:
        return all(count == 0 for (count,) in db.execute(UNSOUND).fetchall())


def check_lines(path: Path, report: FileReport, rules: dict[str, Any] | None) -> None:
    """Hold what was counted of a file of lines against the lines, read without the code that is tested."""
    lines = object_lines(path)
    if lines is None:
        return
    assert report.items >= len(lines), f"{len(lines)} lines: {report}"
    if any(_several(line) for line in lines.values()):
        return
    seen: set[int | None] = set()
    joined = 0
    fields = FieldMap(rules) if rules else None
    found = (
        mapped.read(path, "s", fields)
        if fields and report.format == MAPPED
        else named(report.format).read(path, "s")
    )
    for each in found:
        if isinstance(each, Skipped) and each.joined:
            joined += each.count
        else:
            seen.add(each.line if isinstance(each, Unreadable) else each[1].line)
    assert seen <= lines.keys(), f"lines that are none: {sorted(map(str, seen - lines.keys()))[:5]}"
    assert len(seen) + joined == len(lines), (
        f"{len(seen)} lines and {joined} joined, of {len(lines)}: {report}"
    )


def object_lines(path: Path) -> dict[int, bytes] | None:
    """The lines of a file by their numbers, blank ones left out; None where they don't all begin an object."""
    if path.is_dir() or path.suffix != ".jsonl":
        return None
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4] or data.startswith(TABLES):
        return None
    split = enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    lines = {number: line.strip() for number, line in split if line.strip()}
    return lines if all(line.startswith(b"{") for line in lines.values()) else None


def _several(line: bytes) -> bool:
    """Whether a line holds, or may hold, more than one value."""
    text = line.decode(errors="replace")
    try:
        return json.JSONDecoder().raw_decode(text)[1] < len(text)
    except (ValueError, RecursionError):
        return re.search(r'\}[^{},:]*\{\s*"', text) is not None
