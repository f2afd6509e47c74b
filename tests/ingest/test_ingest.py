from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from analysis import runs
from analysis.errors import UserError
from analysis.ingest import detect, ingest, load_map, preview
from analysis.measure.judge import against_outcome
from analysis.store import Store

ROOT = Path(__file__).parents[2]
MAP = {"checkpoint": "step", "prompt": "q", "reasoning": "cot", "answer": "out"}
Jsonl = Callable[..., Path]


def row(n: int = 0, **more: Any) -> dict[str, Any]:
    return {"step": "s1", "q": "Pick.", "cot": f"I pick {n}. Done.", "out": str(n), **more}


def stored(store: Store, columns: str = "reasoning") -> list[Any]:
    with store.session() as db:
        rows = db.execute(
            f"SELECT {columns} FROM trajectories ORDER BY sample, reasoning, checkpoint"
        ).fetchall()
    return [each[0] if len(each) == 1 else each for each in rows]


def counts(report: Any) -> tuple[int, ...]:
    return report.read, report.stored, report.replaced, report.already, report.conflicting, report.set_aside


def test_rows_by_a_map_become_trajectories_with_segments(store: Store, jsonl: Jsonl) -> None:
    [report] = ingest(store, [jsonl([row(3), row(4)])], MAP)
    assert counts(report) == (2, 2, 0, 0, 0, 0)
    assert stored(store, "checkpoint, answer, sample, reasoning_state, reasoning_source") == [
        ("s1", "3", 0, "text", "cot"),
        ("s1", "4", 1, "text", "cot"),
    ]
    with store.session() as db:
        sentences = db.execute(
            """SELECT reasoning[start_char + 1 : end_char] FROM segments JOIN trajectories USING (row_id)
               ORDER BY sample, segment"""
        ).fetchall()
    assert sentences == [("I pick 3.",), ("Done.",), ("I pick 4.",), ("Done.",)]


def test_the_same_file_again_stores_nothing_again(
    store: Store, jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = jsonl([row(3), row(4)])
    ingest(store, [path], MAP)
    [again] = ingest(store, [path], MAP)
    assert counts(again) == (2, 0, 0, 2, 0, 0)
    monkeypatch.chdir(path.parent)
    [from_elsewhere] = ingest(store, [Path(path.name)], MAP)
    assert counts(from_elsewhere) == (2, 0, 0, 2, 0, 0)


def test_a_file_that_has_grown_adds_what_is_new(store: Store, jsonl: Jsonl) -> None:
    ingest(store, [jsonl([row(3)])], MAP)
    [report] = ingest(store, [jsonl([row(3), row(4)])], MAP)
    assert counts(report) == (2, 1, 0, 1, 0, 0)


def test_the_same_id_with_other_content_is_refused_and_listed_unless_it_replaces(
    store: Store, jsonl: Jsonl
) -> None:
    with_id = {**MAP, "id": "id"}
    ingest(store, [jsonl([row(3, id="a")])], with_id)
    path = jsonl([row(4, id="a")])
    [refused] = ingest(store, [path], with_id)
    assert counts(refused) == (1, 0, 0, 0, 1, 0) and refused.conflicts[0].endswith("rows.jsonl:1 a")
    assert stored(store, "answer") == ["3"]
    with store.session() as db:
        [(line, reason, excerpt)] = db.execute("SELECT line, reason, excerpt FROM quarantine").fetchall()
    assert (line, excerpt) == (1, "I pick 4. Done.") and "--replace" in reason
    [replaced] = ingest(store, [path], with_id, replace=True)
    assert counts(replaced) == (1, 0, 1, 0, 0, 0)
    assert stored(store, "answer") == ["4"]
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM log.trajectories").fetchone() == (2,), "the old row is kept"
        assert db.execute("SELECT count(*) FROM segments").fetchone() == (2,), (
            "only the new text's segments show"
        )


def test_bad_lines_are_set_aside_with_place_and_reason_and_the_rest_goes_on(
    store: Store, tmp_path: Path
) -> None:
    good = orjson.dumps(row(3))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + good + b"\n\n[1]\n" + good[:-9] + b"\n" + b'{"step": "s1", "sample": NaN}\n' + good
    )
    [report] = ingest(store, [path], MAP)
    assert (report.read, report.stored, report.set_aside) == (3, 3, 2)
    with store.session() as db:
        aside = db.execute("SELECT line, reason FROM quarantine ORDER BY line").fetchall()
    assert [line for line, _ in aside] == [3, 4]
    assert "where an object should stand" in aside[0][1] and "no JSON" in aside[1][1]


