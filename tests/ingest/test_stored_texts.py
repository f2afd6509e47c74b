"""What of a trajectory is hashed and written: the same bytes, whatever makes them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import orjson

from analysis.ingest import ingest, preview
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.traces import read_trajectory
from analysis.trajectories import Message, Trajectory, canonical, row, sha256_of, whole_messages


def trajectory(*messages: Message) -> Trajectory:
    found = Trajectory(
        "s", list(messages), environment="e", checkpoint="c", sample=3, metadata={"b": "é", "a": 1}
    )
    found.identify({})
    return found


SAID = trajectory(Message("user", "Pick “one”."), Message("assistant", "7", "Odd 🙂.", "text", "cot"))
SILENT = trajectory(Message("user", "Pick."), Message("assistant", "7", None, "missing"))
SEVERAL = trajectory(
    Message("user", "Go on."),
    Message("assistant", "a", "Erst “so”.", "text", "thinking"),
    Message("assistant", "b", None, "encrypted"),
    Message("assistant", "", "🙂 dann so", "truncated", "thinking"),
)
CALLING = trajectory(Message("assistant", tool_calls=[{"name": "run", "arguments": {"z": 1, "a": "ü"}}]))


def test_the_hash_of_the_content_tells_what_was_said_and_thought_and_where() -> None:
    said = [SAID, SILENT, SEVERAL, CALLING, replace(SAID, sample=5), replace(SAID, checkpoint="b")]
    other = replace(SAID, messages=[*SAID.messages[:-1], replace(SAID.messages[-1], reasoning="Odd 🙃.")])
    hashes = [row(each, 1, now())["content_sha256"] for each in [*said, other]]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [row(each, 2, now())["content_sha256"] for each in [*said, other]]


def test_calls_whose_arguments_are_in_another_order_are_the_same_content() -> None:
    turned = trajectory(Message("assistant", tool_calls=[{"arguments": {"a": "ü", "z": 1}, "name": "run"}]))
    assert row(turned, 1, now())["content_sha256"] == row(CALLING, 1, now())["content_sha256"]


def test_content_that_was_hashed_with_its_messages_whole_is_known(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"q": "Pick.", "cot": "Odd.", "n": 1}\n{"q": "Pick.", "cot": "Even.", "n": 2}\n', "utf-8"
    )
    rules, store = {"prompt": "q", "reasoning": "cot", "sample": "n"}, Store(tmp_path / "t.duckdb")
    for each in preview(file, rules).trajectories:
        content = [
            [message.as_json() for message in each.messages],
            [each.environment, each.checkpoint, each.variant, each.prompt_id, each.model],
            [each.sample, each.finish_reason, each.synthetic],
        ]
        whole = hashlib.sha256(canonical(content)).hexdigest()
        with store.session() as db:
            append(db, "trajectories", [{**row(each, each.sample or 0, now()), "content_sha256": whole}])
    [report] = ingest(store, [file], rules)
    assert (report.already, report.stored, report.conflicting) == (2, 0, 0)


def test_texts_with_and_without_reasoning_are_stored_as_they_are(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.duckdb")
    with store.session() as db:
        append(db, "trajectories", [row(each, n, now()) for n, each in enumerate((SAID, SILENT, CALLING))])
        found = db.execute(
            "SELECT reasoning, reasoning_sha256, messages, metadata FROM log.trajectories ORDER BY row_id"
        ).fetchall()
    assert [each[0] for each in found] == ["Odd 🙂.", None, None]
    assert [each[1] for each in found] == [sha256_of("Odd 🙂."), None, None]
    for (text, _, messages, metadata), each in zip(found, (SAID, SILENT, CALLING), strict=True):
        assert whole_messages(messages, text) == [message.as_json() for message in each.messages]
        assert metadata == '{"b":"é","a":1}'


def test_a_calls_arguments_keep_their_order() -> None:
    [message] = orjson.loads(row(CALLING, 1, now())["messages"])
    assert list(message["tool_calls"][0]["arguments"]) == ["z", "a"]


def test_reasoning_is_stored_once_and_read_back_in_its_messages(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.duckdb")
    older = {**row(SAID, 2, now()), "messages": canonical([m.as_json() for m in SAID.messages])}
    with store.session() as db:
        append(db, "trajectories", [row(SEVERAL, 1, now()), older])
        [(stored,)] = db.execute("SELECT messages FROM trajectories WHERE row_id = 1").fetchall()
        turns = db.execute(
            "SELECT message, reasoning_state, reasoning FROM turns ORDER BY row_id, message"
        ).fetchall()
        read = [read_trajectory(db, str(each.trajectory_id)).messages for each in (SEVERAL, SAID)]
    assert "“so”" not in stored and "dann" not in stored
    assert read == [[message.as_json() for message in each.messages] for each in (SEVERAL, SAID)]
    assert turns == [
        (1, "text", "Erst “so”."), (2, "encrypted", None), (3, "truncated", "🙂 dann so"), (1, "text", "Odd 🙂."),
    ], "as a table, from rows of this version and of older ones"  # fmt: skip
