"""Files that are almost right: copies of examples and of public files with something changed in them.

A case is a number. What it is made of depends on the seed, the number and the files to begin from, on nothing else.
"""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.ingest.agent_examples import ATIF, CHAT, EVENTS, PETRI, TRAJ, inspect_log, openhands_row
from tests.ingest.agent_examples import petri_transcript as petri
from tests.ingest.provider_examples import EXAMPLES
from tests.ingest.stream_examples import STREAMS, server_sent

LARGEST_REAL = 60_000
"""Bytes taken of a public file of lines; whole files are taken up to ten times that."""
SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "odd-number.jsonl"
HEADER = {
    "version": 2, "status": "success",
    "eval": {"task": "t", "model": "m", "eval_id": "e", "created": "2026-01-02T03:04:05"},
}  # fmt: skip
MAP = {
    "id": "id", "checkpoint": ["step", "model"], "prompt": "q", "reasoning": "cot", "answer": "out", "sample": "rep",
    "created_at": "at", "position": "n", "outcome": {"name": "odd", "value": "odd"},
    "judged": {"tagger": "j", "pattern": "p", "value": "said", "score": "score", "quote": "quote"},
    "labeled": {"annotator": {"field": "who"}, "pattern": "p", "value": "label", "quote": "quote"},
}  # fmt: skip
ROWS = [
    {"id": str(n), "step": f"s{n % 2}", "model": None, "q": "Pick.", "cot": f"I pick {n}. Done.", "out": str(n),
     "rep": n, "at": "2026-01-02T03:04:05+00:00Z", "n": n, "odd": n % 2 == 1, "said": "YES", "score": 80,
     "quote": "I pick", "who": "a", "label": "no", "left": {"a": [1, {"b": None}]}}
    for n in range(4)
]  # fmt: skip
DEEP: Any = 1
for _ in range(250):
    DEEP = [DEEP]
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, -(10**30), 1 << 63, 1e308, float("nan"), float("inf"), -float("inf"),
    "", " ", "x", "\x00", "\u2028", "\x85", "\ud800", "k\udfff", "\ufeff", "<think>", "</think>", "<|channel|>analysis<|message|>",
    "9999-12-31T23:59:59-14:00", "attachment://0", "[", "{}", "nan", "Infinity", "1e400", "=1+1", [], {}, [[]], [None],
    [1, "x"], {"": ""}, {"role": 1}, {"role": "assistant", "content": None}, {"type": "reasoning"}, {"type": []}, DEEP,
    "a" * 5000,
)  # fmt: skip
PIECES = (
    b"\n", b"\r\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b"\\", b"{", b"}", b"[", b"]", b",",
    b":", b"NaN", b"-Infinity", b"1e999", b"1" * 400, b"\\ud800", b"\\u0000", b"\xe2\x80\xa8", b"\xc2\x85", b"[" * 600,
    b'{"a":' * 300, b"PK\x03\x04", b"PAR1", b"\xff\xff\xff\xff",
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "shift_jis")


@dataclass(frozen=True)
class Original:
    """What a case begins from.

    Attributes:
        name: What it is.
        suffix: What its file ends in; `.dataset` is a folder.
        values: Its rows; how they are put into a file is a part of the case.
        rules: The map that it needs.
        raw: The bytes of a file that is taken as it is, instead of values.
    """

    name: str
    suffix: str
    values: list[Any] = field(default_factory=list)
    rules: dict[str, Any] | None = None
    raw: bytes = b""


@dataclass(frozen=True)
class Case:
    """One changed file."""

    name: str
    path: Path
    rules: dict[str, Any] | None


