"""A process of its own beside one that is busy: of a process's threads Python runs one at a time.

    with Worker() as work:
        number, start, end = work(segment_joined, data, sizes)

`python -m analysis.worker` is that process: functions with their arguments come in, what they give goes out, until
there are no more.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

PIPE_BYTES = 1 << 20
OBJECTS_COLLECTED = 100_000
"""After how many new objects Python looks for cycles there."""

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Worker:
    """Another process, which the first call starts. Should it end early, what it was to do is done in this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def __call__(self, function: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
        """Call a function of a module there, and give or raise here what it does. One call at a time."""
        try:
            process = self._process = self._process or _start()
            assert process.stdin and process.stdout
            pickle.dump((function, given, named), process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
        except OSError:
            return function(*given, **named)
        try:
            made, error = pickle.load(process.stdout)
        except Exception:  # no answer, or none that can be read; nor will the next be
            process.kill()
            process.wait()
            return function(*given, **named)
        if error is not None:
            raise error
        found: Made = made
        return found


def _start() -> subprocess.Popen[bytes]:
    """Without numpy's threads for matrices, of which there are none."""
    started = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    if sys.platform == "linux":  # a larger pipe has the two wait for each other less often
        for end in (started.stdin, started.stdout):
            assert end
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return started


def _answer(source: BinaryIO, target: BinaryIO) -> None:
    while True:
        try:
            function, given, named = pickle.load(source)
        except EOFError:
            return
        pickle.dump(_done(function, given, named), target, pickle.HIGHEST_PROTOCOL)
        target.flush()


def _done(
    function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, Exception | None]:
    try:
        return function(*given, **named), None
    except Exception as error:  # it is raised by who asked
        return None, error


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks; without them the input ends
    gc.set_threshold(OBJECTS_COLLECTED)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no answer
    _answer(sys.stdin.buffer, answers)
