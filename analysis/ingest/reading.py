"""From a file to identified trajectories: a format's reader or a map, then what holds of all formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.errors import UserError
from analysis.ingest import mapped
from analysis.ingest.batch import PLACE, Batch
from analysis.ingest.formats import BY_ROW, MAPPED, Found, named
from analysis.ingest.lines import Part
from analysis.ingest.maps import FieldMap
from analysis.ingest.rows import Row, Unreadable
from analysis.ingest.rowwise import read_each
from analysis.ingest.summaries import told_apart
from analysis.trajectories import Trajectory


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        path: The file, or a dataset's folder.
        source: How the store calls it.
        format: One of FORMATS, or MAPPED.
        rules: A field map's.
        map_name: How to call the map in messages.
    """

    path: Path
    source: str
    format: str
    rules: dict[str, Any] | None
    map_name: str = "map"

    def found(self, part: Part | None = None) -> Found:
        """What is in the file, or in a part of it: each trajectory with the row that it was read from.

        Raises:
            UserError: It is empty, or it or the map can't be read.
        """
        fields = FieldMap(self.rules, self.map_name) if self.rules else None
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise UserError(f"{self.path} is empty")
        if self.format == MAPPED and fields is None:
            raise UserError(f"{self.path}: the format mapped needs --map or --set")
        if part is not None:
            found = self._found_in(part.rows())
        elif self.format == MAPPED and fields is not None:
            found = mapped.read(self.path, self.source, fields)
        else:
            found = named(self.format).read(self.path, self.source)
        if fields is None:
            return told_apart(found)
        found = _mapped_over(found, fields, self.path.resolve().as_posix())
        return found if {"reasoning", "reasoning_state"} & fields.rules.keys() else told_apart(found)

    def _found_in(self, rows: Iterator[Row | Unreadable]) -> Found:
        if self.format == MAPPED:
            return mapped.begun(rows, self.source)
        return read_each(rows, self.source, BY_ROW[self.format])


@dataclass
class Identities:
    """What ids are given by: the trajectories of a file that were met before.

    Attributes:
        sample_of: How many rollouts of each prompt had no sample number.
        first_of: Where the first of each id of the source's own was.
    """

    sample_of: dict[str, int] = field(default_factory=dict)
    first_of: dict[str, int] = field(default_factory=dict)

    def given(self, found: Found) -> Iterator[Trajectory | Unreadable]:
        """Give each an id: the source's own where it is unique, as one that repeats over epochs is not."""
        for each in found:
            if isinstance(each, Unreadable):
                yield each
                continue
            trajectory = each[1]
            named = trajectory.trajectory_id is not None
            trajectory.identify(self.sample_of)
            if named and self.is_anothers(str(trajectory.trajectory_id), trajectory.place()):
                trajectory.set_apart()
            yield trajectory

    def complete(self, batch: Batch) -> None:
        """Do the same with a batch whose trajectories were identified without those before it."""
        ids, places = batch.column("trajectory_id"), [batch.column(name) for name in PLACE]
        for number in batch.named:
            if self.is_anothers(ids[number], tuple(column[number] for column in places)):
                batch.set_apart(number)
        for number, name in enumerate(ids):
            if name is None:
                batch.number_over(number, self.sample_of)

    def is_anothers(self, trajectory_id: str, place: tuple[Any, ...]) -> bool:
        """Whether a trajectory of another place had this id first; else it is this one's."""
        return self.first_of.setdefault(trajectory_id, hash(place)) != hash(place)


def _mapped_over(found: Found, fields: FieldMap, path: str) -> Found:
    """Apply the map to what a format's reader made; a row that the map can't be applied to is set aside."""
    for each in found:
        if isinstance(each, Unreadable):
            yield each
            continue
        row, trajectory = each
        try:
            fields.apply(trajectory, row, path)
        except (ValueError, TypeError) as error:
            yield Unreadable(trajectory.line, str(error), str(row)[:2000])
        else:
            yield row, trajectory