def case(seed: int, number: int, folder: Path, real: Path | None = None) -> Case:
    """Write the file of a number into a folder.

    Args:
        seed: Of a whole hunt.
        number: Of the case.
        folder: Made; the file is its only one.
        real: Public files to begin from as well.
    """
    chance = random.Random(f"{seed}/{number}")
    original = chance.choice(originals(real))
    folder.mkdir(parents=True)
    if original.raw:
        path = folder / f"case{original.suffix}"
        path.write_bytes(original.raw)
    else:
        values = _copy(original.values)
        if chance.random() < 0.7:
            for _ in range(chance.choice((1, 1, 2, 5))):
                _change_value(values, chance)
        path = _write(folder, original.suffix, values, chance)
    if path.is_file() and (original.raw or chance.random() < 0.5):
        data = path.read_bytes()
        for _ in range(chance.choice((1, 1, 2, 8))):
            data = _change_bytes(data, chance)
        path.write_bytes(data)
    return Case(f"{original.name}{original.suffix}", path, original.rules)


@cache
def originals(real: Path | None) -> tuple[Original, ...]:
    """An original of every format, and the public files."""
    sample = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:5]]
    made = [Original(name, ".jsonl", rows * 2) for name, rows in sorted(EXAMPLES.items())]
    made += [
        Original(f"server-sent {name}", ".txt", raw=server_sent(events * 2).encode())
        for name, events in STREAMS.items()
    ]
    made += [Original("mapped", suffix, ROWS, MAP) for suffix in (".jsonl", ".csv", ".tsv", ".parquet")]
    made += [
        Original(
            "sample", ".jsonl", sample, {"prompt": "prompt", "reasoning": "reasoning", "answer": "answer"}
        ),
        Original("chat", ".jsonl", [{"messages": CHAT, "checkpoint": "s1", "id": str(n)} for n in range(3)]),
        Original("chat", ".parquet", [{"messages": CHAT, "checkpoint": "s1"}] * 3),
        Original("dataset", ".dataset", EXAMPLES["sharegpt"] * 3),
        Original("swe-agent", ".json", [TRAJ]),
        Original("openhands", ".jsonl", [openhands_row(EVENTS), openhands_row([EVENTS[:4], EVENTS[4:]])]),
        Original("openhands events", ".jsonl", list(EVENTS)),
        Original("atif", ".json", [{**ATIF, "subagent_trajectories": [ATIF]}]),
        Original("petri", ".json", [petri(PETRI)]),
        Original("scout", ".parquet", _scout_rows()),
        Original("inspect", ".eval", _samples()),
        Original("inspect", ".log.json", _samples()),
    ]
    for path in sorted((real / "formats").glob("*")) if real else ():
        made += _of_public(path)
    return tuple(made)


def _of_public(path: Path) -> list[Original]:
    """A public file by its bytes, and its first rows by their values."""
    data, name = path.read_bytes(), path.name
    if path.suffix == ".eval":
        with zipfile.ZipFile(path) as archive:
            samples = [member for member in archive.namelist() if member.startswith("samples/")]
            value = json.loads(archive.read(min(samples)))
        made = [Original(name, ".eval", [value])]
    elif path.suffix == ".jsonl":
        lines = data[: max(LARGEST_REAL, data.index(b"\n") + 1)].split(b"\n")[:-1]
        made = [Original(name, ".jsonl", [json.loads(line) for line in lines])]
    else:
        made = [Original(name, ".json", [json.loads(data)])] if len(data) <= 10 * LARGEST_REAL else []
    whole = [Original(f"all of {name}", path.suffix, raw=data)] if len(data) <= 10 * LARGEST_REAL else []
    return made + whole


def _scout_rows() -> list[Any]:
    row = {
        "source_id": "x", "task_set": "odd", "task_repeat": 1, "model": "m", "date": "2026-01-02T03:04:05Z",
        "score": '{"a": 1}', "success": True,
    }  # fmt: skip
    return [{**row, "transcript_id": f"t{n}", "messages": json.dumps(CHAT)} for n in range(3)]


def _samples() -> list[Any]:
    return list(json.loads(inspect_log(samples=2).model_dump_json())["samples"])


