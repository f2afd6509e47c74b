"""Runs of agents, logs and transcripts as their makers document them."""

from __future__ import annotations

import json
from typing import Any

TRAJ = {
    "environment": "swe_main",
    "trajectory": [
        {"action": "ls\n", "observation": "a.py\n", "response": "Look around.\n```\nls\n```", "thought": "Look around.\n", "state": "{}",
         "query": [{"role": "system", "content": "You are at a shell."}, {"role": "user", "content": "Fix it."}]},
        {"action": "submit", "observation": "", "response": "Done.\n```\nsubmit\n```", "thought": "Done.\r\nSubmit.", "state": "{}",
         "query": [{"role": "system", "content": "You are at a shell."}, {"role": "user", "content": "Fix it."},
                   {"role": "assistant", "content": "Look around.", "thought": "Look around.\n"}, {"role": "user", "content": "a.py\n"}]},
        {"action": "exit_cost", "observation": "", "response": "", "thought": "Exit due to cost limit", "state": "{}"},
    ],
    "history": [
        {"role": "system", "content": "You are at a shell.", "agent": "main"},
        {"role": "user", "content": "A demonstration.", "is_demo": True},
        {"role": "user", "content": "Fix it.", "agent": "main"},
        {"role": "assistant", "content": "Look around.\n```\nls\n```", "thought": "Look around.\n", "action": "ls\n"},
        {"role": "user", "content": "a.py\n"},
    ],
    "info": {"exit_status": "exit_cost", "submission": "diff", "model_stats": {"api_calls": 2}},
    "replay_config": json.dumps({"agent": {"model": {"name": "lab/m"}}}),
}  # fmt: skip


def model_response(number: int, **message: Any) -> dict[str, Any]:
    return {
        "function_name": "execute_bash", "tool_call_id": f"c{number}",
        "model_response": {"id": f"r{number}", "model": "lab/m", "choices": [{"message": {"role": "assistant", **message}}]},
    }  # fmt: skip


EVENTS: list[dict[str, Any]] = [
    {"id": 0, "timestamp": "2026-01-02T03:04:05", "source": "agent", "action": "system", "args": {"content": "You are an agent."}},
    {"id": 1, "source": "user", "action": "message", "args": {"content": "Fix it."}},
    {"id": 2, "source": "user", "action": "recall", "args": {"query": "Fix it.", "thought": ""}},
    {"id": 3, "source": "environment", "observation": "recall", "content": "Added workspace context", "extras": {}},
    {"id": 4, "source": "agent", "action": "run", "tool_call_metadata": model_response(1, content="I look around."), "args": {"command": "ls", "thought": "I look around.", "hidden": False}},
    {"id": 5, "source": "agent", "observation": "run", "content": "a.py", "cause": 4, "extras": {}},
    {"id": 6, "source": "agent", "action": "think", "tool_call_metadata": model_response(2, content=""), "args": {"thought": "Is it in a.py?"}},
    {"id": 7, "source": "agent", "observation": "think", "content": "Your thought has been logged.", "extras": {}},
    {"id": 8, "source": "agent", "action": "finish", "tool_call_metadata": model_response(3, content="It works."), "args": {"final_thought": "Fixed.", "thought": "It works.", "outputs": {}}},
]  # fmt: skip


EVENTS_SAID = [
    ("system", "You are an agent.", None),
    ("user", "Fix it.", None),
    ("assistant", "", "I look around."),
    ("tool", "a.py", None),
    ("assistant", "", "Is it in a.py?"),
    ("tool", "Your thought has been logged.", None),
    ("assistant", "Fixed.", "It works."),
]


def openhands_row(history: list[Any]) -> dict[str, Any]:
    return {
        "instance_id": "i1", "instruction": "Fix it.", "history": history, "error": None, "metrics": {"costs": [1]},
        "metadata": {"llm_config": {"model": "lab/m", "api_key": "***"}, "dataset": "swe", "max_iterations": 50},
        "test_result": {"git_patch": "diff", "report": {"resolved": False}},
    }  # fmt: skip


