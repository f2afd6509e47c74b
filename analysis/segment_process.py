"""Sentences cut in a process of its own, beside one that is busy: of a process's threads Python runs one at a time.

    with Cutter() as cut:
        number, start, end = cut(texts_as_utf8)

`python -m analysis.segment_process` is that process: lists of texts come in, their cuts go out, until there are no
more.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from analysis.segment_batches import Cuts, segment_joined, segment_utf8
from analysis.segment_letters import join

PIPE_BYTES = 1 << 20


class Cutter:
    """`segment_utf8` in another process, which the first call starts; in this one should the other end early."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def __call__(self, texts: Sequence[bytes]) -> Cuts:
        """Cut many texts, as `segment_utf8` does. One call at a time."""
        try:
            process = self._process = self._process or _start()
            assert process.stdin and process.stdout
            asked = join(texts), [len(text) for text in texts]
            pickle.dump(asked, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            number, start, end = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return segment_utf8(texts)
        return number, start, end


def _start() -> subprocess.Popen[bytes]:
    started = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
        },  # numpy's threads for matrices, of which there are none
    )
    if sys.platform == "linux":  # a larger pipe has the two wait for each other less often
        for end in (started.stdin, started.stdout):
            assert end
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return started


def _answer(source: BinaryIO, target: BinaryIO) -> None:
    while True:
        try:
            asked = pickle.load(source)
        except EOFError:
            return
        pickle.dump(segment_joined(*asked), target, pickle.HIGHEST_PROTOCOL)
        target.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks; without them the input ends
    _answer(sys.stdin.buffer, sys.stdout.buffer)
