"""Labelled trajectories as tasks of Label Studio: each person's labels as an annotation, a run's as a prediction.

Offsets are code points, as Label Studio counts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from analysis.trajectories import short_hash

Row = dict[str, Any]
VALUES = ("present", "absent", "unsure")
NOT_DATA = ("messages", "reasoning", "labels", "spans", "gold", "verdicts", "findings", "metadata")


def tasks(rows: Sequence[Row]) -> list[Row]:
    """A task a trajectory.

    Args:
        rows: Trajectories as `labels.export_rows.rows` gives them.
    """
    return [_task(row) for row in rows]


def config(rows: Sequence[Row]) -> str:
    """The labeling configuration that these tasks are of, to paste into a project."""
    patterns = _patterns(rows)
    labels = "\n".join(f"    <Label value={quoteattr(pattern)}/>" for pattern in patterns)
    choices = "\n".join(
        f'  <Header value="{value} in the trace"/>\n  <Choices name="{value}" toName="text" choice="multiple">\n'
        + "\n".join(f"    <Choice value={quoteattr(pattern)}/>" for pattern in patterns)
        + "\n  </Choices>"
        for value in VALUES
    )
    return (
        f'<View>\n  <Labels name="pattern" toName="text">\n{labels}\n  </Labels>\n'
        f'  <Text name="text" value="$text" granularity="symbol"/>\n{choices}\n'
        '  <TextArea name="annotator" toName="text" editable="false"/>\n</View>\n'
    )


def _task(row: Row) -> Row:
    data = {name: value for name, value in row.items() if name not in NOT_DATA and value is not None}
    prompt = [message for message in row["messages"] or [] if message.get("role") in ("system", "user")]
    data |= {
        "text": row["reasoning"] or "",
        "prompt": "\n\n".join(str(m.get("content") or "") for m in prompt),
    }
    by_person: dict[str, dict[str, list[Row]]] = defaultdict(lambda: {"labels": [], "spans": []})
    for part in ("labels", "spans"):
        for each in row[part]:
            by_person[each["annotator"]][part].append(each)
    annotations = []
    for annotator, said in sorted(by_person.items()):
        result = _result(row["trajectory_id"], said["spans"], _values(said["labels"], "value"))
        name = {
            "from_name": "annotator",
            "to_name": "text",
            "type": "textarea",
            "value": {"text": [annotator]},
        }
        annotations.append(
            {"result": [*result, {"id": _id(row["trajectory_id"], annotator), **name}], "ground_truth": False}
        )
    task: Row = {"data": data, "annotations": annotations}
    if "verdicts" in row:
        standing = [each for each in row["findings"] if each["start_char"] is not None]
        result = _result(row["trajectory_id"], standing, _values(row["verdicts"], "verdict"))
        task["predictions"] = [{"model_version": row["run_id"], "result": result}]
    return task


def _result(trajectory: str, spans: Iterable[Row], values: dict[str, list[str]]) -> list[Row]:
    """Regions and choices as Label Studio has them."""
    regions = [
        {
            "id": _id(trajectory, each["pattern"], each["start_char"], each["end_char"], each["stance"]),
            "from_name": "pattern", "to_name": "text", "type": "labels",
            "value": {
                "start": each["start_char"], "end": each["end_char"], "text": each["quote"], "labels": [each["pattern"]],
            },
            "meta": {"text": [word for word in (each["stance"], each["role"]) if word]},
        }
        for each in spans
    ]  # fmt: skip
    choices = [
        {
            "id": _id(trajectory, value, *patterns),
            "from_name": value,
            "to_name": "text",
            "type": "choices",
            "value": {"choices": patterns},
        }
        for value, patterns in values.items()
    ]
    return [*regions, *choices]


def _values(rows: Iterable[Row], column: str) -> dict[str, list[str]]:
    """The patterns of each value."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row[column] in VALUES:
            found.setdefault(row[column], []).append(row["pattern"])
    return found


def _patterns(rows: Sequence[Row]) -> list[str]:
    parts = ("labels", "spans", "verdicts", "findings")
    return sorted({each["pattern"] for row in rows for part in parts for each in row.get(part, ())})


def _id(*parts: object) -> str:
    return short_hash(["label-studio", *map(str, parts)])[:10]