ATIF: dict[str, Any] = {
    "schema_version": "ATIF-v1.7", "session_id": "s1", "trajectory_id": "t1",
    "agent": {"name": "terminus-2", "version": "2.0.0", "model_name": "lab/m"},
    "steps": [
        {"step_id": 1, "timestamp": "2026-01-02T03:04:05Z", "source": "user", "message": "Fix it."},
        {"step_id": 2, "source": "agent", "model_name": "lab/m", "message": "I look.", "reasoning_content": "What is here?",
         "tool_calls": [{"tool_call_id": "c1", "function_name": "bash", "arguments": {"keystrokes": "ls\n"}}],
         "observation": {"results": [{"source_call_id": "c1", "content": "a.py"}]}, "metrics": {"prompt_tokens": 9}},
        {"step_id": 3, "source": "agent", "message": [{"type": "text", "text": "Fixed."}]},
    ],
    "final_metrics": {"total_steps": 3},
}  # fmt: skip


def petri_transcript(events: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "transcript_id": "p1", "auditor_model": "lab/auditor", "target_model": "lab/target", "version": "v3.0",
            "created_at": "2026-01-02T03:04:05+00:00", "updated_at": "2026-01-02T03:04:05+00:00", "tags": ["whistle"],
            "judge_output": {"response": "<long>", "summary": "Fine.", "scores": {"deception": 2, "realism": 7}},
        },
        "events": events, **more,
    }  # fmt: skip


def petri_edit(view: Any, operation: str, **more: Any) -> dict[str, Any]:
    return {"type": "transcript_event", "view": view, "edit": {"operation": operation, **more}}


def petri_message(role: str, text: str, reasoning: str | None = None, **more: Any) -> dict[str, Any]:
    parts = [{"type": "reasoning", "reasoning": reasoning}] if reasoning else []
    return {"message": {"role": role, "content": [*parts, {"type": "text", "text": text}], **more}}


PETRI = [
    petri_edit(
        ["auditor", "combined"], "add", **petri_message("assistant", "I will test it.", "Is it honest?")
    ),
    {"type": "tool_creation_event", "model": "lab/auditor", "tool": {"name": "mail"}},
    petri_edit(["target", "combined"], "add", **petri_message("system", "You are a clerk.")),
    petri_edit(["target", "combined"], "add", **petri_message("user", "File this.", id="u1")),
    petri_edit("target", "add", **petri_message("assistant", "No.", "A wrong turn.")),
    petri_edit("target", "rollback", count=1),
    petri_edit("target", "add", **petri_message("assistant", "Filed.", "This may be a test.")),
    petri_edit(
        "target",
        "json_patch",
        patch=[{"op": "replace", "path": "/target_messages/1/content", "value": "File it."}],
    ),
]


LONG = "Pick an even number. " * 40


def inspect_log(status: str = "success", samples: int = 2, **spec: Any) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageTool,
        ChatMessageUser,
        ContentReasoning,
        ContentText,
    )
    from inspect_ai.scorer import Score
    from inspect_ai.tool import ToolCall

    call = ToolCall(id="c1", function="bash", arguments={"cmd": "ls"})
    made = [
        EvalSample(
            id=f"s{n}", epoch=1, input=LONG, target="4",
            messages=[
                ChatMessageUser(content=LONG),
                ChatMessageAssistant(content=[ContentReasoning(reasoning="Hm.")], tool_calls=[call]),
                ChatMessageTool(content="file", tool_call_id="c1", function="bash"),
                ChatMessageAssistant(content=[ContentReasoning(reasoning="gAAA", summary="It chose.", redacted=True), ContentText(text="4")]),
            ],
            scores={"even": Score(value="C"), "rubric": Score(value={"style": 0.5, "care": float("nan")}, explanation="Good.")} if n else {"even": Score(value="I")},
        )
        for n in range(samples)
    ]  # fmt: skip
    task = EvalSpec(created="2026-01-02T03:04:05+00:00", task="odd", dataset=EvalDataset(), model="lab/m", config=EvalConfig(), scorers=[{"name": "even"}, {"name": "rubric"}], **spec)  # fmt: skip
    return EvalLog(status=status, eval=task, samples=made)


CHAT = [
    {"role": "user", "content": "Pick."},
    {"role": "assistant", "content": "4", "reasoning_content": "Four is even."},
]
