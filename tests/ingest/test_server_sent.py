"""Server-sent events as text, in all the ways in which people have them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.ingest import detect, ingest
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.server_sent import events, holds_events
from analysis.store import Store
from tests.ingest.reading import one, parted, said, unread
from tests.ingest.stream_examples import ANTHROPIC, CHAT, STREAMS, server_sent

Saved = Callable[..., Path]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    def write(text: str, name: str = "curl.txt", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: ": OPENROUTER PROCESSING\n\n" + text.replace("\n\n", "\n\n: keep-alive\n\n", 2),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "".join(f"{line}\n" for line in text.splitlines() if line.startswith("data:")),
        lambda text: text.replace("data: ", "data:"),
        lambda text: "\n\nid: 1\nretry: 3000\n" + text,
        lambda text: "HTTP/2 200 \r\ncontent-type: text/event-stream\r\ndate: Fri, 02 Jan 2026\r\n\r\n" + text,
        lambda text: text.rstrip(),
        lambda text: text.replace("data: [DONE]\n\n", ""),
        lambda text: text.replace('data: {"id"', 'data: {\ndata:  "id"').replace('data: {"type"', 'data: {\ndata:  "type"'),
    ],
    ids=["comments", "CRLF", "grep data", "no blank", "ids", "curl -i", "no end of line", "not DONE", "data in lines"],
)  # fmt: skip
@pytest.mark.parametrize("name", sorted(STREAMS))
def test_however_a_transcript_was_saved_it_reads_the_same(
    saved: Saved, name: str, changed: Callable[[str], str]
) -> None:
    plain = one(saved(server_sent(STREAMS[name])))
    path = saved(changed(server_sent(STREAMS[name])), "changed.sse")
    assert detect(path) == name and said(one(path)) == said(plain)
    assert plain.reasoning() == "Two and two."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_transcripts_of_other_encodings(saved: Saved, encoding: str) -> None:
    assert one(saved(server_sent(CHAT), encoding=encoding)).answer() == "It is 4."


@pytest.mark.parametrize("end", ["", "\n", "HTTP/1.1 200 OK\r\nserver: x\r\n\r\n"])
@pytest.mark.parametrize("indent", [None, 2])
def test_several_responses_in_one_file_with_a_refusal_between(
    store: Store, saved: Saved, end: str, indent: int | None
) -> None:
    """As `curl … >> file` leaves them: the second request was refused, with a body that mostly ends in no line's end."""
    refusal = json.dumps({"error": {"message": "Rate limit", "type": "requests"}}, indent=indent)
    other = server_sent(CHAT).replace('"c1"', '"c2"')
    path = saved(f"{server_sent(CHAT)}{refusal}{end}{other}")
    assert [made.trajectory_id for made in parted(path)[0]] == ["c1", "c2"]
    place = server_sent(CHAT).count("\n") + 1
    assert unread(path) == [(place, "a request that failed: Rate limit")]
    [report] = ingest(store, [path])
    assert (report.items, report.stored, report.joined, report.set_aside) == (15, 2, 12, 1)


def test_data_that_is_no_json_is_set_aside_with_its_line(store: Store, saved: Saved) -> None:
    broken = server_sent(ANTHROPIC).replace('"thinking": "Two "}', '"thinking": "Two "', 1)
    path = saved(f"{broken}data: ping\n\ndata: 5\n\ncurl: (18) transfer closed\n")
    lines = path.read_text().split("\n")
    expected = ["Two ", "data: ping", "data: 5", "curl:"]
    assert [line for line, _ in unread(path)] == [
        next(number for number, line in enumerate(lines, 1) if each in line) for each in expected
    ]
    [report] = ingest(store, [path])
    assert (report.stored, report.set_aside, report.items) == (1, 4, len(ANTHROPIC) + 3)


def test_a_transcript_that_was_cut_in_the_middle_of_a_line(saved: Saved) -> None:
    text = server_sent(ANTHROPIC)
    path = saved(text[: text.index("and two.") + 3])
    [made], _ = parted(path)
    assert (made.reasoning(), made.reasoning_state()) == ("Two ", "truncated")
    [(line, reason)] = unread(path)
    assert line == text[: text.index("and two.")].count("\n") + 1 and reason.startswith("no JSON")


