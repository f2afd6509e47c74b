"""Four processes at once for a minute: two apps' worth of labels, a judge and an ingest, on one file and on a DuckLake.

    python -m benchmarks.fuzz_together [--seconds 60] [--only file|lake]

All that was acknowledged must be there, nothing twice, and `verify` clean. The lake has a Postgres of its own, from
Debian's packages.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from analysis.store import Store  # noqa: E402
from tests.postgres import made  # noqa: E402
from tests.together import together  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=STORES)
    given = parser.parse_args()
    for name in [given.only] if given.only else STORES:
        with tempfile.TemporaryDirectory() as folder, STORES[name](Path(folder)) as store:
            load = os.getloadavg()[0]
            print(
                f"{name}, {given.seconds:g} s, load {load:.1f}: {together(store, Path(folder), given.seconds)}",
                flush=True,
            )


@contextmanager
def file(folder: Path) -> Iterator[Store]:
    """A store in a file."""
    yield Store(folder / "store.duckdb")


@contextmanager
def lake(folder: Path) -> Iterator[Store]:
    """A store on DuckLake."""
    with tempfile.TemporaryDirectory(prefix="telltale-postgres-") as own:
        server = made(Path(own))
        try:
            server.create("lake")
            store = Store(f"ducklake:postgres:{server.connection('lake')}", data_path=str(folder / "rows"))
            with store.session():
                pass  # the catalog keeps the data path from here on
            yield store
        finally:
            server.stop()


STORES = {"file": file, "lake": lake}


if __name__ == "__main__":
    main()
