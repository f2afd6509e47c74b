"""A lake whose rows are in an object store."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from analysis.errors import UserError
from analysis.ingest import ingest, load_map
from analysis.store import Store
from analysis.store.moving import move, tidy
from analysis.store.verify import verify
from tests.postgres import Postgres
from tests.s3_standin import S3Standin

pytestmark = pytest.mark.xdist_group("lake")
DATA = Path(__file__).parents[2] / "data"


def test_a_store_goes_into_an_object_store_and_its_rows_are_read_from_there(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Store(tmp_path / "here.duckdb")
    ingest(here, [DATA / "sample/odd-number.jsonl"], load_map(DATA / "maps/odd-number.yaml"))
    with S3Standin() as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        name = f"lake_{secrets.token_hex(6)}"
        postgres.create(name)
        there = Store(f"ducklake:postgres:{postgres.connection(name)}", data_path="s3://lab/telltale")
        assert {each.table: each.rows for each in move(here, there)}["trajectories"] == 24
        tidy(there)
        written = [key for key in s3.objects if key.startswith("lab/telltale/") and key.endswith(".parquet")]
        assert written and all(s3.objects[key][:4] == b"PAR1" for key in written)
        texts = "SELECT trajectory_id, reasoning FROM trajectories ORDER BY 1"
        with here.session() as ours, there.session() as theirs:
            assert theirs.execute(texts).fetchall() == ours.execute(texts).fetchall()
        assert not [found for found in verify(there) if found.broken]


def test_a_refused_key_is_one_line_without_the_secret(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with S3Standin() as s3:
        for name, value in s3.environment("AKIASOMEBODY").items():
            monkeypatch.setenv(name, value)
        name = f"lake_{secrets.token_hex(6)}"
        postgres.create(name)
        there = Store(f"ducklake:postgres:{postgres.connection(name)}", data_path="s3://lab/telltale")
        with pytest.raises(UserError) as told:
            ingest(there, [DATA / "sample/odd-number.jsonl"], load_map(DATA / "maps/odd-number.yaml"))
            tidy(there)
        assert "secret" not in str(told.value) and "\n" not in str(told.value)
