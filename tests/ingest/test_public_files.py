"""Public files of providers, agents and Inspect: what their README says of each is what is read."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.store import Store
from analysis.trajectories import Trajectory
from tests.ingest.reading import one, parted, read


def reasoned_turns(found: list[Trajectory]) -> int:
    return sum(len(made.turns()) for made in found)


@pytest.mark.parametrize(
    ("name", "format", "trajectories", "reasoned", "state"),
    [
        ("chat_completion_reasoning.jsonl", "message-rows", 200, 200, "text"),
        ("claude_code_session.jsonl", "claude-code", 1, 31, "summary"),
        ("codex_rollout.jsonl", "codex", 1, 20, "summary"),
        ("gemini_cli.json", "gemini-cli", 1, 14, "summary"),
        ("harmony_raw_output.jsonl", "harmony", 20, 20, "text"),
        ("typed_content_reasoning.jsonl", "chat", 50, 112, "text"),
    ],
)
def test_public_files_by_detection_alone(
    real: Path, name: str, format: str, trajectories: int, reasoned: int, state: str
) -> None:
    path = real / "formats" / name
    found = read(path)
    assert (detect(path), len(found), reasoned_turns(found)) == (format, trajectories, reasoned)
    assert {made.reasoning_state() for made in found} == {state}
    for made in found:
        assert "gAAAA" not in (made.reasoning() or "") and "<|" not in (made.reasoning() or "")


def test_public_files_add_up(store: Store, real: Path) -> None:
    names = ("claude_code_session.jsonl", "codex_rollout.jsonl", "chat_completion_reasoning.jsonl")
    reports = ingest(store, [real / "formats" / name for name in names])
    assert [(r.items, r.stored, r.joined, r.skipped, r.set_aside) for r in reports] == [
        (124, 1, 117, 6, 0),
        (153, 1, 62, 90, 0),
        (200, 200, 0, 0, 0),
    ]


def test_the_public_claude_code_session(real: Path) -> None:
    made = one(real / "formats" / "claude_code_session.jsonl")
    roles = Counter(message.role for message in made.messages)
    assert roles == {"assistant": 40, "tool": 37, "user": 6}, "40 messages of the API, from 75 lines"
    assert sum(len(message.tool_calls) for message in made.messages) == 37
    assert all(message.name for message in made.messages if message.role == "tool")


def test_the_public_codex_rollout_says_each_thing_once(real: Path) -> None:
    made = one(real / "formats" / "codex_rollout.jsonl")
    assert (made.model, sum(len(message.tool_calls) for message in made.messages)) == ("gpt-5-codex", 18)
    texts = [message.reasoning for message in made.messages if message.reasoning]
    assert texts[0] == "**Examining repository structure**" and len(texts) == 20


def test_the_public_gemini_session_loses_its_backslashes(real: Path) -> None:
    made = one(real / "formats" / "gemini_cli.json")
    thoughts = [message.reasoning or "" for message in made.messages if message.role == "assistant"]
    assert sum(text.count("**") // 2 for text in thoughts) == 22
    assert thoughts[0].startswith("**Beginning the Build**\n\nI'm starting the Pomodoro timer project")
    assert not any("\\n\\n" in text for text in thoughts)


def test_the_public_chat_completions_hold_their_reasoning_once(real: Path) -> None:
    made = read(real / "formats" / "chat_completion_reasoning.jsonl")[0]
    assert set(made.metadata) == {"answer", "usage", "api_base", "meta"}
    assert made.created_at == datetime(2025, 8, 18, 8, 46, 19, 217290)
    assert made.prompt()[0].content.startswith("Janet")


def test_the_public_harmony_rows_split_as_their_authors_did(real: Path) -> None:
    path = real / "formats" / "harmony_raw_output.jsonl"
    rows = [json.loads(row) for row in path.read_text().split("\n") if row]
    for made, row in zip(read(path), rows, strict=True):
        assert made.reasoning() == row["internal_reasoning"].strip()
        assert (made.answer() or "").startswith(row["external_output"].strip()[:1000])
        assert (made.checkpoint, made.prompt_id) == ("s200", row["task_id"])
        assert "internal_reasoning" not in made.metadata and "raw_output" not in made.metadata


def test_the_public_typed_parts_keep_calls_and_results(real: Path) -> None:
    found = read(real / "formats" / "typed_content_reasoning.jsonl")
    calls = [call for made in found for message in made.messages for call in message.tool_calls]
    assert len(calls) == 68 and all(call["name"] for call in calls)
    assert sum(message.role == "tool" for made in found for message in made.messages) == 42


def test_the_public_swe_agent_run(real: Path) -> None:
    trajectory = one(real / "formats" / "swe_agent.traj")
    assert len(trajectory.turns()) == 14 and trajectory.reasoning_state() == "text"
    assert [m.role for m in trajectory.messages] == [
        "system", "user", *["assistant", "tool"] * 12, "assistant", "assistant", "tool",
    ], "the command before the last printed nothing"  # fmt: skip
    assert trajectory.turns()[0][1].startswith("Let's list out some of the files")
    assert trajectory.answer() is None and "```" not in str(trajectory.reasoning())


def test_the_public_openhands_output(real: Path) -> None:
    trajectories, aside = parted(real / "formats" / "openhands_output.jsonl")
    assert [(len(t.messages), len(t.turns()), t.finish_reason) for t in trajectories] == [
        (47, 23, "finish"),
        (68, 33, "finish"),
        (101, 49, None),
    ] and not aside
    assert [m.reasoning_source for m in trajectories[2].messages].count("think") == 1
    assert str(trajectories[0].answer()).startswith("The issue with the `ponyc` compiler")


def test_the_public_inspect_logs(real: Path) -> None:
    trajectories, aside = parted(real / "formats" / "inspect_anthropic_reasoning.eval")
    messages = [m for t in trajectories for m in t.messages if m.role == "assistant"]
    assert len(trajectories) == 6 and not aside
    assert sum(m.reasoning is not None for m in messages) == 70
    assert sum(m.reasoning is not None and not m.content for m in messages) == 19, (
        "those with reasoning and no text"
    )
    assert not any("attachment://" in m.content for t in trajectories for m in t.messages)
    sealed, aside = parted(real / "formats" / "inspect_encrypted_reasoning.eval")
    assert len(sealed) == 5 and not aside and {t.reasoning_state() for t in sealed} == {"summary"}
    assert not any("gAAAA" in json.dumps(m.as_json()) for t in sealed for m in t.messages)


def test_the_whole_folder_goes_in_by_detection_alone(store: Store, real: Path) -> None:
    reports = ingest(store, [real / "formats"])
    assert {report.file.split("/")[1]: (report.format, report.stored) for report in reports} == {
        "chat_completion_reasoning.jsonl": ("message-rows", 200),
        "claude_code_session.jsonl": ("claude-code", 1),
        "codex_rollout.jsonl": ("codex", 1),
        "gemini_cli.json": ("gemini-cli", 1),
        "harmony_raw_output.jsonl": ("harmony", 20),
        "inspect_anthropic_reasoning.eval": ("inspect", 6),
        "inspect_encrypted_reasoning.eval": ("inspect", 5),
        "openhands_output.jsonl": ("openhands", 3),
        "swe_agent.traj": ("swe-agent", 1),
        "typed_content_reasoning.jsonl": ("chat", 50),
    }
    assert not any(report.set_aside or report.conflicting or report.refused for report in reports)
    with store.session() as db:
        sealed = db.execute(
            "SELECT count(*) FROM trajectories WHERE contains(concat(reasoning, answer, messages), 'gAAAA')"
        ).fetchone()
        turns = dict(
            db.execute(
                """SELECT split_part(source, '/', 2), count(u.reasoning)
                   FROM trajectories JOIN turns u USING (row_id) GROUP BY 1"""
            ).fetchall()
        )
        unread = db.execute("SELECT count(*) FROM trajectories WHERE reasoning IS NULL").fetchone()
    assert sealed == (0,) and unread == (0,)
    assert turns == {
        "chat_completion_reasoning.jsonl": 200, "claude_code_session.jsonl": 31, "codex_rollout.jsonl": 20,
        "gemini_cli.json": 14, "harmony_raw_output.jsonl": 20, "inspect_anthropic_reasoning.eval": 70,
        "inspect_encrypted_reasoning.eval": 5, "openhands_output.jsonl": 105, "swe_agent.traj": 14,
        "typed_content_reasoning.jsonl": 112,
    }  # fmt: skip
