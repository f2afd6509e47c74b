"""Responses that were saved as the events that they came in, one after the other.

The events of a response are put together to what it would be had it not been streamed, and that is read as such
responses are. So a file may hold both kinds. The events may be rows of the file, or stand in a list in one row, with
the request beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from analysis.ingest.reasoning import cut_off
from analysis.ingest.rows import Row, Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, ReadRow, malformed, read_row_with
from analysis.ingest.skipped import joined
from analysis.trajectories import Message

MOST_EVENTS = 1 << 20
"""How many events one response may have. Events that never come to an end would fill the memory."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Streamed:
    """How a provider streams its responses.

    Attributes:
        is_event: Whether a row is an event of a response.
        goes_on: Whether an event belongs to the response of those that came before, of which there are some.
        is_complete: Whether events end as a response does; if not, it was cut off.
        whole: The response of events as it would be without streaming. Raises ValueError where it can't be told.
    """

    is_event: Callable[[Event], bool]
    goes_on: Callable[[list[Event], Event], bool]
    is_complete: Callable[[list[Event]], bool]
    whole: Callable[[list[Event]], Event]

    def held_by(self, row: dict[str, Any]) -> str | None:
        """The field of a row that is a list of events."""
        for key, value in row.items():
            if isinstance(value, list) and value and all(self._may_be(each) for each in value):
                return key
        return None

    def is_in(self, row: dict[str, Any]) -> bool:
        """Whether a row is an event, or holds a list of them."""
        return self.is_event(row) or self.held_by(self.opened(row)) is not None

    def opened(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with its response laid open if that is what holds the events."""
        response = row.get("response")
        if not isinstance(response, dict) or self.held_by(response) is None:
            return row
        return {**{key: value for key, value in row.items() if key != "response"}, **response}

    def _may_be(self, value: Any) -> bool:
        return isinstance(value, dict) and self.is_event(value)


def read_streamed(path: Path, source: str, read_row: ReadRow, streamed: Streamed) -> Found:
    """The trajectories of a file of responses, each with the row that it was read from: whole ones and streamed ones.

    Args:
        path: Rows in any arrangement.
        source: How the store calls the file.
        read_row: Gives the trajectories of a whole response; raises ValueError to say why it holds none.
        streamed: How the events of others are put together.
    """
    for found in _together(json_rows(path), streamed):
        if isinstance(found, Unreadable):
            yield found
        elif not streamed.is_event(found[0][1]):
            [(line, row)] = found
            yield from read_holding(line, row, source, read_row, streamed)
        else:
            line, events = found[0][0], [event for _, event in found]
            yield from _of_events(line, events, {}, source, read_row, streamed)
            if len(events) > 1:
                yield joined(line, len(events) - 1)


def read_holding(
    line: int | None, raw: dict[str, Any], source: str, read_row: ReadRow, streamed: Streamed
) -> Found:
    """The trajectories of a row that is no event: one that holds a list of events, or a whole response."""
    row = streamed.opened(raw)
    key = streamed.held_by(row)
    if key is None:
        yield from read_row_with(read_row, line, raw, source)
        return
    beside = {name: value for name, value in row.items() if name != key}
    for found in _together(((0, event) for event in row[key]), streamed):
        events = [event for _, event in found]  # type: ignore[union-attr]
        yield from _of_events(line, events, beside, source, read_row, streamed)


def broken_off(message: Message) -> None:
    """Mark the last message of a stream that was cut off. Whether one that had written nothing would have is unknown."""
    cut_off(message)
    if message.reasoning_state == "empty" and not message.content and not message.tool_calls:
        message.reasoning_state, message.reasoning_source = "missing", None


def pieces_of(text: str) -> Any:
    """The arguments of a call that came in pieces: a value, or what there is of one that was cut off."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _together(rows: Iterable[Row | Unreadable], streamed: Streamed) -> Iterator[list[Row] | Unreadable]:
    """The events of each response; whatever is none by itself."""
    held: list[Row] = []
    events: list[Event] = []
    for found in rows:
        if isinstance(found, Unreadable):
            yield found
        elif not streamed.is_event(found[1]):
            yield [found]
        else:
            if held and (len(held) == MOST_EVENTS or not streamed.goes_on(events, found[1])):
                yield held
                held, events = [], []
            held.append(found)
            events.append(found[1])
    if held:
        yield held


def _of_events(
    line: int | None,
    events: list[Event],
    beside: dict[str, Any],
    source: str,
    read_row: ReadRow,
    streamed: Streamed,
) -> Found:
    """The trajectories of one response's events, with what stands beside them."""
    try:
        whole = streamed.whole(events)
    except MALFORMED as error:
        yield malformed(line, events[0], error)
        return
    row = {**beside, "response": whole} if beside else whole
    for found in read_row_with(read_row, line, row, source):
        if not isinstance(found, Unreadable) and not streamed.is_complete(events):
            broken_off(found[1].messages[-1])
        yield found
