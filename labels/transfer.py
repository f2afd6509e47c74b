"""Labels out of the store: one table for the page and the command line, whatever the form."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import orjson

from analysis.errors import UserError
from analysis.store.rows import now
from labels.export_filter import ALL, Filter, Kind, Row
from labels.export_forms import Form, files
from labels.export_rows import rows

FOLDERS: tuple[Form, ...] = ("huggingface",)
MANIFEST = "manifest.json"
_COUNTED: Mapping[Kind, tuple[str, ...]] = {
    "labels": ("annotator", "pattern", "value", "status"), "spans": ("annotator", "pattern", "stance"),
    "gold": ("pattern", "value", "status"), "judge-eval": ("pattern", "value", "verdict", "agrees"),
    "events": ("annotator", "op"), "trajectories": ("checkpoint", "variant"),
}  # fmt: skip


def write(
    db: duckdb.DuckDBPyConnection, kind: Kind, path: Path, form: Form = "jsonl", which: Filter = ALL
) -> dict[str, Any]:
    """Write an export and, beside it, its manifest; of a folder, within it.

    All is written beside its place and renamed, so that nobody reads half a file.

    Returns:
        The manifest: what is in the file, how many rows, its SHA-256, the filter, the codebook's revisions.

    Raises:
        UserError: Nothing passes the filter, the form is not for this kind, or the file can't be written. What was
            there is left as it was.
    """
    made, manifest = _made(db, kind, path.name, form, which)
    if not made:
        raise UserError(
            f"no {kind} pass the filter, so {path} was not written; labels are made on the Label page"
        )
    told = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
    try:
        if form in FOLDERS:
            _replace_folder(path, {**made, MANIFEST: told})
        else:
            for name, data in {**made, f"{path.name}.{MANIFEST}": told}.items():
                replace_file(path.with_name(name), data)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None
    return manifest


def build(
    db: duckdb.DuckDBPyConnection, kind: Kind, name: str, form: Form = "jsonl", which: Filter = ALL
) -> tuple[bytes, dict[str, Any]]:
    """An export as bytes, with the manifest that belongs beside it under the file's name.

    What has several files is zipped, with the manifest in it.
    """
    made, manifest = _made(db, kind, name, form, which)
    if len(made) < 2:
        return next(iter(made.values()), b""), manifest
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in {**made, MANIFEST: orjson.dumps(manifest, option=orjson.OPT_INDENT_2)}.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data)
    return packed.getvalue(), manifest


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it, so that nobody reads half of it."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    os.replace(beside, path)


def _made(
    db: duckdb.DuckDBPyConnection, kind: Kind, name: str, form: Form, which: Filter
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of an export and its manifest; no files where nothing passes the filter."""
    found = rows(db, kind, which)
    made, more = files(found, kind, form, name) if found else ({}, {})
    data = next(iter(made.values()), b"")
    manifest = {
        "file": name,
        "kind": kind,
        "format": form,
        "rows": len(found),
        "sha256": hashlib.sha256(data).hexdigest(),
        "files": {path: hashlib.sha256(each).hexdigest() for path, each in made.items()},
        "filter": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(which).items()},
        "codebook_revisions": _revisions(found),
        "synthetic_rows": sum(bool(row.get("synthetic")) for row in found),
        "counts": {
            name: dict(sorted(Counter(str(row[name]) for row in found).items())) for name in _COUNTED[kind]
        },
        **more,
        "written_at": now().isoformat(timespec="seconds") + "Z",
    }
    return made, manifest


def _revisions(found: Sequence[Row]) -> list[int]:
    """The codebook's revisions under which these labels were made."""
    labels = [label for row in found for label in (row, *row.get("labels", ()))]
    return sorted(
        {label["codebook_revision"] for label in labels if label.get("codebook_revision") is not None}
    )


def _replace_folder(path: Path, made: Mapping[str, bytes]) -> None:
    if path.exists() and not (path / MANIFEST).is_file():
        raise UserError(f"{path} is there already and no export; name another folder")
    beside = path.with_name(path.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    for name, data in made.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(data)
    shutil.rmtree(path, ignore_errors=True)
    os.replace(beside, path)
