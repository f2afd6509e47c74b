"""What the benchmarks of pages share: a large simulated store, and the server's time of a look.

A look is one run of the page's script: the first one after a write asks the store, the next ones are answered from
what is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.environment.choice import choose
from analysis.environment.rates import load_rates
from analysis.environment.simulate import simulate
from analysis.store import Store
from analysis.tagging import tag_with_cues

ROOT = Path(__file__).parents[1]
BASE = 4480
"""Trajectories that are simulated; the others are these under new ids."""
COPIED = {
    "trajectories": ("row_id", "trajectory_id"), "cuts": ("row_id", "trajectory_id"), "outcomes": ("trajectory_id",),
    "attempts": ("attempt_id", "trajectory_id"), "verdicts": ("attempt_id", "trajectory_id"),
    "findings": ("attempt_id", "trajectory_id"),
}  # fmt: skip


manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
"""A server looks through all installed packages once, at its start; AppTest would at each first look, for 150 ms."""


def multiplied(path: Path, wanted: int, own_prompts: bool = False) -> Store:
    """A store of at least so many simulated trajectories, tagged with cues.

    Args:
        path: Where it is made.
        wanted: How many trajectories.
        own_prompts: Whether each copy has prompts of its own.
    """
    store = Store(path)
    simulate(store, BASE, rates=load_rates().choosing(choose(["all"])))
    tag_with_cues(store, codebook.load())
    copied = COPIED | {"trajectories": (*COPIED["trajectories"], *["prompt_id"] * own_prompts)}
    with store.session() as db:
        for copy in range(1, -(-wanted // BASE)):
            for table, ids in copied.items():
                new = ", ".join(f"{_new(name, copy)} AS {name}" for name in ids)
                db.execute(
                    f"INSERT INTO log.{table} SELECT * REPLACE ({new}) FROM log.{table} WHERE trajectory_id NOT LIKE '%.%'"
                )
        db.execute("CHECKPOINT")
    return store


def _new(name: str, copy: int) -> str:
    """The SQL of an id that no other copy has."""
    return f"{name} || '.{copy}'" if name in ("trajectory_id", "prompt_id") else f"hash({name}, {copy})"


def touch(store: Store) -> None:
    """A write that changes no figure."""
    with store.transaction() as db:
        db.execute("INSERT INTO log.ingests (file, created_at) SELECT 'touches the file', current_timestamp")


def ms(ask: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds, and those of all cores' work."""
    begun, work = time.perf_counter(), time.process_time()
    ask()
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - work)


def look(view: str, address: Mapping[str, str | Sequence[str]], more: int = 5) -> tuple[float, float, float]:
    """Milliseconds of the first look, of all cores' work in it, and the median of some more looks.

    Raises:
        AssertionError: The page showed an exception.
    """
    first, *then = looks(view, address, more)
    return *first, sorted(wall for wall, _ in then)[more // 2]


def looks(
    view: str,
    address: Mapping[str, str | Sequence[str]],
    more: int,
    state: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[float, float]]:
    """Milliseconds of a first look and of some more, and those of all cores' work in each.

    Args:
        view: The page.
        address: What its address says.
        more: How many looks follow the first.
        state: What the session knows, such as who is here.

    Raises:
        AssertionError: The page showed an exception.
    """
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    page.switch_page(f"views/{view}.py")
    for name, value in address.items():
        page.query_params[name] = value
    for name, known in state.items():
        page.session_state[name] = known
    times = []
    for _ in range(1 + more):
        times.append(ms(page.run))
        assert not page.exception, page.exception
    return times
