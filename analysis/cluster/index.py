"""Vectors of segments in files beside the store: memory-mapped, only ever added to, and checked before use.

vectors      (texts, dimensions), float32: a row for each different text
hashes       (texts,): the first 16 bytes of each text's SHA-256
reasonings   (reasonings,): its row_id in the store, and how many segments it has
texts        (segments,): the row in `vectors` of each segment's text, one reasoning after the other
index.json   whose vectors they are, how many rows of each file count, and the sum of their words

index.json is written last and renamed into its place: what a stop left behind does not count, and is written over. A
file that is shorter than it says, or has another sum, is damaged. Files are removed and never cut where they count,
for another process may have them mapped.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from analysis.cluster.embedders import Vectors
from analysis.errors import UserError

FORM = 1
"""The number of this way of laying files out; an index of another one is made anew."""
HASH = np.dtype("V16")
REASONING = np.dtype([("row_id", "<u8"), ("segments", "<u8")])
HEAD = "index.json"
FILES = ("vectors", "hashes", "reasonings", "texts")


class Damaged(Exception):
    """The files are not what was written."""


@dataclass(frozen=True)
class Index:
    """The files, mapped. The attributes have their names and shapes."""

    vectors: Vectors
    hashes: npt.NDArray[np.void]
    reasonings: npt.NDArray[Any]
    texts: npt.NDArray[np.int64]


def read(folder: Path, embedder: str) -> Index | None:
    """The index of a folder; None where there is none of this embedder.

    Raises:
        Damaged: There is one, and its files are not what was written.
    """
    try:
        head = (folder / HEAD).read_bytes()
    except OSError:
        return None
    try:
        told = orjson.loads(head)
        if (told["form"], told["embedder"]) != (FORM, embedder):
            return None
        stats = [(folder / name).stat() for name in FILES]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise Damaged(f"{folder}: {error}") from None
    return _mapped(folder, head, tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats))


def add(folder: Path, embedder: str, rows: Mapping[str, npt.NDArray[Any]]) -> None:
    """Add rows to each file, and then count them. Only under `alone`.

    Raises:
        UserError: The folder can't be written, or its disk is full.
    """
    dimensions = rows["vectors"].shape[1]
    try:
        told = orjson.loads((folder / HEAD).read_bytes())
    except FileNotFoundError:
        told = {"form": FORM, "embedder": embedder, "dimensions": dimensions,
                "rows": dict.fromkeys(FILES, 0), "sums": dict.fromkeys(FILES, 0)}  # fmt: skip
    try:
        for name, dtype, width in _layout(dimensions):
            added = np.ascontiguousarray(rows[name], dtype=dtype)
            _write(folder / name, told["rows"][name] * dtype.itemsize * width, added)
            told["rows"][name] += len(added)
            told["sums"][name] = (told["sums"][name] + _sum(added)) % 2**64
        beside = folder / f".{HEAD}"
        beside.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        beside.rename(folder / HEAD)
    except OSError as error:
        raise UserError(f"the index for search can't be written to {folder}: {error.strerror}") from None


def remove(folder: Path) -> None:
    """Remove an index's files, its head first. Only under `alone`."""
    for name in (HEAD, *FILES):
        (folder / name).unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have the folder, made where it is not there, to oneself among all who write to it; waits for its turn.

    Raises:
        UserError: The folder can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise UserError(f"the index for search can't be written to {folder}: {error.strerror}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=2)
def _mapped(folder: Path, head: bytes, stamp: tuple[tuple[int, int, int], ...]) -> Index:
    """The files, checked once for as long as they stay as they are."""
    try:
        told = orjson.loads(head)
        found = [
            _map(folder / name, dtype, told["rows"][name], width, told["sums"][name])
            for name, dtype, width in _layout(told["dimensions"])
        ]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise Damaged(f"{folder}: {error}") from None
    vectors, hashes, reasonings, texts = found
    if len(vectors) != len(hashes) or int(reasonings["segments"].sum()) != len(texts):
        raise Damaged(f"{folder}: its files do not fit each other")
    return Index(vectors, hashes, reasonings, texts)


def _layout(dimensions: int) -> list[tuple[str, np.dtype[Any], int]]:
    """(name, type, columns) of each file."""
    types: list[tuple[np.dtype[Any], int]] = [
        (np.dtype("<f4"), dimensions), (HASH, 1), (REASONING, 1), (np.dtype("<i8"), 1),
    ]  # fmt: skip
    return [(name, dtype, width) for name, (dtype, width) in zip(FILES, types, strict=True)]


def _map(path: Path, dtype: np.dtype[Any], rows: int, width: int, expected: int) -> Any:
    shape = (rows, width) if width > 1 else (rows,)
    if not rows:
        return np.zeros(shape, dtype)
    found = np.memmap(path, dtype, "r", shape=shape)
    if _sum(found) != expected:
        raise Damaged(f"{path} is not what was written")
    return found


def _sum(rows: npt.NDArray[Any]) -> int:
    """The sum of the 32-bit words, which grows with what is added: one look at each word, at the memory's speed."""
    words = rows.reshape(-1).view(np.uint8).view("<u4")
    return int(words.sum(dtype=np.uint64))


def _write(path: Path, start: int, rows: npt.NDArray[Any]) -> None:
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(start)
        file.write(rows.tobytes())
        file.truncate()