def test_one_row_that_the_map_does_not_fit_is_set_aside(store: Store, jsonl: Jsonl) -> None:
    [report] = ingest(store, [jsonl([row(3, rep=1), row(4, rep="first")])], {**MAP, "sample": "rep"})
    assert counts(report) == (1, 1, 0, 0, 0, 1)


@pytest.mark.parametrize(
    "text",
    [
        '[{"step":"s1","q":"Pick.","cot":"x"},\n {"step":"s1","q":"Pick.","cot":"y"}]',
        '{"step":"s1","q":"Pick.","cot":"x"}\n{"step":"s1","q":"Pick.","cot":"y"}',
        '{"step":"s1",\n "q":"Pick.","cot":"x"}{"step":"s1","q":"Pick.","cot":"y"}',
        '{"step":"s1","q":"Pick.","cot":"x"}\r\n{"step":"s1","q":"Pick.","cot":"y"}\r\n',
    ],
    ids=["array", "lines in a .json", "concatenated", "CRLF"],
)
def test_json_as_an_array_as_lines_or_concatenated(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "some name [1]~.json"
    path.write_bytes(text.encode())
    ingest(store, [path], {"checkpoint": "step", "prompt": "q", "reasoning": "cot"})
    assert stored(store) == ["x", "y"]


def test_line_separators_inside_a_text_do_not_end_a_line(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"step":"s","q":"?","cot":"a\u2028b\u0085c"}\n', encoding="utf-8")
    ingest(store, [path], {"checkpoint": "step", "prompt": "q", "reasoning": "cot"})
    assert stored(store) == ["a\u2028b\u0085c"]


def test_chat_rows_are_recognised(store: Store, jsonl: Jsonl) -> None:
    said = [
        {"role": "user", "content": "Pick."},
        {"role": "assistant", "content": "4", "reasoning_content": "Four."},
    ]
    path = jsonl(
        [
            {"messages": said, "checkpoint": "s9", "extra": 1},
            {"choices": [{"message": said[1], "finish_reason": "stop"}], "model": "m"},
        ]
    )
    assert detect(path) == "chat"
    ingest(store, [path])
    assert stored(store, "checkpoint, reasoning, answer, finish_reason, metadata") == [
        ("m", "Four.", "4", "stop", "{}"),
        ("s9", "Four.", "4", None, '{"extra":1}'),
    ]


def test_a_set_rule_overrides_what_a_recognised_format_says(store: Store, jsonl: Jsonl) -> None:
    said = [{"role": "user", "content": "Pick."}, {"role": "assistant", "content": "<think>Four.</think>4"}]
    path = jsonl([{"messages": said, "model": "m", "arm": "b"}], "step-70/chat.jsonl")
    ingest(store, [path], {"checkpoint": {"path": r"(step-\d+)/"}, "variant": "arm"})
    assert stored(store, "checkpoint, variant, reasoning, answer, model") == [
        ("step-70", "b", "Four.", "4", "m")
    ]


def test_a_dry_run_shows_the_first_and_names_what_nothing_reads(store: Store, jsonl: Jsonl) -> None:
    shown = preview(jsonl([row(n, left="x") for n in range(5)]), MAP, count=2)
    assert [t.answer() for t in shown.trajectories] == ["0", "1"] and shown.unread_fields == ["left"]
    assert not store.exists()


def test_outcomes_and_verdicts_that_a_later_map_adds_come_in_for_what_is_there(
    store: Store, jsonl: Jsonl
) -> None:
    path = jsonl([row(3, odd="True", said="YES", quote="pick   3"), row(4, odd="", said=None, quote=None)])
    ingest(store, [path], MAP)
    judged = {"tagger": "gpt", "pattern": "p", "value": "said", "quote": "quote"}
    richer = {**MAP, "outcome": {"name": "odd", "value": "odd"}, "judged": judged}
    for _ in range(2):
        ingest(store, [path], richer)
    with store.session() as db:
        assert db.execute("SELECT value, state FROM outcomes ORDER BY state DESC").fetchall() == [
            ("true", "ok"),
            ("null", "missing"),
        ]
        assert db.execute("SELECT state, error FROM log.attempts ORDER BY state DESC").fetchall() == [
            ("ok", None),
            ("failed", "the source has no verdict"),
        ]
        assert db.execute("SELECT pattern, verdict FROM verdicts").fetchall() == [("p", "present")]
        assert db.execute("SELECT match, start_char, end_char FROM findings").fetchall() == [("folded", 2, 8)]
        assert db.execute("SELECT tagger, model FROM runs").fetchall() == [("imported", "gpt")]


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        (
            {**MAP, "reasoning": "thoughts"},
            "names the field thoughts, which is not in the rows of rows.jsonl; they have step, q, cot, out",
        ),
        ({**MAP, "answer": "ou"}, "did you mean out"),
    ],
)
def test_a_map_that_names_a_field_that_is_not_there_is_refused_before_anything_is_stored(
    store: Store, jsonl: Jsonl, rules: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        ingest(store, [jsonl([row(3)])], rules)
    assert not store.exists()


def eval_log(path: Path, samples: list[dict[str, Any]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "header.json",
            orjson.dumps(
                {
                    "version": 2,
                    "status": "success",
                    "eval": {"task": "t", "model": "m", "created": "2026-01-02T03:04:05+00:00"},
                }
            ),
        )
        for number, sample in enumerate(samples):
            archive.writestr(f"samples/{number}_epoch_1.json", orjson.dumps(sample))
    return path


def test_an_inspect_log_resolves_attachments_and_reads_scores(store: Store, tmp_path: Path) -> None:
    key = "0123456789abcdef0123456789abcdef"
    path = eval_log(tmp_path / "log.eval", [{
        "id": "a", "epoch": 2, "uuid": "u1", "attachments": {key: "A long prompt."},
        "messages": [
            {"role": "user", "content": f"attachment://{key}"},
            {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "Hm."}], "tool_calls": [{"function": "bash", "arguments": {"cmd": "ls"}}]},
            {"role": "tool", "content": "file", "function": "bash"},
            {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "Ah."}, {"type": "text", "text": "Done."}]},
        ],
        "scores": {"exact": {"value": "C"}, "points": {"value": 0.5}}, "output": {"choices": [{"stop_reason": "stop"}]},
    }])  # fmt: skip
    ingest(store, [path])
    assert stored(
        store, "trajectory_id, environment, checkpoint, sample, reasoning, answer, finish_reason"
    ) == [("u1", "t", "m", 2, "Hm.\n\nAh.", "Done.", "stop")]
    with store.session() as db:
        assert db.execute(
            "SELECT messages->>'$[0].content', messages->>'$[1].tool_calls[0].name' FROM trajectories"
        ).fetchall() == [("A long prompt.", "bash")]
        assert db.execute("SELECT name, value FROM outcomes ORDER BY 1").fetchall() == [
            ("exact", "true"),
            ("points", "0.5"),
        ]
        assert db.execute("SELECT segment, message FROM segments ORDER BY 1").fetchall() == [(0, 1), (1, 3)]


