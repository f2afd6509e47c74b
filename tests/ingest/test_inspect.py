"""Inspect logs and Inspect Scout databases, written by the packages themselves."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any

import pytest

from analysis.ingest import files_in, ingest
from analysis.store import Store
from tests.ingest.agent_examples import LONG, inspect_log
from tests.ingest.reading import parted, turns, written


def in_chunks(path: Path) -> Path:
    from inspect_ai.log._recorders.chunked import convert_eval_logs_to_chunked

    convert_eval_logs_to_chunked(str(path), str(path.parent / "chunks"), chunk_size=2)
    return path.parent / "chunks" / path.name


@pytest.mark.parametrize("form", ["log.eval", "chunks.eval", "log.json"])
def test_a_log_that_inspect_wrote(tmp_path: Path, form: str) -> None:
    from inspect_ai.log import write_eval_log

    path = tmp_path / form
    write_eval_log(inspect_log(), str(path))
    trajectories, aside = parted(in_chunks(path) if "chunks" in form else path)
    assert not aside and [t.metadata["id"] for t in trajectories] == ["s0", "s1"]
    assert turns(trajectories[0]) == [
        ("user", LONG, None),
        ("assistant", "", "Hm."),
        ("tool", "file", None),
        ("assistant", "4", "It chose."),
    ]
    assert {t.reasoning_state() for t in trajectories} == {"summary"}
    assert [(o.name, o.value, o.state) for o in trajectories[0].outcomes] == [
        ("even", False, "ok"),
        ("rubric", None, "missing"),
    ]
    assert [(o.name, o.value, o.state) for o in trajectories[1].outcomes] == [
        ("even", True, "ok"),
        ("rubric.style", 0.5, "ok"),
        ("rubric.care", None, "missing"),
    ]
    assert [(t.environment, t.model, t.sample) for t in trajectories] == [("odd", "lab/m", 1)] * 2
    assert len({t.trajectory_id for t in trajectories}) == 2


def test_inspect_packs_with_zstd_and_it_is_read_without_inspect(tmp_path: Path) -> None:
    from inspect_ai.log import write_eval_log

    write_eval_log(inspect_log(), str(tmp_path / "log.eval"))
    with zipfile.ZipFile(tmp_path / "log.eval") as archive:
        assert {info.compress_type for info in archive.infolist()} == {93}
        at = archive.getinfo("samples/s0_epoch_1.json").header_offset
    data = bytearray((tmp_path / "log.eval").read_bytes())
    data[at + 120] ^= 0xFF
    (tmp_path / "broken.eval").write_bytes(bytes(data))
    trajectories, [aside] = parted(tmp_path / "broken.eval")
    assert len(trajectories) == 1 and aside.reason.startswith("samples/s0_epoch_1.json: ")


@pytest.mark.parametrize("form", ["log.eval", "log.json"])
def test_a_cancelled_log_without_samples_is_set_aside_with_its_status(
    store: Store, tmp_path: Path, form: str
) -> None:
    from inspect_ai.log import write_eval_log

    write_eval_log(inspect_log("cancelled", 0), str(tmp_path / form))
    [report] = ingest(store, [tmp_path / form])
    assert (report.read, report.set_aside, report.refused) == (0, 1, None)
    with store.session() as db:
        assert db.execute("SELECT reason FROM quarantine").fetchall() == [
            ("the log holds no samples; its status is cancelled",)
        ]


def test_an_older_json_log_with_one_score_and_a_transcript(tmp_path: Path) -> None:
    key = "0123456789abcdef0123456789abcdef"
    sample = {
        "id": 1, "epoch": 1, "input": "Pick.", "target": "4", "score": {"value": 1},
        "messages": [{"role": "user", "content": f"attachment://{key}"}, {"role": "assistant", "content": "<think>Hm.</think>4"}],
        "transcript": {"events": [], "content": {key: "Pick one."}},
    }  # fmt: skip
    log = {"version": 1, "status": "error", "eval": {"task": "t", "model": "m", "created": "2026-01-02T03:04:05"},
           "results": {"scorer": {"name": "includes"}}, "samples": [sample, 7, {**sample, "id": 2}]}  # fmt: skip
    trajectories, [aside] = parted(written(tmp_path / "log.json", log))
    assert [turns(t) for t in trajectories] == [[("user", "Pick one.", None), ("assistant", "4", "Hm.")]] * 2
    assert [(o.name, o.value) for o in trajectories[0].outcomes] == [("includes", 1)]
    assert aside.line == 2 and "a int among the samples" in aside.reason


def test_a_json_log_cut_off_keeps_the_samples_that_are_whole(tmp_path: Path) -> None:
    from inspect_ai.log import write_eval_log

    write_eval_log(inspect_log(), str(tmp_path / "log.json"))
    data = (tmp_path / "log.json").read_bytes()
    (tmp_path / "cut.json").write_bytes(data[: data.index(b'"id": "s1"') + 40])
    trajectories, aside = parted(tmp_path / "cut.json")
    assert [t.metadata["id"] for t in trajectories] == ["s0"] and len(aside) == 2
    assert "cut off" in aside[1].reason


def test_an_audit_in_an_inspect_log_gives_the_targets_messages(tmp_path: Path) -> None:
    def call(role: str, *said: dict[str, Any]) -> dict[str, Any]:
        return {"event": "model", "role": role, "input": list(said[:-1]), "output": {"choices": [{"message": said[-1], "stop_reason": "stop"}]}}  # fmt: skip

    user, reply = (
        {"role": "user", "content": "File this."},
        {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "A test?"}]},
    )
    auditor = {"role": "assistant", "content": "I audit."}
    sample = {
        "id": 1,
        "epoch": 1,
        "messages": [auditor],
        "events": [call("target", user, reply), call("auditor", user, auditor)],
    }
    roles = {"auditor": {"model": "lab/a"}, "target": {"model": "lab/t"}}
    log = {"version": 2, "status": "success", "eval": {"task": "petri/audit", "model": "none", "model_roles": roles},
           "samples": [sample, {**sample, "id": 2, "events": []}]}  # fmt: skip
    [trajectory], [aside] = parted(written(tmp_path / "log.json", log))
    assert turns(trajectory) == [("user", "File this.", None), ("assistant", "", "A test?")]
    assert trajectory.model == "lab/t" and "target was never called" in aside.reason


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A transcript database as Inspect Scout writes it."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentReasoning, ContentText
    from inspect_scout import Transcript, transcripts_db

    async def write() -> None:
        async with transcripts_db(str(tmp_path / "runs" / "db")) as db:
            await db.insert([
                Transcript(
                    transcript_id=f"t{n}", source_type="lab", source_id="x", source_uri="u", task_set="odd", task_id="p1",
                    task_repeat=n, model="lab/m", score={"even": 1.0}, success=True, date="2026-01-02T03:04:05Z",
                    metadata={"variant": "hint"},
                    messages=[ChatMessageUser(content="Pick."), ChatMessageAssistant(content=[ContentReasoning(reasoning="Hm."), ContentText(text="4")])],
                )
                for n in (1, 2, 3)
            ])  # fmt: skip

    asyncio.run(write())
    return tmp_path / "runs" / "db"


def test_a_scout_database_is_one_input_and_its_messages_are_read(store: Store, database: Path) -> None:
    assert files_in([database.parent]) == [database]
    trajectories, aside = parted(database)
    assert not aside and sorted(str(t.trajectory_id) for t in trajectories) == ["t1", "t2", "t3"]
    assert turns(trajectories[0]) == [("user", "Pick.", None), ("assistant", "4", "Hm.")]
    assert [(o.name, o.value) for o in trajectories[0].outcomes] == [("score.even", 1.0), ("success", True)]
    assert trajectories[0].environment == "odd" and trajectories[0].metadata["variant"] == "hint"
    [report] = ingest(store, [database], {"variant": "variant"})
    assert (report.file, report.format, report.stored) == ("runs/db", "scout", 3)
    [again] = ingest(store, [next(database.glob("*.parquet"))])
    assert (again.format, again.read) == ("scout", 3)
