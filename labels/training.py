"""What the learned tagger learns from: each trace's gold with the quotes that people gave for it."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from analysis.codebook import PRESENT_STANCES, Codebook, load
from labels.export_gold import gold_quotes
from labels.gold import frame, gold

SPAN = pa.struct([("start_char", pa.int32()), ("end_char", pa.int32())])
EXAMPLES = pa.schema([
    ("trajectory_id", pa.string()), ("reasoning_sha256", pa.string()), ("pattern", pa.string()), ("value", pa.string()),
    ("drawn", pa.bool_()), ("probability", pa.float64()), ("quotes", pa.list_(SPAN)),
])  # fmt: skip


def examples(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> pa.Table:
    """Every (trajectory, pattern) of the codebook that blind labels call present or absent, in a fixed order.

    What people searched out is there too, with `drawn` false: it teaches, and no figure may rest on it.

    Returns:
        Columns trajectory_id, reasoning_sha256 (of the text that was labelled), pattern, value (present or absent),
        drawn (whether the queue handed it out), probability (with which it came to be labelled; null where that
        can't be known) and quotes (start_char, end_char of those that show the pattern; none where it is absent).
    """
    book = codebook or load()
    drawn = {row["trajectory_id"]: row["probability"] for row in frame(db, book).to_pylist()}
    rows = [
        {
            "trajectory_id": each.trajectory_id, "reasoning_sha256": each.reasoning_sha256, "pattern": each.pattern,
            "value": each.value, "drawn": each.trajectory_id in drawn, "probability": drawn.get(each.trajectory_id),
            "quotes": [quote for quote in gold_quotes(each) if quote.get("stance") in (None, *PRESENT_STANCES)]
                      if each.value == "present" else [],
        }
        for each in gold(db, book)
        if each.value in ("present", "absent") and each.pattern in book.ids()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=EXAMPLES)
