"""Sentences that are cut in a process of their own."""

from __future__ import annotations

import os
import signal

import pytest

from analysis import segment_process
from analysis.segment_batches import segment_utf8
from analysis.segment_process import Cutter

TEXTS = [text.encode(errors="surrogatepass") for text in (
    "It is odd. It pays.",
    "",
    "🙂 é. One, e.g. 7. 奇数です。次",
    "half a pair \ud83d. Then.",
    "“No.” `a. b`\nYes",
)]  # fmt: skip


def same(found: segment_process.Cuts, texts: list[bytes]) -> bool:
    pairs = zip(found, segment_utf8(texts), strict=True)
    return all(mine.tolist() == its.tolist() for mine, its in pairs)


def test_another_process_cuts_like_this_one() -> None:
    with Cutter() as cut:
        assert same(cut(TEXTS), TEXTS)
        assert same(cut([]), [])
        assert same(cut(TEXTS[:1]), TEXTS[:1])
        assert cut._process is not None and cut._process.poll() is None


def test_ctrl_c_reaches_it_and_ends_nothing() -> None:
    with Cutter() as cut:
        cut(TEXTS)
        assert cut._process is not None
        os.kill(cut._process.pid, signal.SIGINT)
        assert same(cut(TEXTS), TEXTS)
        assert cut._process.poll() is None


def test_texts_are_cut_here_when_it_is_killed() -> None:
    with Cutter() as cut:
        cut(TEXTS)
        assert cut._process is not None
        cut._process.kill()
        cut._process.wait()
        assert same(cut(TEXTS), TEXTS)
        assert same(cut(TEXTS), TEXTS)


def test_texts_are_cut_here_when_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_process.sys, "executable", "/nowhere/python")
    with Cutter() as cut:
        assert same(cut(TEXTS), TEXTS)


def test_it_ends_with_who_asks() -> None:
    with Cutter() as cut:
        cut(TEXTS)
        process = cut._process
    assert process is not None and process.poll() is not None
