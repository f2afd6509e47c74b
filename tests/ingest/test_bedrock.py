"""Amazon Bedrock's Converse API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.ingest.skipped import Skipped
from analysis.store import Store
from tests.ingest.provider_examples import Row, converse, reasoned
from tests.ingest.reading import one, parted, read, said, thought, unread
from tests.ingest.stream_examples import BEDROCK, SECRET

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


# ConverseStream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["stream", "events"])
def test_a_row_with_the_events_of_converse_stream_and_the_request_beside(
    store: Store, jsonl: Jsonl, key: str
) -> None:
    asked = {"modelId": "us.anthropic.claude-sonnet-4-20250514-v1:0", "messages": [{"role": "user", "content": [{"text": "2+2?"}]}]}  # fmt: skip
    about = {"ResponseMetadata": {"RequestId": "r1"}, key: BEDROCK}
    for row in ({**asked, **about}, {"request": asked, "response": about}, {**asked, "response": about}):
        path = jsonl([row])
        made = one(path)
        assert detect(path) == "bedrock"
        assert said(made) == [
            ("user", "2+2?"),
            ("assistant", "It is 4.", "Two and two.", ("note", {"sum": 4})),
        ]
        assert (made.trajectory_id, made.finish_reason) == ("r1", "tool_use")
        assert made.model == asked["modelId"]
    [report] = ingest(store, [path])
    assert (report.items, report.stored, report.joined) == (1, 1, 0)


def test_a_row_whose_list_of_events_was_cut_off_or_holds_two_responses(jsonl: Jsonl) -> None:
    cut, first, second = read(jsonl([{"stream": BEDROCK[:3]}, {"stream": [*BEDROCK, *BEDROCK]}]))
    assert thought(cut) == ("Two and two.", "truncated")
    assert thought(first) == thought(second) == ("Two and two.", "text") and first.line == second.line == 2


@pytest.mark.parametrize(
    ("delta", "reasoning", "state"),
    [
        ({"redactedContent": SECRET}, None, "encrypted"),
        ({"signature": SECRET}, None, "encrypted"),
        ({"text": "Hm."}, "Hm.", "text"),
    ],
    ids=["redacted", "only signed", "text"],
)
def test_what_bedrock_streams_of_the_reasoning(
    jsonl: Jsonl, delta: Row, reasoning: str | None, state: str
) -> None:
    events = [BEDROCK[0], {"contentBlockDelta": {"delta": {"reasoningContent": delta}, "contentBlockIndex": 0}}, *BEDROCK[5:8], *BEDROCK[12:]]  # fmt: skip
    made = one(jsonl(events))
    assert thought(made) == (reasoning, state) and made.answer() == "It is 4."


def test_a_stream_of_bedrock_that_failed_says_so(jsonl: Jsonl) -> None:
    path = jsonl([*BEDROCK[:3], {"modelStreamErrorException": {"message": "Try again."}}, *BEDROCK])
    made, aside = parted(path)
    assert [thought(each)[1] for each in made] == ["truncated", "text"]
    assert [(each.line, each.reason) for each in aside if not isinstance(each, Skipped)] == [
        (4, "a request that failed: modelStreamErrorException: Try again.")
    ]
