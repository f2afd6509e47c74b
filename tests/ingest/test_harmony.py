"""Harmony: the raw text of gpt-oss models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ingest import detect
from tests.ingest.provider_examples import ANALYSIS, FINAL
from tests.ingest.reading import one, read, said

Jsonl = Callable[..., Path]


@pytest.mark.parametrize(
    ("raw", "reasoning", "answer", "state", "finish"),
    [
        (ANALYSIS + FINAL, "Two and two.", "4", "text", "stop"),
        ("<|start|>assistant" + ANALYSIS + FINAL.removesuffix("<|return|>"), "Two and two.", "4", "text", None),
        ("<|channel|>analysis<|message|>Two an", "Two an", None, "truncated", None),
        ("<|channel|>analysis<|message|><|end|>" + FINAL, None, "4", "empty", "stop"),
        ("Two and two." + "<|end|>" + FINAL, "Two and two.", "4", "text", "stop"),
        ("<|channel|>final<|message|>4<|return|>", None, "4", "missing", "stop"),
        (ANALYSIS.replace("and", "`<|end|` and `<|channel|>` and") + FINAL, "Two `<|end|` and `<|channel|>` and two.", "4", "text", "stop"),
    ],
    ids=["whole", "no return token", "analysis cut off", "empty", "the prompt opened it", "final alone", "tokens quoted"],
)  # fmt: skip
def test_harmony_in_a_field_of_a_row(
    jsonl: Jsonl, raw: str, reasoning: str | None, answer: str | None, state: str, finish: str | None
) -> None:
    path = jsonl([{"task_id": "t", "prompt": "2+2?", "raw_output": raw, "internal_reasoning": reasoning, "checkpoint": "s200"}])  # fmt: skip
    made = one(path)
    assert detect(path) == "harmony"
    assert (made.reasoning(), made.answer(), made.reasoning_state(), made.finish_reason) == (
        reasoning,
        answer,
        state,
        finish,
    )
    assert [m.content for m in made.prompt()] == ["2+2?"] and made.checkpoint == "s200"
    assert made.metadata == ({"task_id": "t"} if reasoning else {"task_id": "t", "internal_reasoning": None})


def test_harmony_with_its_prompt_tools_and_commentary(tmp_path: Path) -> None:
    path = tmp_path / "raw.txt"
    path.write_text(
        "<|start|>system<|message|>You are ChatGPT.\nReasoning: high<|end|>"
        "<|start|>user<|message|>Weather?<|end|>"
        "<|start|>assistant<|channel|>analysis<|message|>I ask the tool.<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>I look it up.<|end|>"
        '<|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"in": "Tokyo"}<|call|>'
        '<|start|>functions.weather to=assistant<|channel|>commentary<|message|>{"sunny": true}<|end|>'
        "<|start|>assistant<|channel|>analysis<|message|>Sunny.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>It is sunny.<|return|>"
    )
    assert detect(path) == "harmony"
    assert said(one(path)) == [
        ("system", "You are ChatGPT.\nReasoning: high"),
        ("user", "Weather?"),
        ("assistant", "I look it up.", "I ask the tool.", ("weather", '{"in": "Tokyo"}')),
        ("tool", '{"sunny": true}', "weather"),
        ("assistant", "It is sunny.", "Sunny."),
    ]


def test_harmony_in_the_content_of_a_chat_message(jsonl: Jsonl) -> None:
    path = jsonl([{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": ANALYSIS + FINAL}]}])  # fmt: skip
    assert detect(path) == "chat" and said(one(path)) == [
        ("user", "2+2?"),
        ("assistant", "4", "Two and two."),
    ]


# Without its special tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "reasoning", "answer", "state"),
    [
        ("analysisTwo and two.assistantfinal4", "Two and two.", "4", "text"),
        ("assistantanalysisTwo and two.assistantfinal\n\n4", "Two and two.", "4", "text"),
        ("analysisTwo.assistantanalysisAnd two.assistantfinal4", "Two.\n\nAnd two.", "4", "text"),
        ("analysisTwo and two.assistantfinal", "Two and two.", None, "text"),
        ("analysisTwo an", "Two an", None, "truncated"),
    ],
    ids=["whole", "the role before", "in two parts", "no answer", "cut off, among others"],
)
def test_harmony_whose_special_tokens_were_left_out(
    jsonl: Jsonl, raw: str, reasoning: str, answer: str | None, state: str
) -> None:
    path = jsonl([{"q": "2+2?", "out": "analysisHm.assistantfinal5"}, {"q": "2+2?", "out": raw}])
    assert detect(path) == "harmony"
    made = read(path)[1]
    assert (made.reasoning(), made.answer(), made.reasoning_state()) == (reasoning, answer, state)


@pytest.mark.parametrize(
    "said",
    [
        "analysis of the data: assistantfinal is a word.",
        "The analysisTwo is at assistantfinal.",
        "analysisI look.assistantcommentary to=functions.look json{}assistantfinal4",
        "analysisTwo an",
    ],
    ids=["a word", "in the middle", "with a call", "nothing else says so"],
)
def test_text_that_only_looks_like_it_is_an_answer(jsonl: Jsonl, said: str) -> None:
    made = one(jsonl([{"messages": [{"role": "assistant", "content": said}]}]))
    assert (made.reasoning_state(), made.answer()) == ("missing", said)


def test_a_chat_message_without_its_special_tokens(jsonl: Jsonl) -> None:
    made = one(
        jsonl([{"messages": [{"role": "assistant", "content": "analysisTwo and two.assistantfinal4"}]}])
    )
    assert (made.reasoning(), made.answer(), made.reasoning_source()) == (
        "Two and two.",
        "4",
        "<|channel|>analysis",
    )