@pytest.mark.parametrize("name", ["chat-stream", "gemini"])
def test_a_stream_that_was_cut_in_a_line_takes_nothing_of_the_next(saved: Saved, name: str) -> None:
    """As `curl … >> file` leaves them where the first was interrupted."""
    text = server_sent(STREAMS[name])
    cut = text[: text.index("and two.") + 3]
    made, _ = parted(saved(cut + text.replace('"c1"', '"c2"').replace('"g1"', '"g2"')))
    assert [each.reasoning() for each in made] == ["Two ", "Two and two."]


def test_a_file_of_events_without_any_json_is_refused_in_a_line(saved: Saved) -> None:
    with pytest.raises(UserError, match="holds no JSON object"):
        detect(saved("data: hello\n\ndata: world\n\n"))


@pytest.mark.parametrize(
    ("begins", "so"),
    [
        (b"data: {", True),
        (b"\n\nevent: x\n", True),
        (b": comment\n\n: another\nid: 1\n", True),
        (b"HTTP/1.1 200 OK\r\n", True),
        (b": only a comment\n", False),
        (b'{"error": {}}\n: comment\ndata: {', True),
        (b'{"error": {}}event: x\ndata: {', True),
        (b'{"data": 1}', False),
        (b'{"text": "}data: \\ndata: {"}\n{"data": 1}\n', False),
        (b"[1]", False),
        (b"dataset: x\n", False),
        (b"", False),
    ],
)
def test_what_a_file_of_events_begins_with(begins: bytes, so: bool) -> None:
    assert holds_events(begins) is so


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "event: x\n", ": said\n", "id: 3\n\n"]),
    st.booleans(),
    st.integers(0, 1),
)
def test_events_come_back_as_they_were_sent(
    rows: list[dict[str, Any]], end: str, before: str, indented: bool, blank: int
) -> None:
    text, places = "", []
    for row in rows:
        text += before
        places.append(text.count("\n") + 1)
        lines = json.dumps(row, ensure_ascii=False, indent=1 if indented else None).split("\n")
        text += "".join(f"data: {line}\n" for line in lines) + "\n" * (blank or bool(indented))
    data = text.replace("\n", end).encode(errors="surrogatepass")
    found = list(events(io.BytesIO(data)))
    assert [number for number, _ in found] == places
    assert [json.loads(each) for _, each in found] == rows


@given(st.lists(st.sampled_from(["data: {}", "data: [DONE]", "data:", "", ": c", "event: e", "x", "{", "}", "data: 1", "HTTP/1.1 200", "a: b"]), max_size=12))  # fmt: skip
def test_no_line_that_says_something_is_lost(lines: list[str]) -> None:
    given = [line for line in lines if line in ("data: {}", "data: 1", "x", "{", "}")]
    text = "data: 0\n\n" + "\n".join(line for line in lines if not line.startswith(("HTTP", "a:"))) + "\n"
    found = b"\n".join(data for _, data in events(io.BytesIO(text.encode()))).decode().split("\n")
    assert found == ["0", *(line.removeprefix("data: ") for line in given)]


def test_rows_of_a_long_file_come_one_by_one(saved: Saved) -> None:
    path = saved(server_sent([{"n": number} for number in range(50)]) + "data: 5")
    rows = list(json_rows(path))
    assert [found[1]["n"] for found in rows[:-1] if not isinstance(found, Unreadable)] == list(range(50))
    assert isinstance(rows[-1], Unreadable) and rows[-1].line == 50 * 2 + 3


def test_a_folders_saved_streams_are_found_by_their_ending(
    saved: Saved, store: Store, tmp_path: Path
) -> None:
    saved(server_sent(CHAT), "calls.sse")
    saved("Notes, no stream.", "notes.txt")
    [report] = ingest(store, [tmp_path])
    assert (report.file.rpartition("/")[2], report.stored) == ("calls.sse", 1)
