"""Harmony, the text that gpt-oss models read and write: messages in channels, as raw tokens.

<|start|>assistant<|channel|>analysis<|message|>The reasoning.<|end|>
<|start|>assistant<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"at": 1}<|call|>
<|start|>functions.look to=assistant<|channel|>commentary<|message|>Nothing.<|end|>
<|start|>assistant<|channel|>final<|message|>The answer.<|return|>
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.trajectories import Message, storable

SOURCE = "<|channel|>analysis"

_MESSAGE = re.compile(
    r"""(?:<\|start\|>(?P<author>[^<]*))?
        (?:<\|channel\|>(?P<channel>[^<]*))?
        (?:<\|constrain\|>[^<]*)?
        <\|message\|>(?P<text>.*?)
        (?P<end><\|(?:end|return|call)\|>|(?=<\|start\|>[a-z]|<\|channel\|>(?:analysis|commentary|final)\b)|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_REOPENED = "<|end|><|start|>assistant<|channel|>"
"""Where a completion goes on whose first channel the prompt had opened."""
_RECIPIENT = re.compile(r"\bto=(\S+)")
_STRIPPED = re.compile(
    r"\s*(?:assistant)?analysis(?=\S)(?P<analysis>.*?)(?:assistantfinal(?P<final>.*))?\Z", re.DOTALL
)
"""Such a text after a tokenizer left out the special tokens: the names of role and channel run into the words."""
_AGAIN = re.compile(r"assistantanalysis(?=\S)")
_ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Piece:
    """One message of the text: who wrote it, in which channel, to whom, and by which token it ended."""

    author: str
    channel: str
    recipient: str | None
    text: str
    end: str


def holds_channels(text: str) -> bool:
    """Whether a text is Harmony and not one that mentions it: a channel or an author opens it."""
    if "<|message|>" in text:
        return text.lstrip().startswith(("<|channel|>", "<|start|>")) or _REOPENED in text
    return "assistantfinal" in text and "assistantcommentary" not in text and opens_stripped(text)


def opens_stripped(text: str) -> bool:
    """Whether a text begins as Harmony does that has lost its special tokens."""
    return _STRIPPED.match(text) is not None


def pieces(text: str) -> list[Piece]:
    """The messages of a text in order. One without an author is the assistant's, as completions begin so.

    What stands before the first is reasoning: the prompt ended in `<|channel|>analysis<|message|>`.
    """
    if "<|message|>" not in text and (stripped := _STRIPPED.match(text)):
        return _stripped_pieces(stripped["analysis"], stripped["final"])
    found = []
    before, reopened, _ = text.partition(_REOPENED)
    if reopened and "<|message|>" not in before and before.strip():
        found.append(Piece("assistant", "analysis", None, before, "<|end|>"))
    for match in _MESSAGE.finditer(text):
        author, channel = match["author"] or "assistant", match["channel"] or ""
        recipient = _RECIPIENT.search(f"{author} {channel}")
        found.append(
            Piece(
                (author.split() or ["assistant"])[0],
                (channel.split() or [""])[0],
                recipient[1] if recipient else None,
                match["text"],
                match["end"],
            )
        )
    return found


def _stripped_pieces(analysis: str, final: str | None) -> list[Piece]:
    """What is left of the channels where their tokens are gone: the end of each can't be told from a cut."""
    thought = [Piece("assistant", "analysis", None, part, "<|end|>") for part in _AGAIN.split(analysis)]
    if final is None:
        return [*thought[:-1], Piece("assistant", "analysis", None, thought[-1].text, "")]
    return [*thought, Piece("assistant", "final", None, final, "")]


def read_channels(text: str) -> list[Message]:
    """The messages of a Harmony text.

    Channel analysis is the reasoning (cut off when it has no end and nothing follows), final is what was
    said, commentary with a recipient a tool call and without one said too. Whatever the assistant writes up
    to a tool's or somebody else's message is one message.
    """
    messages: list[Message] = []
    turn: Message | None = None
    found = pieces(text)
    for number, piece in enumerate(found):
        if piece.author != "assistant":
            turn = None
            role = piece.author if piece.author in _ROLES else "tool"
            name = piece.author.removeprefix("functions.") if role == "tool" else None
            messages.append(Message(role, storable(piece.text.strip()), name=name))
            continue
        if turn is None or (piece.channel == "analysis" and (turn.content or turn.tool_calls)):
            turn = Message("assistant", reasoning_state="missing")
            messages.append(turn)
        _add(turn, piece, last=number == len(found) - 1)
    return messages


def finish_reason(text: str) -> str | None:
    """How the text ended: `stop` after <|return|>, `tool_calls` after <|call|>, unknown without either."""
    ending = text.rstrip()
    return "stop" if ending.endswith("<|return|>") else "tool_calls" if ending.endswith("<|call|>") else None


def _add(turn: Message, piece: Piece, last: bool) -> None:
    text = storable(piece.text.strip())
    if piece.recipient and piece.recipient != "assistant" and piece.channel != "final":
        turn.tool_calls.append({"name": piece.recipient.removeprefix("functions."), "arguments": text})
    elif piece.channel == "analysis":
        turn.reasoning_source = SOURCE
        if text:
            turn.reasoning = f"{turn.reasoning}\n\n{text}" if turn.reasoning else text
            turn.reasoning_state = "truncated" if last and not piece.end else "text"
        elif not turn.reasoning:
            turn.reasoning_state = "empty"
    else:
        turn.content = f"{turn.content}\n\n{text}" if turn.content else text
