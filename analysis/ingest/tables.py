"""Rows of tables: CSV and TSV, Parquet, Arrow files, and Hugging Face datasets on disk, a batch at a time.

A cell of `messages`, `conversations` and the like may hold its list as JSON, or (as `datasets` stores a sequence
of records) as one record of lists; both become the list. An empty cell of a CSV is null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import UserError
from analysis.ingest import hf_dataset
from analysis.ingest.rows import EXCERPT_CHARACTERS, Row, Unreadable, opened, parsed
from analysis.trajectories import storable

SUFFIXES = (".csv", ".tsv", ".parquet", ".arrow")
BATCH_ROWS = 256
LARGEST_CELL = 1 << 26
"""Characters of a CSV's cell. A quotation mark that never closes would make a cell of all that follows."""
NESTED = ("messages", "conversations", "conversation", "prompt", "choices", "response", "tools")
"""Columns whose text, where it is a JSON list or object, is read as one."""

_MAGIC = (b"PAR1", b"ARRO", b"\xff\xff\xff\xff")
"""How Parquet and both kinds of Arrow files begin."""


def holds(path: Path) -> bool:
    """Whether this is a table, by its first bytes; a CSV by its name, unless it begins as JSON does."""
    if path.is_dir():
        return hf_dataset.is_dataset(path)
    with path.open("rb") as stream:
        if stream.read(4) in _MAGIC:
            return True
    if path.suffix.lower() not in (".csv", ".tsv"):
        return False
    with closing(opened(path)) as stream:
        return stream.peek(64).lstrip()[:1] not in (b"{", b"[")


def rows(path: Path) -> Iterator[Row | Unreadable]:
    """The rows of a table, numbered from 1 (a CSV's by the line that they begin on).

    Raises:
        UserError: It is damaged as a whole.
    """
    if path.is_dir():
        yield from numbered(path, hf_dataset.files(path))
    elif path.suffix.lower() in (".csv", ".tsv"):
        yield from _csv(path)
    else:
        yield from numbered(path, [path])


def columns(path: Path) -> set[str]:
    """The names of a Parquet file's columns; none where it can't be read."""
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return set()


def numbered(path: Path, files: Iterable[Path], without: Sequence[str] = ()) -> Iterator[Row | Unreadable]:
    """The rows of Parquet or Arrow files one after the other, numbered from 1.

    Args:
        path: What they are together, for messages.
        files: Where they are.
        without: Columns of Parquet files that are not to be read.

    Raises:
        UserError: They can't be read at all.
    """
    number = 0
    for file in files:
        try:
            for row in _batched(file, without):
                number += 1
                yield number, row
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            said = " ".join(str(error).split())
            if not number:
                raise UserError(f"{path} is damaged: {said}; copy it again") from None
            yield Unreadable(number + 1, f"{file.name} is damaged from this row on: {said}", "")


def _batched(file: Path, without: Sequence[str]) -> Iterator[dict[str, Any]]:
    with file.open("rb") as stream:
        begins = stream.read(4)
    if begins == b"PAR1":
        with pq.ParquetFile(file) as table:
            names = [name for name in table.schema_arrow.names if name not in without]
            yield from _rows_of(table.iter_batches(BATCH_ROWS, columns=names))
        return
    with pa.OSFile(str(file)) as source:
        if begins == b"ARRO":
            reader = pa.ipc.open_file(source)
            yield from _rows_of(reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            yield from _rows_of(pa.ipc.open_stream(source))


def _rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            for row in batch.slice(start, BATCH_ROWS).to_pylist(maps_as_pydicts="lossy"):
                yield {name: _plain(_unfolded(name, value)) for name, value in row.items()}


def _csv(path: Path) -> Iterator[Row | Unreadable]:
    csv.field_size_limit(LARGEST_CELL)
    delimiter = _delimiter(path)
    names: list[str] = []
    with closing(io.TextIOWrapper(opened(path), encoding="utf-8", errors="replace", newline="")) as text:
        for line, cells, written in _records(text, delimiter):
            if cells is not None and not names:
                names = _told_apart(cells)
            elif cells is not None and len(cells) == len(names) and _closed(written):
                yield line, _named(names, cells)
            else:
                yield from _by_lines(line, written, names, delimiter)


def _records(text: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | None, list[str]]]:
    """The records of a CSV: the line that each begins on, its cells (None for what is none), and its lines."""
    written: list[str] = []
    reader = csv.reader((written.append(each) or each for each in text), delimiter=delimiter)  # type: ignore[func-returns-value]
    while True:
        line = reader.line_num + 1
        written.clear()
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if cells != []:
            yield line, cells, list(written)


def _closed(written: list[str]) -> bool:
    """Whether a record of several lines closes its quotation marks, as it must where it goes over a line's end."""
    return len(written) == 1 or sum(each.count('"') for each in written) % 2 == 0


def _by_lines(line: int, written: list[str], names: list[str], delimiter: str) -> Iterator[Row | Unreadable]:
    """A record that is none line by line: a quotation mark that nothing closes took those after it along."""
    for number, each in enumerate(written, line):
        try:
            cells = next(csv.reader([each], delimiter=delimiter), [])
        except csv.Error as error:
            yield Unreadable(number, f"no row: {error}", storable(each[:EXCERPT_CHARACTERS]))
            continue
        if len(written) > 1 and each.count('"') % 2:
            yield Unreadable(
                number, "a quotation mark that nothing closes", storable(each[:EXCERPT_CHARACTERS])
            )
        elif len(cells) == len(names):
            yield number, _named(names, cells)
        elif cells:
            reason = f"{len(cells)} cells, where the header names {len(names)}"
            yield Unreadable(number, reason, storable(each[:EXCERPT_CHARACTERS]))


def _named(names: list[str], cells: list[str]) -> dict[str, Any]:
    filled = (storable(cell) or None for cell in cells)
    return {name: _unfolded(name, cell) for name, cell in zip(names, filled, strict=True)}


def _told_apart(names: list[str]) -> list[str]:
    """The header's names; one that stands again gets the number of its column."""
    return [name if name not in names[:at] else f"{name}.{at + 1}" for at, name in enumerate(names)]


def _delimiter(path: Path) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    with closing(opened(path)) as stream:
        header = stream.readline(LARGEST_CELL)
    return max((",", ";", "\t"), key=lambda mark: header.count(mark.encode()))


def _unfolded(name: str, value: Any) -> Any:
    """A cell of a nested column as the list that it stands for."""
    if name not in NESTED:
        return value
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        found = parsed(value.encode(errors="replace"))
        return value if isinstance(found, Unreadable) else found
    if isinstance(value, dict) and value and all(isinstance(each, list) for each in value.values()):
        lengths = {len(each) for each in value.values()}
        if len(lengths) == 1:
            return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
    return value


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: bytes by their number, other types as text; records without their nulls."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items() if each is not None}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
