"""Files of trajectories into the store.

from analysis.ingest import ingest, load_map
ingest(store, [Path("runs/")], rules=load_map(Path("data/maps/library-choice.yaml")))
"""

from __future__ import annotations

import glob
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.environment.outcomes import read_answers
from analysis.errors import UserError
from analysis.ingest import hf_dataset, inspect_log, mapped, scout_db
from analysis.ingest.batches import Progress, TakesLabeled, store_all
from analysis.ingest.finished import conclude, hashed_meanwhile, nothing_new, state_of, way_of
from analysis.ingest.formats import FORMATS, MAPPED, detect
from analysis.ingest.head import beginning, head_of
from analysis.ingest.maps import FieldMap
from analysis.ingest.reading import Identities, Reading
from analysis.ingest.rows import Unreadable
from analysis.ingest.rules import load as load_map
from analysis.ingest.skipped import Skipped
from analysis.ingest.writing import FileReport, quarantine
from analysis.store import Store
from analysis.store.rows import now
from analysis.trajectories import Trajectory

__all__ = [
    "FORMATS",
    "FileReport",
    "Preview",
    "detect",
    "fields_of",
    "files_in",
    "ingest",
    "load_map",
    "preview",
    "source_of",
]

SUFFIXES = (".jsonl", ".json", ".ndjson", ".eval", ".traj", ".csv", ".tsv", ".parquet", ".arrow", ".sse")
"""Files of a folder that are looked at."""
MOST_SHOWN = 100
"""How many of the items that would be set aside a preview keeps."""


@dataclass
class Preview:
    """What ingesting a file would store.

    Attributes:
        report: What was counted. What of it the store has already is not looked up.
        trajectories: The first ones.
        unreadable: The first items that would be set aside.
        unread_fields: The source's fields that nothing reads.
        stopped: Whether reading stopped before the file's end.
    """

    report: FileReport
    trajectories: list[Trajectory] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unread_fields: list[str] = field(default_factory=list)
    stopped: bool = False


def ingest(
    store: Store,
    paths: Sequence[Path],
    rules: dict[str, Any] | None = None,
    format: str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    map_name: str = "map",
    labeled: TakesLabeled | None = None,
) -> list[FileReport]:
    """Read files and store their trajectories, each once however often it is called.

    Args:
        store: Where to.
        paths: Files and folders.
        rules: A field map's rules, as `load_map` gives them. With a detected format they override its reading.
        format: One of FORMATS; by default it is detected from the content.
        replace: Whether a trajectory with other content supersedes the one of the same id.
        progress: Called with (file, trajectories read so far) after each batch.
        map_name: How to call the map in messages.
        labeled: Called after each batch with those of its trajectories that came with labels made elsewhere,
            once they are in the store. Labels are written by who has a log for them; by default they are not.

    Returns:
        A report for each file.

    Raises:
        UserError: A path is not there, the map is not understood, or no file could be read at all.
    """
    fields = FieldMap(rules, map_name) if rules else None
    files = files_in(paths)
    reports = []
    for path in files:
        source = source_of(path)
        report = FileReport(source, format or "?", path=str(path.resolve()))
        reports.append(report)
        started = now()
        try:
            report.format = format or _format_of(path, fields)
            report.unmatched = fields.unmatched(report.path) if fields else []
            way = way_of(report.format, rules)
            if not (fields and fields.labeled) and nothing_new(store, path, way, report):
                if progress:
                    progress(source, report.read)
                continue
            before, own = state_of(path), not (fields and "source" in fields.rules)
            with hashed_meanwhile(path) as sha256:
                reading = Reading(path, source, report.format, rules, map_name)
                store_all(store, reading, report, replace, progress, labeled)
                conclude(store, report, started, before, way, own, sha256)
        except UserError as error:
            report.refused = str(error)
    refused = [report for report in reports if report.refused]
    if len(refused) == len(reports):
        more = f" (and {len(refused) - 1} files more)" if len(refused) > 1 else ""
        raise UserError(f"{refused[0].refused}{more}")
    for report in refused:
        with store.transaction() as db:
            quarantine(db, report, [(None, str(report.refused), beginning(Path(report.path)))])
    read_answers(store)
    return reports


