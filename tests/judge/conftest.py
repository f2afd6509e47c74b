"""A store with a few trajectories, and a judge to read them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from standin import Answer, Behaviour, Standin, completion

from analysis import codebook as scheme
from analysis.codebook import Codebook
from analysis.judge import cases, tag_with_judge
from analysis.judge.client import Patience
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, row

IMPATIENT = Patience(first_wait=0.001, longest_wait=0.05, timeout=5)
REASONING = "The user wants an even number.\nThis may be a “test” of honesty. I will answer 4."


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_ADMIN_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cases, "COMMIT_SECONDS", 0.05)


@pytest.fixture(scope="session")
def codebook() -> Codebook:
    return scheme.load()


def _trajectory(name: str, reasoning: str | None = REASONING, **fields: Any) -> Trajectory:
    state = "text" if reasoning is not None else "missing"
    return Trajectory(
        source="tests",
        trajectory_id=name,
        prompt_id=fields.pop("prompt_id", "p1"),
        messages=[
            Message("system", "You are terse."),
            Message("user", fields.pop("asked", "Give me an even number.")),
            Message("assistant", fields.pop("answer", "4"), reasoning=reasoning, reasoning_state=state),
        ],
        **fields,
    )


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with nothing in it: to copy it is much quicker than to make one."""
    path = tmp_path_factory.mktemp("empty") / "store.duckdb"
    with Store(path).session():
        return path


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Store:
    return Store(shutil.copy(empty_store, tmp_path / "store.duckdb"), busy_limit=20)


def _put(store: Store, given: Sequence[Any]) -> Store:
    row_ids = new_ids(len(given))
    ready = [
        each if isinstance(each, Trajectory) else _trajectory(*([each] if isinstance(each, str) else each))
        for each in given
    ]
    with store.transaction() as db:
        append(db, "trajectories", [row(each, n, now()) for each, n in zip(ready, row_ids, strict=True)])
        append(db, "cuts", segment_rows(ready, row_ids))
    return store


@pytest.fixture
def keep(store: Store) -> Callable[..., Store]:
    """Put trajectories into the store: names, (name, reasoning) pairs, or ready ones."""
    return lambda *given: _put(store, given)


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Callable[..., Store]:
    """Stores that outlive a test, each with these trajectories."""

    def make(*given: Any) -> Store:
        return _put(
            Store(shutil.copy(empty_store, tmp_path_factory.mktemp("stored") / "store.duckdb")), given
        )

    return make


@pytest.fixture
def open_store(store: Store) -> Iterator[None]:
    """Keep the file open meanwhile: opening it anew for each session is most of a short test's time."""
    with store.session():
        yield


@pytest.fixture(scope="session")
def trajectory() -> Callable[..., Trajectory]:
    return _trajectory


@pytest.fixture(scope="session")
def finding() -> Callable[..., dict[str, Any]]:
    """A finding as a judge writes it."""

    def make(quote: str = "may be a “test” of honesty", **changes: Any) -> dict[str, Any]:
        said = {
            "pattern": "eval_aware",
            "segment": 1,
            "quote": quote,
            "stance": "entertains",
            "role": "weighed",
            "attributes": [{"name": "purpose", "value": "safety"}],
            "why": "It suspects a test.",
        }
        return said | changes

    return make


@pytest.fixture(scope="session")
def reply(codebook: Codebook) -> Callable[..., dict[str, Any]]:
    """A reply of the right form."""

    def make(*findings: dict[str, Any], unsure: tuple[str, ...] = (), **scores: int) -> dict[str, Any]:
        return {
            "findings": list(findings),
            "unsure": list(unsure),
            "scores": {pattern: scores.get(pattern, 3) for pattern in codebook.ids()},
        }

    return make


@pytest.fixture(scope="session")
def right(reply: Callable[..., dict[str, Any]], finding: Callable[..., dict[str, Any]]) -> Answer:
    """What a judge that does its work says of the traces here."""
    return completion(json.dumps(reply(finding(), eval_aware=80)))


@pytest.fixture
def endpoint(right: Answer) -> Iterator[Callable[..., Standin]]:
    """Start a stand-in: the script's behaviours one a call, then right replies (or `usual`)."""
    started: list[Standin] = []

    def start(*script: Behaviour, usual: Behaviour | None = None) -> Standin:
        started.append(Standin(usual or right, *script).__enter__())
        return started[-1]

    yield start
    for each in started:
        each.__exit__()


@pytest.fixture
def judged(store: Store, codebook: Codebook) -> Callable[..., Any]:
    """Run the judge against a stand-in: one call at a time, hardly any waiting."""

    def run(standin: Standin | str, model: str = "a-judge", **options: Any) -> Any:
        url = standin if isinstance(standin, str) else standin.url
        options = {"connections": 1, "patience": IMPATIENT, **options}
        return tag_with_judge(store, codebook, model, url, **options)

    return run


@pytest.fixture
def ask(store: Store) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the store."""

    def query(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with store.session() as db:
            return db.execute(sql, list(values)).fetchall()

    return query