# Changes ---------------------------------------------------------------------------------------------------------


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _change_value(values: list[Any], chance: random.Random) -> None:
    """Replace, remove, rename, repeat, swap or add to something anywhere in the values."""
    holder: Any = values
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = chance.choice(keys)
        inside = holder[key]
        if not (isinstance(inside, (dict, list)) and inside and chance.random() < 0.8):
            break
        holder = inside
    match chance.randrange(6):
        case 0 | 1:
            holder[key] = _copy(chance.choice(JUNK))
        case 2:
            del holder[key]
        case 3 if isinstance(holder, list):
            holder.insert(key, _copy(holder[key]))
        case 3:
            holder[f"{key}x"] = holder.pop(key)
        case 4:
            other = chance.choice(keys)
            holder[key], holder[other] = holder[other], holder[key]
        case 5 if isinstance(holder[key], str):
            at = chance.randrange(len(holder[key]) + 1)
            holder[key] = holder[key][:at] + str(chance.choice(JUNK))[:50] + holder[key][at:]


def _change_bytes(data: bytes, chance: random.Random) -> bytes:
    """Flip, insert, take out or repeat bytes, cut the file off, change its lines or how it is encoded."""
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 8, 64, 1024))
    match chance.randrange(8):
        case 0:
            return (
                data[:at]
                + bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1])
                + data[at + 1 :]
            )
        case 1 | 2:
            return data[:at] + chance.choice(PIECES) + data[at:]
        case 3:
            return data[:at] + data[at + length :]
        case 4:
            return data[: at + length] + data[at:]
        case 5:
            return data[:at]
        case 6:
            return _change_lines(data, chance)
    text = data.decode(errors="replace")
    return text.encode(chance.choice(ENCODINGS), errors="replace")


def _change_lines(data: bytes, chance: random.Random) -> bytes:
    """Double, drop, swap or join lines, or end them in another way."""
    lines = data.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            lines.insert(other, lines[one])
        case 1:
            del lines[one]
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            lines[one : one + 2] = [b"".join(lines[one : one + 2])]
        case 4:
            return chance.choice((b"\r\n", b"\r", b"\n\n")).join(lines)
    return b"\n".join(lines)


# Files -----------------------------------------------------------------------------------------------------------


def _write(folder: Path, suffix: str, values: list[Any], chance: random.Random) -> Path:
    """Put values into a file of a form that its format may have."""
    path = folder / f"case{suffix}"
    writers: dict[str, Callable[[Path, list[Any]], None]] = {
        ".parquet": _parquet, ".dataset": _dataset, ".eval": _eval, ".log.json": _log, ".csv": _csv, ".tsv": _csv,
    }  # fmt: skip
    if suffix in writers:
        try:
            writers[suffix](path, values)
            return path
        except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
            path = folder / "case.jsonl"  # values that a table can't have
    form = chance.choice(("lines", "lines", "lines", "array", "indented", "concatenated"))
    texts = [json.dumps(value, ensure_ascii=chance.random() < 0.5) for value in values]
    if form == "lines":
        text = "\n".join(texts)
    elif form == "concatenated":
        path, text = folder / "case.json", "".join(texts)
    else:
        path, text = folder / "case.json", json.dumps(values, indent=2 if form == "indented" else None)
    path.write_bytes(text.encode(errors="surrogatepass"))
    return path


def _csv(path: Path, values: list[Any]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if path.suffix == ".tsv" else ",")
    names = list(dict.fromkeys(name for row in values if isinstance(row, dict) for name in row))
    writer.writerow(names)
    for row in values:
        cells = [row.get(name) for name in names]
        writer.writerow([json.dumps(cell) if isinstance(cell, (dict, list)) else cell for cell in cells])
    path.write_bytes(text.getvalue().encode(errors="replace"))


def _parquet(path: Path, values: list[Any]) -> None:
    pq.write_table(pa.Table.from_pylist(values), path)


def _dataset(path: Path, values: list[Any]) -> None:
    table = pa.Table.from_pylist(values)
    path.mkdir()
    with pa.OSFile(str(path / "data.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (path / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    (path / "dataset_info.json").write_text("{}")


def _eval(path: Path, values: list[Any]) -> None:
    packed = zipfile.ZIP_DEFLATED if len(str(values)) % 2 else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        for number, value in enumerate(values):
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(value))


def _log(path: Path, values: list[Any]) -> None:
    path.write_text(json.dumps({**HEADER, "samples": values}), encoding="utf-8", errors="replace")
