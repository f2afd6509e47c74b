"""Exported rows as files: JSON Lines, CSV, Parquet, a Hugging Face dataset folder, Label Studio, Inspect Scout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from analysis.errors import UserError
from analysis.tables import to_csv
from labels import label_studio
from labels.export_filter import KINDS, MEANING, Kind, Row

Form = Literal["jsonl", "csv", "parquet", "huggingface", "label-studio", "scout"]
FORMS: tuple[Form, ...] = ("jsonl", "csv", "parquet", "huggingface", "label-studio", "scout")
FORMS_OF: Mapping[Kind, tuple[Form, ...]] = {
    **dict.fromkeys(KINDS, FORMS[:4]), "trajectories": FORMS[:5], "gold": (*FORMS[:4], "scout"),
}  # fmt: skip
"""Which kinds each form is for: Label Studio takes whole trajectories, Scout gold."""
NAMES: Mapping[Form, str] = {
    "jsonl": "JSONL", "csv": "CSV", "parquet": "Parquet", "huggingface": "Hugging Face dataset",
    "label-studio": "Label Studio", "scout": "Scout validation set",
}  # fmt: skip
ENDING: Mapping[Form, str] = {
    "jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet", "huggingface": "", "label-studio": ".json",
    "scout": ".jsonl",
}  # fmt: skip
ENDINGS: Mapping[str, Form] = {ENDING[form]: form for form in FORMS[:3]}
"""The forms that a file's ending tells."""
SEVERAL_FILES: tuple[Form, ...] = ("huggingface", "label-studio")

_TYPES = {
    **dict.fromkeys(("sample", "quotes", "start_char", "end_char", "codebook_revision", "repeat"), pa.int64()),
    **dict.fromkeys(("people", "present", "absent", "unsure"), pa.int64()),
    **dict.fromkeys(("queue_probability", "probability", "soft", "score", "present_share"), pa.float64()),
    **dict.fromkeys(("explicit", "no_single_quote", "flagged", "text_changed", "blind", "agrees"), pa.bool_()),
    "created_at": pa.timestamp("us"),
}  # fmt: skip
"""The Arrow types of columns; the others are text, and lists and mappings are JSON."""


def files(rows: Sequence[Row], kind: Kind, form: Form, name: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The rows as the files of a form.

    Args:
        rows: At least one.
        kind: What they are.
        form: One of FORMS_OF[kind].
        name: Of the file, or of the folder.

    Returns:
        Each file's bytes by its path, the first being the rows; for a folder, paths within it. And what the
        manifest has to say besides.

    Raises:
        UserError: The form is not for this kind.
    """
    if form not in FORMS_OF[kind]:
        fitting = ", ".join(each for each in KINDS if form in FORMS_OF[each])
        raise UserError(f"{form} is for {fitting}; {kind} go out as {', '.join(FORMS_OF[kind])}")
    if form == "jsonl":
        return {name: _lines(rows)}, {}
    if form == "csv":
        return {name: to_csv([_flat(row) for row in rows], list(rows[0])).encode()}, {}
    if form == "parquet":
        return {name: _parquet(rows)}, {}
    if form == "huggingface":
        return {"data/train.parquet": _parquet(rows), "README.md": _card(rows, kind).encode()}, {}
    if form == "scout":
        return _scout(rows, name)
    tasks, config = label_studio.tasks(rows), label_studio.config(rows)
    return {name: orjson.dumps(tasks, option=orjson.OPT_INDENT_2), f"{name}.config.xml": config.encode()}, {}


def _lines(rows: Sequence[Row]) -> bytes:
    return b"".join(orjson.dumps(row, default=str) + b"\n" for row in rows)


def _parquet(rows: Sequence[Row]) -> bytes:
    names = list(rows[0])
    flat = [_flat(row) for row in rows]
    numbers = {name: _TYPES.get(name, pa.string()) for name in names}
    if isinstance(rows[0].get("quotes"), list):  # of gold they are the quotes, of labels their count
        numbers["quotes"] = pa.string()
    columns = {name: pa.array([row[name] for row in flat], numbers[name]) for name in names}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


def _flat(row: Row) -> Row:
    """The row with lists and mappings as JSON."""
    return {
        name: orjson.dumps(value, default=str).decode() if isinstance(value, (dict, list)) else value
        for name, value in row.items()
    }


def _card(rows: Sequence[Row], kind: Kind) -> str:
    """The dataset's card: where its rows are, and what they are."""
    head = {
        "pretty_name": f"Telltale: {kind}",
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train.parquet"}]}
        ],
    }
    synthetic = sum(bool(row.get("synthetic")) for row in rows)
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).strip(), "---", "", f"# {kind}", "", MEANING[kind], "",
        f"{len(rows)} rows, {synthetic} of them on synthetic trajectories. Lists and mappings are JSON.",
        "manifest.json has the filter, the codebook's revisions, counts and hashes.", "",
        "Columns: " + ", ".join(f"`{name}`" for name in rows[0]) + ".", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _scout(rows: Sequence[Row], name: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """A validation set: a case a trajectory; of one pattern its target, of several its labels.

    Scout takes a label that is not there for true, so a trajectory counts only where all the patterns have one.
    """
    if PurePath(name).suffix not in (".json", ".jsonl"):
        raise UserError(f"Scout reads a validation set by its ending; name {name} with .json or .jsonl")
    patterns = list(dict.fromkeys(row["pattern"] for row in rows))
    said: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in rows:
        if row["value"] in ("present", "absent"):
            said[row["trajectory_id"]][row["pattern"]] = row["value"] == "present"
    whole = {trajectory: labels for trajectory, labels in said.items() if len(labels) == len(patterns)}
    if not whole:
        raise UserError("no trajectory has gold on each of the patterns; choose one with --pattern")
    cases: list[Row] = []
    for trajectory, labels in whole.items():
        target = {"target": labels[patterns[0]]} if len(patterns) == 1 else {"labels": labels}
        cases.append({"id": [trajectory] if _looks_like_several(trajectory) else trajectory, **target})
    left = len({row["trajectory_id"] for row in rows}) - len(cases)
    lines = b"".join(orjson.dumps(case) + b"\n" for case in cases)
    data = lines if name.endswith(".jsonl") else orjson.dumps(cases, option=orjson.OPT_INDENT_2)
    return {name: data}, {"cases": len(cases), "left_out": left, "patterns": patterns}


def _looks_like_several(trajectory: str) -> bool:
    """Whether Scout would take an id for a list of ids."""
    return "," in trajectory or (trajectory.strip().startswith("[") and trajectory.strip().endswith("]"))