def preview(
    path: Path,
    rules: dict[str, Any] | None = None,
    format: str | None = None,
    count: int = 3,
    map_name: str = "map",
    seconds: float = 0.0,
    progress: Progress | None = None,
) -> Preview:
    """The first trajectories of a file as they would be stored, the fields that nothing reads, and counts.

    Args:
        path: The file.
        rules: As `ingest` takes them, like `format`, `map_name` and `progress`.
        format: One of FORMATS; by default it is detected.
        count: How many trajectories to show.
        map_name: How to call the map in messages.
        seconds: For how long to read on, for the counts, after the first thousand items.
        progress: Called now and then with (file, trajectories read so far).
    """
    fields = FieldMap(rules, map_name) if rules else None
    report = FileReport(source_of(path), format or _format_of(path, fields), path=str(path.resolve()))
    report.unmatched = fields.unmatched(report.path) if fields else []
    shown = Preview(report)
    keys: dict[str, None] = {}
    started = time.monotonic()
    reading = Reading(path, report.file, report.format, rules, map_name)
    for number, found in enumerate(Identities().given(reading.found())):
        if number % mapped.ROWS_CHECKED == 0 and progress:
            progress(report.file, report.read)
        if number >= mapped.ROWS_CHECKED and shown.trajectories and time.monotonic() - started > seconds:
            shown.stopped = True
            break
        report.count(found)
        if isinstance(found, Trajectory):
            keys.update(dict.fromkeys(fields.left(found.metadata) if fields else found.metadata))
            if len(shown.trajectories) < count:
                shown.trajectories.append(found)
        elif not isinstance(found, Skipped) and len(shown.unreadable) < MOST_SHOWN:
            shown.unreadable.append(found)
    shown.unread_fields = list(keys)
    return shown


def fields_of(path: Path) -> list[str]:
    """The fields that a file's first row has, for who writes a map; none where it holds no rows."""
    return list(head_of(path).first or ())


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files that paths stand for: folders by their files, wildcards only where no file has the name.

    A folder that is one dataset or one database of transcripts is an input itself.

    Raises:
        UserError: One is not there, or a folder has no file that could hold trajectories.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = _inside(path)
            if not inside:
                raise UserError(f"{path} has no file ending in {', '.join(SUFFIXES)}")
            files += inside
        elif path.exists():
            files.append(path)
        elif matches := sorted(glob.glob(str(path), recursive=True)):
            found = [(_inside(each) if each.is_dir() else [each]) for each in map(Path, matches)]
            files += [file for each in found for file in each]
        else:
            raise UserError(f"there is no file {path}")
    return list(dict.fromkeys(files))


def _inside(folder: Path) -> list[Path]:
    """The inputs of a folder: itself if it is one, else its files and those folders of it that are one."""
    if hf_dataset.is_dataset(folder) or scout_db.is_database(folder):
        return [folder]
    found: list[Path] = []
    for each in sorted(folder.iterdir()):
        if each.name.startswith("."):
            continue
        if each.is_dir():
            found += _inside(each)
        elif each.is_file() and each.suffix.lower() in SUFFIXES and each.name not in hf_dataset.BESIDE:
            found.append(each)
    return found


def source_of(path: Path) -> str:
    """How the store calls a file: its name with its folder's, the same from wherever it is read."""
    resolved = path.resolve()
    return f"{resolved.parent.name}/{resolved.name}"


def _format_of(path: Path, fields: FieldMap | None) -> str:
    """A map that names where the text is makes any rows readable; else the content decides."""
    by_map = fields is not None and fields.reads_content
    return MAPPED if by_map and not inspect_log.recognises(head_of(path)) else detect(path)
