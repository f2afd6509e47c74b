"""What tests share: a store in a temporary folder, the command line as a process, the public traces."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import telltale as command_line
from analysis.store import Store
from tests.command_line import Telltale
from tests.postgres import Postgres, made, missing

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("TELLTALE_SHARED", ROOT.parent / "shared"))


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store: a file, or with TELLTALE_TEST_STORE=lake a DuckLake, for all tests that ask for one."""
    if os.environ.get("TELLTALE_TEST_STORE") == "lake":
        lake: Store = request.getfixturevalue("lake")
        return lake
    return Store(tmp_path / "store.duckdb", busy_limit=20)


@pytest.fixture
def telltale(tmp_path: Path) -> Telltale:
    """Run the command line, on a store of the test's own: all of it but the process, which takes longer to start."""

    def run(*words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
        asked = ["telltale", *map(str, words)]
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with (
            patch.dict(os.environ, environment_of(tmp_path, environment), clear=True),
            patch.object(sys, "argv", asked),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            command_line.main()
        said = [stream.buffer.getvalue().decode() for stream in (out, err) if not stream.flush()]  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(asked, int(ended.value.code or 0), *said)

    return run


@pytest.fixture
def telltale_process(tmp_path: Path) -> Telltale:
    """Run the command line as a user does: a process of its own, on a store of the test's own."""

    def run(*words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "telltale.py"), *map(str, words)]
        env = environment_of(tmp_path, environment)
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)

    return run


def environment_of(folder: Path, more: dict[str, str]) -> dict[str, str]:
    """This process's environment with a store in a folder, and without anybody's key."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**own, "TELLTALE_DB": str(folder / "store.duckdb"), **more}


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a JSON Lines file."""

    def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of public traces beside the checkout."""
    if not (SHARED / "real").is_dir():
        pytest.skip("the public traces (shared/real) are not beside this checkout")
    return SHARED / "real"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres on loopback. In CI a test fails where there is none; elsewhere it skips and says so."""
    if reason := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = Path(
        tempfile.mkdtemp(prefix="telltale-postgres-")
    )  # not below pytest's folder, which is root's alone
    server = made(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_lake(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data path of the database `empty`: a lake with the schema and nothing else, to copy."""
    data = tmp_path_factory.mktemp("lake")
    postgres.create("empty")
    make = "import sys; from analysis.store import Store\nwith Store(sys.argv[1], data_path=sys.argv[2]).session(): pass"
    target = f"ducklake:postgres:{postgres.connection('empty')}"
    subprocess.run([sys.executable, "-c", make, target, str(data)], cwd=ROOT, check=True)
    return data


@pytest.fixture
def lake(postgres: Postgres, empty_lake: Path) -> Store:
    """An empty lake of the test's own."""
    name = f"lake_{secrets.token_hex(6)}"
    postgres.create(name, "empty")
    return Store(f"ducklake:postgres:{postgres.connection(name)}")
