"""Amazon Bedrock's Converse API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ingest import detect
from tests.ingest.provider_examples import Row, converse, reasoned
from tests.ingest.reading import one, said, unread

Jsonl = Callable[..., Path]
ASKED = [{"role": "user", "content": [{"text": "2+2?"}]}]
SEALED = {"reasoningContent": {"redactedContent": "EmwKAhgB"}}


@pytest.mark.parametrize(
    ("blocks", "reasoning", "state"),
    [
        ([reasoned("Two and two."), {"text": "4"}], "Two and two.", "text"),
        ([SEALED, {"text": "4"}], None, "encrypted"),
        ([reasoned(""), {"text": "4"}], None, "encrypted"),
        ([reasoned("Two and two."), SEALED, {"text": "4"}], "Two and two.", "text"),
        ([{"text": "4"}], None, "missing"),
    ],
    ids=["text", "redacted", "only signed", "text and redacted", "none"],
)
def test_bedrock_converse_responses(
    jsonl: Jsonl, blocks: list[Row], reasoning: str | None, state: str
) -> None:
    about = {"RequestId": "r1", "HTTPStatusCode": 200}
    path = jsonl([converse(*blocks, modelId="us.deepseek.r1-v1:0", messages=ASKED, system=[{"text": "Be brief."}], ResponseMetadata=about)])  # fmt: skip
    made = one(path)
    assert detect(path) == "bedrock"
    assert said(made) == [("system", "Be brief."), ("user", "2+2?"), ("assistant", "4", reasoning)]
    assert (made.reasoning_state(), made.trajectory_id, made.model, made.finish_reason) == (
        state,
        "r1",
        "us.deepseek.r1-v1:0",
        "end_turn",
    )
    assert made.reasoning_source() == ("reasoningContent" if state != "missing" else None)
    assert set(made.metadata) == {"usage", "metrics"}


def test_bedrock_conversations_keep_calls_and_results(jsonl: Jsonl) -> None:
    asked = [
        {"role": "user", "content": [{"text": "Look."}, {"image": {"format": "png", "source": {"bytes": "iVBO"}}}]},
        {"role": "assistant", "content": [reasoned("I look."), {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"seen": 0}}, {"text": "Nothing."}], "status": "success"}}]},
    ]  # fmt: skip
    whole = [
        ("user", "Look.\n\n[image]"),
        ("assistant", "", "I look.", ("look", {"at": 1})),
        ("tool", '{"seen":0}\n\nNothing.', "look"),
    ]
    path = jsonl([{"request": {"modelId": "m", "messages": asked}, "response": converse(reasoned("So be it."), {"text": "Done."})}])  # fmt: skip
    assert detect(path) == "bedrock" and said(one(path)) == [*whole, ("assistant", "Done.", "So be it.")]
    rows = jsonl([{"messages": asked}])
    assert detect(rows) == "bedrock" and said(one(rows)) == whole


def test_rows_of_bedrocks_invocation_log(jsonl: Jsonl) -> None:
    path = jsonl([
        {"schemaType": "ModelInvocationLog", "timestamp": "2026-01-02T03:04:05Z", "requestId": "r1", "operation": "Converse", "modelId": "m",
         "input": {"inputContentType": "application/json", "inputBodyJson": {"messages": ASKED}, "inputTokenCount": 9},
         "output": {"outputContentType": "application/json", "outputBodyJson": converse(reasoned("Two and two."), {"text": "4"}, stopReason="max_tokens")}},
        {"schemaType": "ModelInvocationLog", "requestId": "r2", "modelId": "m", "errorCode": "ThrottlingException", "input": {"inputBodyJson": {"messages": ASKED}}},
    ])  # fmt: skip
    assert detect(path) == "bedrock" and unread(path) == [
        (2, "no `output.message` and no `messages` with blocks of the Converse API")
    ]
    path.write_text(path.read_text().splitlines()[0])
    made = one(path)
    assert said(made) == [("user", "2+2?"), ("assistant", "4", "Two and two.")]
    assert (made.trajectory_id, made.model, made.finish_reason) == ("r1", "m", "max_tokens")
    assert str(made.created_at) == "2026-01-02 03:04:05"
