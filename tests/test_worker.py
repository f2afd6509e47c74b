"""What another process is asked to do."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

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


STRANGE = """
class Two(Exception):
    def __init__(self, one, other):
        super().__init__(one)

def fail():
    raise Two(1, 2)

def refuse(line):
    from analysis.errors import UserError
    raise UserError(line)

def say(line):
    print(line, flush=True)
    return line
"""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that both processes find."""
    (tmp_path / "strange.py").write_text(STRANGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("strange")
    del sys.modules["strange"]


def lives(work: Worker) -> bool:
    return work._process is not None and work._process.poll() is None


def test_what_it_raises_is_raised_here_and_it_goes_on(strange: Any) -> None:
    with Worker() as work:
        with pytest.raises(UserError, match="no such field"):
            work(strange.refuse, "no such field")
        assert same(work(segment_utf8, TEXTS), TEXTS) and lives(work)


def test_an_answer_that_can_not_be_read_is_made_here(strange: Any) -> None:
    with Worker() as work:
        with pytest.raises(strange.Two):
            work(strange.fail)
        assert [work(str, n) for n in (1, 2)] == ["1", "2"]


def test_what_is_printed_there_is_no_answer(strange: Any) -> None:
    with Worker() as work:
        assert [work(strange.say, each) for each in (".", "N.", "b")] == [".", "N.", "b"]
        assert lives(work)
