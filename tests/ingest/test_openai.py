"""OpenAI Responses and Codex rollouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.store import Store
from tests.ingest.provider_examples import (
    CODEX_EXEC,
    Row,
    answered,
    codex_lines,
    exec_event,
    response,
    rollout,
)
from tests.ingest.reading import one, read, said

Jsonl = Callable[..., Path]


@pytest.mark.parametrize(
    ("item", "text", "state"),
    [
        ({"summary": [{"type": "summary_text", "text": "Looked."}, {"type": "summary_text", "text": "Saw."}], "encrypted_content": "gAAAAB"}, "Looked.\n\nSaw.", "summary"),
        ({"summary": [{"type": "summary_text", "text": "Looked."}], "content": [{"type": "reasoning_text", "text": "I look around."}]}, "I look around.", "text"),
        ({"summary": [], "encrypted_content": "gAAAAB"}, None, "encrypted"),
        ({"summary": []}, None, "missing"),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": ""}]}, None, "empty"),
    ],
    ids=["summaries", "text before summary", "ciphertext alone", "nothing given", "empty"],
)  # fmt: skip
def test_responses_read_reasoning_items(jsonl: Jsonl, item: Row, text: str | None, state: str) -> None:
    path = jsonl([response({"id": "rs_1", "type": "reasoning", **item}, answered("4"), input="2+2?")])
    made = one(path)
    assert detect(path) == "responses"
    assert said(made) == [("user", "2+2?"), ("assistant", "4", text)] and made.reasoning_state() == state
    assert (made.trajectory_id, made.model, made.finish_reason) == ("resp_1", "o4-mini", "completed")


def test_a_response_with_calls_to_tools_keeps_its_order(jsonl: Jsonl) -> None:
    made = one(jsonl([response(
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"at":1}'},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Once more."}]},
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "x"}},
        answered("Nothing."),
        instructions="Be brief.",
        input=[{"role": "user", "content": "Look."}, {"type": "function_call_output", "call_id": "call_0", "output": "Old."}],
    )]))  # fmt: skip
    assert said(made) == [
        ("system", "Be brief."),
        ("user", "Look."),
        ("tool", "Old."),
        ("assistant", "", "I look.", ("look", '{"at":1}')),
        ("assistant", "", "Once more.", ("web_search", {"type": "search", "query": "x"})),
        ("assistant", "Nothing.", None),
    ]


def test_an_incomplete_response_that_only_reasoned_says_why(jsonl: Jsonl) -> None:
    made = one(jsonl([response(
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Let me s"}]},
        status="incomplete", incomplete_details={"reason": "max_output_tokens"},
    )]))  # fmt: skip
    assert (made.finish_reason, made.reasoning_state()) == ("max_output_tokens", "truncated")


def test_items_a_line_are_one_trajectory(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "2+2?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Adding."}]},
        answered("4"),
        {"type": "item_reference", "id": "x"},
    ])  # fmt: skip
    assert said(one(path)) == [("user", "2+2?"), ("assistant", "4", "Adding.")]
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.joined, report.skipped, report.set_aside) == (4, 1, 2, 1, 0)


def test_a_codex_rollout_is_one_trajectory_and_its_events_are_skipped(store: Store, jsonl: Jsonl) -> None:
    path = jsonl(codex_lines())
    made = one(path)
    assert detect(path) == "codex"
    assert said(made) == [
        ("system", "You are Codex."),
        ("user", "List."),
        ("assistant", "", "**Looking**", ("local_shell", {"type": "exec", "command": ["ls"]})),
        ("tool", "a.txt", "local_shell"),
        ("assistant", "One file.", None),
    ]
    assert (made.trajectory_id, made.model, made.checkpoint, made.reasoning_state()) == (
        "0199",
        "gpt-5-codex",
        "gpt-5-codex",
        "summary",
    )
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.stored, report.joined, report.skipped) == (11, 1, 1, 4, 6)


def test_codex_rollouts_one_after_the_other_are_apart_and_a_fork_is_not(jsonl: Jsonl) -> None:
    lines = codex_lines()
    other = rollout("session_meta", {"id": "0200"})
    assert [made.trajectory_id for made in read(jsonl([*lines, other, *lines[1:]]))] == ["0199", "0200"]
    assert [made.trajectory_id for made in read(jsonl([other, *lines]))] == ["0200"], "a fork has both"


def test_older_codex_rollouts_hold_the_items_bare(jsonl: Jsonl) -> None:
    path = jsonl([
        {"id": "0100", "timestamp": "2026-01-02T03:04:05.000Z", "instructions": None},
        {"record_type": "state"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "2+2?"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Adding."}], "encrypted_content": None},
        answered("4"),
    ])  # fmt: skip
    assert detect(path) == "codex"
    assert said(one(path)) == [("user", "2+2?"), ("assistant", "4", "Adding.")]
    assert one(path).trajectory_id == "0100"


# codex exec --json ---------------------------------------------------------------------------------------------


def test_what_codex_exec_prints_is_one_trajectory_with_each_item_once(store: Store, jsonl: Jsonl) -> None:
    path = jsonl(CODEX_EXEC)
    made = one(path)
    assert detect(path) == "codex-exec"
    assert said(made) == [
        ("assistant", "", "**Looking around**", ("command_execution", {"command": "bash -lc ls"})),
        ("tool", "a.txt\n", "command_execution"),
        ("assistant", "One file.", None),
    ]
    assert (made.trajectory_id, made.finish_reason, made.reasoning_state()) == (
        "0199-t",
        "completed",
        "summary",
    )
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.joined, report.skipped, report.set_aside) == (7, 1, 3, 3, 0)


def test_codex_exec_with_tools_of_servers_and_a_run_that_failed_in_the_middle_of_one(jsonl: Jsonl) -> None:
    path = jsonl([
        {"type": "thread.started", "thread_id": "t1"},
        exec_event("completed", id="item_0", item="mcp_tool_call", server="docs", tool="search", arguments={"q": "x"},
                   result={"content": [{"type": "text", "text": "Found."}], "structured_content": None}, status="completed"),
        exec_event("completed", id="item_1", item="mcp_tool_call", server="docs", tool="search", arguments={"q": "y"},
                   result=None, error={"message": "timed out"}, status="failed"),
        exec_event("started", id="item_2", item="command", command="sleep 9", aggregated_output="", status="in_progress"),
        {"type": "turn.failed", "error": {"message": "stream disconnected"}},
        {"type": "thread.started", "thread_id": "t2"},
        {"type": "item.completed", "item": {"id": "item_0", "item_type": "assistant_message", "text": "Hi."}},
    ])  # fmt: skip
    failed, older = read(path)
    assert said(failed) == [
        ("assistant", "", None, ("docs.search", {"q": "x"})),
        ("tool", "Found.", "docs.search"),
        ("assistant", "", None, ("docs.search", {"q": "y"})),
        ("tool", "timed out", "docs.search"),
        ("assistant", "", None, ("command_execution", {"command": "sleep 9"})),
    ]
    assert failed.finish_reason == "failed"
    assert (older.trajectory_id, said(older)) == ("t2", [("assistant", "Hi.", None)])


def test_an_id_that_is_no_text_is_kept_as_one(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([{"type": "thread.started", "thread_id": [1, "x"]}, *CODEX_EXEC[1:]])
    for stored in (1, 0):
        [report] = ingest(store, [path])
        assert (report.stored, report.read) == (stored, 1)
    with store.session() as db:
        assert db.execute("SELECT trajectory_id FROM trajectories").fetchall() == [('[1,"x"]',)]