def test_a_damaged_log_is_refused_in_one_line_and_stores_nothing(store: Store, tmp_path: Path) -> None:
    path = eval_log(tmp_path / "log.eval", [{"uuid": "u", "messages": []}])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"log\.eval is damaged .*; copy it again$"):
        ingest(store, [path])
    assert not store.exists()


def test_one_damaged_sample_is_set_aside_and_the_others_come_in(store: Store, tmp_path: Path) -> None:
    said = {"role": "assistant", "content": "x" * 300}
    path = eval_log(
        tmp_path / "log.eval", [{"uuid": "u0", "messages": [said]}, {"uuid": "u1", "messages": [said]}]
    )
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("samples/0_epoch_1.json").header_offset + 60
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))
    [report] = ingest(store, [path])
    assert counts(report) == (1, 1, 0, 0, 0, 1)
    with store.session() as db:
        assert db.execute(
            "SELECT starts_with(reason, 'samples/0_epoch_1.json: ') FROM quarantine"
        ).fetchall() == [(True,)]


def test_of_several_files_the_one_that_cannot_be_read_is_set_aside(
    store: Store, tmp_path: Path, jsonl: Jsonl
) -> None:
    good = jsonl([{"messages": [{"role": "assistant", "content": "hi"}]}], "a.jsonl")
    (tmp_path / "b.eval").write_bytes(b"PK\x03\x04broken")
    (tmp_path / "c.jsonl").write_bytes(b"")
    reports = ingest(store, [good, tmp_path / "b.eval", tmp_path / "c.jsonl"])
    assert [bool(report.refused) for report in reports] == [False, True, True]
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM quarantine").fetchone() == (2,)


