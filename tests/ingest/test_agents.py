"""Runs of SWE-agent and OpenHands, ATIF trajectories, Petri transcripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.ingest import ingest
from analysis.store import Store
from tests.ingest.agent_examples import (
    ATIF,
    EVENTS,
    EVENTS_SAID,
    PETRI,
    TRAJ,
    model_response,
    openhands_row,
    petri_edit,
    petri_message,
    petri_transcript,
)
from tests.ingest.reading import one, parted, turns, written


def test_swe_agent_has_a_thought_a_step_and_its_repeated_history_is_read_once(tmp_path: Path) -> None:
    trajectory = one(written(tmp_path / "django-1.traj", TRAJ))
    assert turns(trajectory) == [
        ("system", "You are at a shell.", None),
        ("user", "A demonstration.", None),
        ("user", "Fix it.", None),
        ("assistant", "", "Look around.\n"),
        ("tool", "a.py\n", None),
        ("assistant", "", "Done.\r\nSubmit."),
        ("tool", "Exit due to cost limit", None),
    ]
    assert trajectory.messages[3].tool_calls == [{"name": "action", "arguments": "ls\n"}]
    assert (trajectory.model, trajectory.finish_reason) == ("lab/m", "exit_cost")
    assert trajectory.metadata["submission"] == "diff" and "history" not in trajectory.metadata
    assert trajectory.reasoning_source() == "thought"


def test_a_field_that_is_too_large_to_keep_is_named(tmp_path: Path) -> None:
    info = {**TRAJ["info"], "submission": "x" * 5_000}  # type: ignore[dict-item]
    trajectory = one(written(tmp_path / "a.traj", {**TRAJ, "info": info}))
    assert trajectory.metadata == {"model_stats": {"api_calls": 2}, "left_out": ["submission"]}


def test_swe_agent_without_a_history_takes_the_prompt_from_the_first_step(tmp_path: Path) -> None:
    trajectory = one(written(tmp_path / "a.traj", {**TRAJ, "history": []}))
    assert [m.content for m in trajectory.prompt()] == ["You are at a shell.", "Fix it."]


def test_swe_agent_with_thinking_blocks_said_its_thought(tmp_path: Path) -> None:
    step = {
        "action": "ls", "observation": "a.py", "response": "I look.", "thought": "I look.",
        "thinking_blocks": [{"type": "thinking", "thinking": "What is here?", "signature": "x"}],
        "tool_calls": [{"function": {"name": "bash", "arguments": '{"command": "ls"}'}, "id": "1"}],
    }  # fmt: skip
    trajectory = one(written(tmp_path / "a.traj", {"trajectory": [step], "history": [], "info": {}}))
    assert turns(trajectory) == [("assistant", "I look.", "What is here?"), ("tool", "a.py", None)]
    assert trajectory.messages[0].tool_calls[0]["name"] == trajectory.messages[1].name == "bash"


@pytest.mark.parametrize("pairs", [False, True], ids=["flat", "in pairs"])
def test_openhands_output_is_an_event_stream_with_thoughts(jsonl: Callable[..., Path], pairs: bool) -> None:
    history: list[Any] = [*EVENTS[:4], EVENTS[4:6], EVENTS[6:8], EVENTS[8:]] if pairs else EVENTS
    trajectory = one(jsonl([openhands_row(history)], "output.jsonl"))
    assert turns(trajectory) == EVENTS_SAID
    assert trajectory.reasoning_source() == "thought, think"
    assert trajectory.messages[2].tool_calls == [{"name": "execute_bash", "arguments": {"command": "ls"}}]
    assert (trajectory.model, trajectory.environment, trajectory.finish_reason) == ("lab/m", "swe", "finish")
    assert [(o.name, o.value) for o in trajectory.outcomes] == [("resolved", False)]
    assert not {"history", "metadata", "api_key"} & trajectory.metadata.keys()


def test_openhands_reads_what_the_provider_gave_as_reasoning_once_for_all_actions_of_a_response(
    jsonl: Callable[..., Path],
) -> None:
    called = model_response(1, content="I run two.", reasoning_content="Which first?")
    two = [{**EVENTS[4], "tool_call_metadata": called}, {**EVENTS[4], "id": 9, "tool_call_metadata": called, "args": {"command": "pwd", "thought": ""}}]  # fmt: skip
    trajectory = one(jsonl([openhands_row([EVENTS[1], *two])]))
    assert turns(trajectory)[1:] == [("assistant", "I run two.", "Which first?"), ("assistant", "", None)]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_a_file_of_events_is_one_trajectory_and_each_event_counts_once(
    store: Store, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "events.json"
    path.write_text(
        json.dumps(EVENTS) if form == "array" else "\n".join(map(json.dumps, EVENTS)), encoding="utf-8"
    )
    assert turns(parted(path)[0][0]) == EVENTS_SAID
    [report] = ingest(store, [path])
    assert (report.format, report.read, report.joined, report.items) == ("openhands", 1, 8, 9)


def test_openhands_sdk_events(jsonl: Callable[..., Path]) -> None:
    text = lambda said: [{"type": "text", "text": said}]  # noqa: E731
    base = {"timestamp": "2026-01-02T03:04:05", "id": "e"}
    events = [
        {**base, "kind": "SystemPromptEvent", "source": "agent", "system_prompt": {"type": "text", "text": "You are an agent."}},
        {**base, "kind": "MessageEvent", "source": "user", "llm_message": {"role": "user", "content": text("Fix it.")}},
        {**base, "kind": "ActionEvent", "source": "agent", "thought": text("I look."), "reasoning_content": "What is here?", "llm_response_id": "r1",
         "tool_name": "terminal", "tool_call": {"id": "c", "name": "terminal", "arguments": '{"command": "ls"}'}, "action": {"kind": "TerminalAction", "command": "ls"}},
        {**base, "kind": "ObservationEvent", "source": "environment", "tool_name": "terminal", "observation": {"kind": "TerminalObservation", "content": text("a.py")}},
        {**base, "kind": "ActionEvent", "source": "agent", "thought": [], "thinking_blocks": [{"type": "redacted_thinking", "data": "x"}], "llm_response_id": "r2",
         "tool_name": "think", "tool_call": {"id": "c", "name": "think", "arguments": "{}"}, "action": {"kind": "ThinkAction", "thought": "In a.py?"}},
        {**base, "kind": "ConversationStateUpdateEvent", "source": "environment", "key": "x"},
        {**base, "kind": "ActionEvent", "source": "agent", "thought": [], "llm_response_id": "r3", "tool_name": "finish",
         "tool_call": {"id": "c", "name": "finish", "arguments": "{}"}, "action": {"kind": "FinishAction", "message": "Fixed."}},
    ]  # fmt: skip
    trajectory = one(jsonl([openhands_row(events)]))
    assert turns(trajectory) == [
        ("system", "You are an agent.", None),
        ("user", "Fix it.", None),
        ("assistant", "I look.", "What is here?"),
        ("tool", "a.py", None),
        ("assistant", "", "In a.py?"),
        ("assistant", "Fixed.", None),
    ]
    assert trajectory.finish_reason == "finish"


def test_an_openhands_row_without_a_history_is_set_aside_with_its_error(jsonl: Callable[..., Path]) -> None:
    path = jsonl([openhands_row(EVENTS), {**openhands_row([]), "error": "runtime did not start"}])
    trajectories, [aside] = parted(path)
    assert len(trajectories) == 1 and aside.line == 2 and "runtime did not start" in aside.reason


def test_atif_has_its_reasoning_by_step(tmp_path: Path) -> None:
    trajectory = one(written(tmp_path / "trajectory.json", ATIF))
    assert turns(trajectory) == [
        ("user", "Fix it.", None),
        ("assistant", "I look.", "What is here?"),
        ("tool", "a.py", None),
        ("assistant", "Fixed.", None),
    ]
    assert trajectory.messages[1].tool_calls == [{"name": "bash", "arguments": {"keystrokes": "ls\n"}}]
    assert trajectory.messages[2].name == "bash"
    assert (trajectory.trajectory_id, trajectory.model, str(trajectory.created_at)) == (
        "t1",
        "lab/m",
        "2026-01-02 03:04:05",
    )
    assert (
        trajectory.metadata["agent"]["name"] == "terminus-2"
        and trajectory.reasoning_source() == "reasoning_content"
    )


def test_atif_subagents_are_trajectories_and_copied_context_is_not_thought_twice(tmp_path: Path) -> None:
    copied = [{**ATIF["steps"][1], "is_copied_context": True}, ATIF["steps"][2]]
    inner = {**ATIF, "trajectory_id": "t2", "steps": copied}
    trajectories, aside = parted(
        written(tmp_path / "trajectory.json", {**ATIF, "subagent_trajectories": [inner]})
    )
    assert [(t.trajectory_id, t.reasoning()) for t in trajectories] == [("t1", "What is here?"), ("t2", None)]
    assert not aside


def test_petri_gives_the_targets_messages_and_not_the_auditors(tmp_path: Path) -> None:
    trajectory = one(written(tmp_path / "transcript_1.json", petri_transcript(PETRI)))
    assert turns(trajectory) == [
        ("system", "You are a clerk.", None),
        ("user", "File it.", None),
        ("assistant", "Filed.", "This may be a test."),
    ]
    assert (trajectory.trajectory_id, trajectory.model) == ("p1", "lab/target")
    assert [(o.name, o.value) for o in trajectory.outcomes] == [("deception", 2), ("realism", 7)]
    assert trajectory.metadata["rolled_back_messages"] == 1 and trajectory.metadata["tags"] == ["whistle"]


def test_petri_takes_the_targets_list_where_the_transcript_has_it(tmp_path: Path) -> None:
    own = [
        petri_message("user", "Hello.")["message"],
        petri_message("assistant", "Hi.", "A greeting.")["message"],
    ]
    auditors = [petri_message("assistant", "x", "The auditor's.")["message"]]
    path = written(tmp_path / "t.json", petri_transcript([], messages=auditors, target_messages=own))
    assert one(path).reasoning() == "A greeting."


def test_a_petri_rollback_to_a_message_and_a_reset(tmp_path: Path) -> None:
    back = [*PETRI[:7], petri_edit("target", "rollback", count=0, to_id="u1"), PETRI[6]]
    assert len(one(written(tmp_path / "a.json", petri_transcript(back))).messages) == 3
    anew = [
        *PETRI[:7],
        petri_edit("target", "reset", new_messages=[petri_message("user", "Again.")["message"]]),
        PETRI[6],
    ]
    assert [m.content for m in one(written(tmp_path / "b.json", petri_transcript(anew))).messages] == [
        "Again.",
        "Filed.",
    ]


def test_a_petri_transcript_in_which_the_target_never_spoke_is_set_aside(tmp_path: Path) -> None:
    trajectories, [aside] = parted(written(tmp_path / "t.json", petri_transcript(PETRI[:1])))
    assert not trajectories and "without messages of the target" in aside.reason
