"""What holds of every format, whatever stands in its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.ingest import FORMATS, ingest, preview
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.ingest.skipped import Skipped
from analysis.store import Store
from analysis.store.rows import now
from analysis.trajectories import row as row_of
from tests.ingest.provider_examples import EXAMPLES, codex_lines

Jsonl = Callable[..., Path]


def test_what_is_no_message_is_no_complaint_of_a_dry_run(jsonl: Jsonl) -> None:
    shown = preview(jsonl(codex_lines()))
    assert [made.trajectory_id for made in shown.trajectories] == ["0199"] and shown.unreadable == []


def test_what_was_skipped_is_counted_and_never_in_the_quarantine(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([*codex_lines(), {"type": "response_item", "payload": {"type": "message", "role": "user", "content": 5}}])  # fmt: skip
    path.write_text(path.read_text() + "[1]\n")
    [report] = ingest(store, [path])
    [again] = ingest(store, [path])
    assert (report.items, report.read, report.set_aside) == (13, 1, 1)
    assert (again.already, again.joined, again.skipped) == (1, report.joined, report.skipped)
    with store.session() as db:
        assert db.execute("SELECT DISTINCT line FROM quarantine").fetchall() == [(13,)]


def test_there_is_an_example_of_every_providers_format() -> None:
    assert set(EXAMPLES) <= {each.NAME for each in FORMATS}


def test_the_help_of_ingest_names_every_format(telltale: Callable[..., Any]) -> None:
    text = re.sub(r"-\n\s+", "-", telltale("ingest", "--help").stdout)
    assert {each.NAME for each in FORMATS} <= set(re.findall(r"[a-z-]+", text))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inside for place in places(each, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
def test_whatever_stands_in_a_field_every_item_is_counted_and_nothing_breaks(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(EXAMPLES)))
    rows = list(EXAMPLES[name])
    junk = st.sampled_from([None, 0, 1.5, True, "", "x", [], {}, [None], [1], {"type": []}, ["x", {}]])
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(rows) - 1))
        path = data.draw(st.sampled_from([place for place in places(rows[number]) if place] or [("x",)]))
        if path != ("x",):
            rows[number] = changed(rows[number], path, data.draw(junk))
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    items = 0
    sample_of: dict[str, int] = {}
    for each in named(name).read(file, "s"):
        items += each.count if isinstance(each, Skipped) else 1
        if not isinstance(each, Unreadable):
            each[1].identify(sample_of)
            assert row_of(each[1], 1, now())["content_sha256"] and each[1].reasoning_state()
    assert items == len(rows)