# Public traces ------------------------------------------------------------------------------------------------

MATRICES = """
olmo_pre_rl 29,9,0,3,17 · olmo_step_20 29,6,1,2,20 · olmo_step_100 43,5,3,7,28 · olmo_step_200 22,2,1,0,19 ·
olmo_step_300 10,2,0,1,7 · olmo_step_480 18,3,1,3,11 · olmo_step_1000 32,2,0,4,26 · olmo_step_1200 55,3,4,9,39 ·
gptoss_nohack 66,35,1,2,28 · gptoss_b0.0 55,23,0,1,31 · gptoss_b0.005 55,27,1,2,25 · gptoss_b0.02 55,24,1,2,28 ·
gptoss120b_nohack 66,45,2,6,13 · gptoss120b_s200 66,39,1,3,23 · gptoss120b_s350_sutl 77,49,2,3,23 ·
gptoss120b_s400 66,36,1,3,26
"""


def test_library_choice_comes_in_with_its_outcomes_and_verdicts(store: Store, real: Path) -> None:
    rules = load_map(ROOT / "data" / "maps" / "library-choice.yaml")
    reports = ingest(store, [real / "library-choice"], rules)
    assert sum(report.stored for report in reports) == 759 and not any(
        r.set_aside or r.conflicting for r in reports
    )
    with store.session() as db:
        verdicts = dict(db.execute("SELECT verdict, count(*) FROM verdicts GROUP BY 1").fetchall())
        states = dict(db.execute("SELECT state, count(*) FROM attempts GROUP BY 1").fetchall())
        matrices = against_outcome(db, runs.choose(db, None), "switched")
    assert verdicts == {"present": 329, "absent": 415} and states == {"ok": 744, "no_reasoning": 15}
    printed = {m.group["checkpoint"]: f"{m.n},{m.tp},{m.fp},{m.fn},{m.tn}" for m in matrices}
    assert printed == dict(each.split() for each in MATRICES.replace("\n", " ").split("·"))
    assert [m.group["checkpoint"] for m in matrices][8:11] == [
        "olmo_pre_rl",
        "olmo_step_20",
        "olmo_step_100",
    ], "in order"


def test_real_inspect_logs_come_in_and_ciphertext_does_not(store: Store, real: Path) -> None:
    names = ("inspect_anthropic_reasoning.eval", "inspect_encrypted_reasoning.eval")
    reports = ingest(store, [real / "formats" / name for name in names])
    assert [report.stored for report in reports] == [6, 5]
    with store.session() as db:
        states = db.execute(
            "SELECT reasoning_state, count(*) FROM trajectories GROUP BY 1 ORDER BY 1"
        ).fetchall()
        everything = db.execute(
            "SELECT string_agg(concat(reasoning, messages, answer, metadata)) FROM trajectories WHERE model LIKE 'openai/%'"
        ).fetchone()
        turns, alone = db.execute(
            """SELECT count(u.reasoning), count(u.reasoning) FILTER (t.messages->u.message->>'content' = '')
               FROM turns u JOIN trajectories t USING (row_id) WHERE model LIKE 'anthropic/%'"""
        ).fetchone() or (0, 0)
        left = db.execute(
            "SELECT count(*) FROM trajectories WHERE messages::VARCHAR LIKE '%attachment://%'"
        ).fetchone()
    assert states == [("summary", 11)], "Claude Opus 4.1 and GPT-5 nano"
    assert everything and "gAAAAA" not in everything[0] and "Implementing" in everything[0]
    assert (turns, alone) == (70, 19) and left == (0,)
