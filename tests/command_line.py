"""What the tests of commands share: the sample's ingest, and what a refusal looks like."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE = [ROOT / "data" / "sample" / "odd-number.jsonl", "--map", ROOT / "data" / "maps" / "odd-number.yaml"]
"""What `telltale ingest` is given for it."""
Done = subprocess.CompletedProcess[str]
Telltale = Callable[..., Done]


def refused(done: Done, *words: str) -> bool:
    """Whether the command ended with 2 and one line that has these words."""
    lines = done.stderr.strip().splitlines()
    return (
        done.returncode == 2
        and len(lines) == 1
        and all(word in lines[0] for word in words)
        and not done.stdout
    )
