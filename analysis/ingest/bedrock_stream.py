"""Amazon Bedrock's ConverseStream API: events, each told by its one key, put together to a response of Converse."""

from __future__ import annotations

from typing import Any

from analysis.ingest.streams import Event, Streamed, pieces_of

_START, _STOP, _AFTER = "messageStart", "messageStop", "metadata"
_BLOCKS = ("contentBlockDelta", "contentBlockStart", "contentBlockStop")
_KINDS = (*_BLOCKS, _START, _STOP)


class _Block:
    """One block as its deltas come in."""

    def __init__(self) -> None:
        self.call: dict[str, Any] = {}
        self.pieces: dict[str, list[str]] = {}
        self.sealed: Any = None

    def add(self, delta: dict[str, Any]) -> None:
        reasoning, call = delta.get("reasoningContent") or {}, delta.get("toolUse") or {}
        self.sealed = reasoning.get("redactedContent") or self.sealed
        given = {
            "said": delta.get("text"),
            "text": reasoning.get("text"),
            "signature": reasoning.get("signature"),
            "input": call.get("input"),
        }
        for name, piece in given.items():
            if piece is not None:
                self.pieces.setdefault(name, []).append(piece)

    def whole(self) -> list[dict[str, Any]]:
        texts = {name: "".join(pieces) for name, pieces in self.pieces.items()}
        made: list[dict[str, Any]] = []
        thought = {name: texts[name] for name in ("text", "signature") if name in texts}
        if thought:
            made.append({"reasoningContent": {"reasoningText": {"text": "", **thought}}})
        if self.sealed is not None:
            made.append({"reasoningContent": {"redactedContent": self.sealed}})
        if "said" in texts:
            made.append({"text": texts["said"]})
        if self.call or "input" in texts:
            given = pieces_of(texts["input"]) if texts.get("input") else {}
            made.append({"toolUse": {**self.call, "input": given}})
        return made


def _event(row: dict[str, Any]) -> str | None:
    """The kind of an event; None for a row that is none."""
    if len(row) == 1 and isinstance(row.get(_AFTER), dict):
        return _AFTER
    return next((name for name in _KINDS if isinstance(row.get(name), dict)), None)


def _goes_on(events: list[Event], event: Event) -> bool:
    kind, before = _event(event), _event(events[-1])
    return kind == _AFTER if before == _STOP else kind != _START and before != _AFTER


def _is_complete(events: list[Event]) -> bool:
    return any(_STOP in event for event in events[-2:])


def _whole(events: list[Event]) -> Event:
    if _START not in events[0]:
        raise ValueError(f"a stream without its beginning, `{_START}`")
    blocks: dict[Any, _Block] = {}
    stop, about = None, {}
    for event in events:
        kind = str(_event(event))
        inside = event[kind]
        if kind in _BLOCKS:
            block = blocks.setdefault(inside.get("contentBlockIndex", 0), _Block())
            block.add(inside.get("delta") or {})
            block.call |= (inside.get("start") or {}).get("toolUse") or {}
        elif kind == _STOP:
            stop = inside.get("stopReason")
        elif kind == _AFTER:
            about = inside
    content = [part for key in sorted(blocks) for part in blocks[key].whole()]
    return {**about, "output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop}


STREAM = Streamed(lambda row: _event(row) is not None, _goes_on, _is_complete, _whole)
