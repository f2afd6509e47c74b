"""show and app: reading traces, in the terminal and in the browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, printable, with_store

ROOT = Path(__file__).parents[1]


@click.command()
@click.argument("trajectory")
@click.option("--run", "run_id", help="The run whose findings are shown. [default: the newest]")
@with_store
def show(store: Store, as_json: bool, trajectory: str, run_id: str | None) -> int:
    """Print one trajectory with its prompt, numbered sentences, findings and answer.

    TRAJECTORY is its id, or the beginning of it.
    """
    from analysis.traces import read_trajectory

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    with store.session() as db:
        trace = read_trajectory(db, trajectory, run_id)
    if as_json:
        click.echo(json.dumps(trace.as_json(), indent=1, default=str))
        return 0
    click.echo(printable(trace.as_text()))
    return 0


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8501, show_default=True, help="0 takes a free one."
)
@with_store
def app(store: Store, as_json: bool, port: int) -> int:
    """Start the app on 127.0.0.1 and print its address. Ctrl-C stops it."""
    port = _free_port(port)
    address = f"http://127.0.0.1:{port}"
    emit([{"app": address, "store": str(store)}], "json" if as_json else "table")
    sys.stdout.flush()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"),
               "--server.address=127.0.0.1", f"--server.port={port}"]  # fmt: skip
    try:
        return subprocess.run(command, env={**os.environ, "TELLTALE_DB": store.target}, cwd=ROOT).returncode
    except KeyboardInterrupt:
        return 0


COMMANDS = (show, app)


def _free_port(port: int) -> int:
    """The port, or the next free one after it: another app may be running."""
    import socket

    for candidate in (port, *range(port + 1, port + 20), 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError(f"no free port from {port} to {port + 19}; name another with --port")
