"""What another process is asked to do."""

from __future__ import annotations

import os
import signal

import pytest

from analysis import worker
from analysis.errors import UserError
from analysis.segment_batches import Cuts, segment_utf8
from analysis.worker import Worker

TEXTS = [text.encode(errors="surrogatepass") for text in (
    "It is odd. It pays.",
    "",
    "🙂 é. One, e.g. 7. 奇数です。次",
    "half a pair \ud83d. Then.",
    "“No.” `a. b`\nYes",
)]  # fmt: skip


def same(found: Cuts, texts: list[bytes]) -> bool:
    pairs = zip(found, segment_utf8(texts), strict=True)
    return all(mine.tolist() == its.tolist() for mine, its in pairs)


def test_another_process_gives_what_this_one_would() -> None:
    with Worker() as work:
        assert same(work(segment_utf8, TEXTS), TEXTS)
        assert same(work(segment_utf8, []), [])
        assert same(work(segment_utf8, TEXTS[:1]), TEXTS[:1])
        assert work._process is not None and work._process.poll() is None


def test_ctrl_c_reaches_it_and_ends_nothing() -> None:
    with Worker() as work:
        work(segment_utf8, TEXTS)
        assert work._process is not None
        os.kill(work._process.pid, signal.SIGINT)
        assert same(work(segment_utf8, TEXTS), TEXTS)
        assert work._process.poll() is None


def test_it_is_done_here_when_the_process_is_killed() -> None:
    with Worker() as work:
        work(segment_utf8, TEXTS)
        assert work._process is not None
        work._process.kill()
        work._process.wait()
        assert same(work(segment_utf8, TEXTS), TEXTS)
        assert same(work(segment_utf8, TEXTS), TEXTS)


def test_it_is_done_here_when_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.sys, "executable", "/nowhere/python")
    with Worker() as work:
        assert same(work(segment_utf8, TEXTS), TEXTS)


def test_it_ends_with_who_asks() -> None:
    with Worker() as work:
        work(segment_utf8, TEXTS)
        process = work._process
    assert process is not None and process.poll() is not None


def refuse(line: str) -> None:
    raise UserError(line)


def test_what_it_raises_is_raised_here_and_it_goes_on() -> None:
    with Worker() as work:
        with pytest.raises(UserError, match="no such field"):
            work(refuse, "no such field")
        assert same(work(segment_utf8, TEXTS), TEXTS)
