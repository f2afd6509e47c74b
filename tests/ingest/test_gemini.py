"""Gemini CLI sessions and responses of the Gemini API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.store import Store
from tests.ingest.provider_examples import GEMINI_META, GEMINI_SAID, GEMINI_TURNS, Row, candidate
from tests.ingest.reading import one, said, states, unread

Jsonl = Callable[..., Path]


def test_a_gemini_cli_session(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([{**GEMINI_META, "messages": GEMINI_TURNS}], "session.json")
    made = one(path)
    assert detect(path) == "gemini-cli" and said(made) == GEMINI_SAID
    assert (states(made), made.reasoning_source()) == (["summary", "missing"], "thoughts")
    assert (made.trajectory_id, made.model, made.created_at) == (
        "g1",
        "gemini-2.5-pro",
        datetime(2026, 1, 2, 3, 4, 5),
    )


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("\\n\\n\n\nA.", "A."),
        ("A.\\n \\n", "A."),
        ("a\\nb", "a\\nb"),
        ("\\n", None),
        ("\\n" * 200_000 + "A." + " " * 200_000 + "b", "A." + " " * 200_000 + "b"),
    ],
    ids=["before", "after", "inside stays", "alone", "many"],
)
def test_a_thought_loses_the_backslashes_at_its_ends(
    jsonl: Jsonl, description: str, text: str | None
) -> None:
    said = {"id": "1", "type": "gemini", "content": "x", "thoughts": [{"description": description}]}
    assert one(jsonl([{**GEMINI_META, "messages": [said]}])).reasoning() == text


def test_a_gemini_cli_session_of_a_record_a_line_replays_what_was_taken_back(
    store: Store, jsonl: Jsonl
) -> None:
    early = {"id": "3", "type": "gemini", "content": "I wr", "thoughts": []}
    path = jsonl([
        GEMINI_META, GEMINI_TURNS[0], GEMINI_TURNS[1], early, GEMINI_TURNS[2],
        {"id": "8", "type": "user", "content": "No, stop."}, {"id": "9", "type": "gemini", "content": "Stopped."},
        {"$rewindTo": "8"}, {"$set": {"summary": "Writing"}}, GEMINI_TURNS[3],
    ])  # fmt: skip
    assert said(one(path)) == GEMINI_SAID and one(path).metadata == {
        "projectHash": "2d33",
        "summary": "Writing",
    }
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.joined, report.skipped) == (10, 1, 5, 4)


@pytest.mark.parametrize(
    ("parts", "reasoning", "state"),
    [
        ([{"text": "**Adding**\n\nTwo and two.", "thought": True}, {"text": "4"}], "**Adding**\n\nTwo and two.", "summary"),
        ([{"text": "4", "thoughtSignature": "CpQB"}], None, "encrypted"),
        ([{"text": "4"}], None, "missing"),
    ],
    ids=["thought summary", "only signed", "none"],
)  # fmt: skip
def test_gemini_api_responses(jsonl: Jsonl, parts: list[Row], reasoning: str | None, state: str) -> None:
    path = jsonl([{
        "candidates": [candidate(*parts)], "modelVersion": "gemini-2.5-pro", "responseId": "r1",
        "usageMetadata": {"thoughtsTokenCount": 9}, "contents": [{"role": "user", "parts": [{"text": "2+2?"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
    }])  # fmt: skip
    made = one(path)
    assert detect(path) == "gemini"
    assert said(made) == [("system", "Be brief."), ("user", "2+2?"), ("assistant", "4", reasoning)]
    assert (made.reasoning_state(), made.finish_reason) == (state, "STOP")
    assert (made.trajectory_id, made.model, made.metadata) == (
        "r1",
        "gemini-2.5-pro",
        {"usageMetadata": {"thoughtsTokenCount": 9}},
    )


def test_gemini_api_in_snake_case_with_functions_and_a_blocked_prompt(jsonl: Jsonl) -> None:
    call = {"function_call": {"name": "look", "args": {"at": 1}}}
    answer = {"function_response": {"name": "look", "response": {"output": "Nothing."}}}
    path = jsonl([
        {"key": "q1", "request": {"contents": [{"role": "user", "parts": [{"text": "Look."}]}, {"role": "model", "parts": [call]}, {"role": "user", "parts": [answer]}]},
         "response": {"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}, {"text": "Done."}]}, "finish_reason": "STOP"}], "model_version": "gemini"}},
        {"prompt_feedback": {"block_reason": "SAFETY"}},
    ])  # fmt: skip
    [made] = [each[1] for each in named(detect(path)).read(path, "s") if not isinstance(each, Unreadable)]
    assert said(made) == [
        ("user", "Look."),
        ("assistant", "", None, ("look", {"at": 1})),
        ("tool", "Nothing.", "look"),
        ("assistant", "Done.", "Hm."),
    ]
    assert unread(path) == [(2, "no `candidates`: {'block_reason': 'SAFETY'}")]
