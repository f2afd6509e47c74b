"""A Postgres of the tests' own: Debian's programs, a temporary folder, loopback, and its own user."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = Path("/usr/lib/postgresql")
QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "unix_socket_directories=",
    "max_connections=100",
)


@dataclass
class Postgres:
    """A running server with one role, `telltale`, who needs no password."""

    folder: Path
    port: int
    programs: Path

    def connection(self, database: str) -> str:
        """How DuckLake names a database of it."""
        return f"host=127.0.0.1 port={self.port} user=telltale dbname={database}"

    def create(self, database: str, template: str | None = None) -> None:
        """Make a database, empty or like another."""
        like = ["-T", template] if template else []
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "telltale", *like, database)

    def drop(self, database: str) -> None:
        """Take a database away, whoever uses it."""
        self._run("dropdb", "-f", "-h", "127.0.0.1", "-p", str(self.port), "-U", "telltale", database)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = " ".join(
            f"-c {each}" for each in ("listen_addresses=127.0.0.1", f"port={self.port}", *QUICK)
        )
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-l",
            str(self.folder / "log"),
            "-o",
            settings,
            "-w",
            "start",
        )

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *words: str) -> None:
        own = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [str(self.programs / program), *words], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, **own,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()[:400]}")


def missing() -> str | None:
    """Why there can be no Postgres here; None where there can."""
    return None if programs() else "there is no Postgres here: apt-get install postgresql"


def programs() -> Path | None:
    """Debian's newest Postgres."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def made(folder: Path) -> Postgres:
    """Make and start a server in a folder."""
    found = programs()
    if found is None:
        pytest.fail(str(missing()), pytrace=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o700)
    server = Postgres(folder, port, found)
    server._run(
        "initdb",
        "-D",
        str(folder / "data"),
        "-A",
        "trust",
        "-U",
        "telltale",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    )
    server.start()
    return server
