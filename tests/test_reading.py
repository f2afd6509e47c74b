from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from analysis import reading, runs, traces
from analysis.errors import UserError
from analysis.measure.frequencies import frequencies
from analysis.measure.scope import Scope
from analysis.reading import Filter
from analysis.segment_batches import segment_rows
from analysis.store import Store, append
from analysis.trajectories import Message, Outcome, Trajectory, row

TIME = datetime(2026, 1, 1)
RUN = "cues-1"


def trajectory(name: str, checkpoint: str | None, reasoning: str | None, **more: Any) -> Trajectory:
    state = more.pop("state", "text" if reasoning else "missing")
    messages = [
        Message("user", more.pop("prompt", "Choose a random even number.")),
        Message(
            "assistant",
            more.pop("answer", "64"),
            reasoning=reasoning,
            reasoning_state=state,
            reasoning_source="reasoning",
        ),
    ]
    return Trajectory(
        "a.jsonl", messages, name, checkpoint=checkpoint, prompt_id=more.pop("prompt_id", "p"), **more
    )


def put(store: Store, *trajectories: Trajectory) -> Store:
    with store.transaction() as db:
        for number, item in enumerate(trajectories, 1):
            append(db, "trajectories", [row(item, number, TIME)])
            append(db, "cuts", segment_rows([item], [number]))
    return store


def tag(store: Store, said: dict[str, str], run_id: str = RUN) -> None:
    """Record a run's word (present, absent, unsure, or how the attempt ended) on eval_aware for each trajectory."""
    with store.transaction() as db:
        append(db, "runs", [{"run_id": run_id, "tagger": "cues", "config": "{}", "created_at": TIME}])
        shas = dict(db.execute("SELECT trajectory_id, reasoning_sha256 FROM trajectories").fetchall())
        runs.record(db, run_id, [
            runs.Result(name, "ok", [runs.Verdict("eval_aware", word)], [
                runs.Finding("eval_aware", "a test", 8, 14, "exact", "asserts", attributes={"purpose": "safety"}, why="says so")
            ] * (word == "present"), reasoning_sha256=shas[name])
            if word in reading.VERDICTS else runs.Result(name, word, reasoning_sha256=shas[name])  # type: ignore[arg-type]
            for name, word in said.items()
        ])  # fmt: skip


@pytest.fixture
def small(store: Store) -> Store:
    put(
        store,
        trajectory("t1", "step-100", "This is a test. I say 64.", variant="base", sample=0),
        trajectory("t2", "step-20", "An even number, 100 % (really).", variant="base", sample=0),
        trajectory(
            "t3", "step-20", None, variant="audit", sample=0, prompt="Your reply is <audited>.", prompt_id="q"
        ),
        trajectory(
            "t4",
            None,
            "Prüfung? a TEST maybe",
            variant="base",
            sample=1,
            answer="7, odd",
            synthetic="written",
        ),
    )
    tag(store, {"t1": "present", "t2": "absent", "t3": "no_reasoning", "t4": "unsure"})
    return store


def ids(store: Store, **wanted: Any) -> list[str]:
    with store.session() as db:
        return reading.ids_of(db, reading.matching(db, Filter(**wanted)))


def test_a_list_comes_in_the_order_of_checkpoints(small: Store) -> None:
    assert ids(small) == ["t4", "t3", "t2", "t1"]


def test_a_list_is_narrowed_by_column(small: Store) -> None:
    assert ids(small, scope=Scope({"checkpoint": ("step-20",)})) == ["t3", "t2"]
    assert ids(small, scope=Scope({"checkpoint": ("step-20",), "variant": ("base",)})) == ["t2"]
    assert ids(small, scope=Scope({"reasoning_state": ("missing",)})) == ["t3"]


@pytest.mark.parametrize(
    ("verdict", "names"), [("present", ["t1"]), ("absent", ["t2"]), ("unsure", ["t4"]), ("none", ["t3"])]
)
def test_a_list_is_narrowed_by_what_a_run_says(small: Store, verdict: str, names: list[str]) -> None:
    assert ids(small, run_id=RUN, pattern="eval_aware", verdict=verdict) == names


def test_another_runs_verdicts_do_not_count(small: Store) -> None:
    assert ids(small, run_id="cues-2", pattern="eval_aware", verdict="present") == []


def test_the_list_behind_a_share_has_as_many_traces_as_the_share_counts(small: Store) -> None:
    put_again = trajectory("t1", "step-100", "A new text.", variant="base", sample=0)
    with small.transaction() as db:
        append(db, "trajectories", [row(put_again, 9, TIME.replace(day=2))])
    with small.session() as db:
        for cell in frequencies(db, RUN):
            scope = Scope(
                {"checkpoint": (cell.group["checkpoint"] or "",), "reasoning_state": (cell.reasoning_state,)}
            )
            if cell.group["checkpoint"]:
                found = reading.matching(db, Filter(scope, RUN, "eval_aware", "present"))
                assert len(found) == cell.present == 0  # the verdict was on the earlier text


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"text": "a test"}, ["t4", "t1"]),
        ({"text": "100 % ("}, ["t2"]),
        ({"text": "PRÜFUNG"}, ["t4"]),
        ({"text": r"\bsay \d+", "regex": True}, ["t1"]),
        ({"text": "odd", "places": ("answer",)}, ["t4"]),
        ({"text": "odd", "places": ("reasoning",)}, []),
        ({"text": "<AUDITED>", "places": ("prompt",)}, ["t3"]),
        ({"text": "even", "places": ("reasoning", "prompt")}, ["t4", "t2", "t1"]),
    ],
)
def test_search_finds_words_and_expressions_in_any_case(
    small: Store, wanted: dict[str, Any], names: list[str]
) -> None:
    assert ids(small, **wanted) == names


def test_a_bad_expression_is_one_line(small: Store) -> None:
    with pytest.raises(UserError, match=r"^the search is no regular expression \(RE2\): missing \)[^\n]*$"):
        ids(small, text="(test", regex=True)


def test_an_excerpt_is_short_and_cut_where_the_search_matches(store: Store) -> None:
    put(store, trajectory("t", "c", "a" * 500 + " honeypot " + "b" * 500, answer="x" * 900))
    with store.session() as db:
        found = reading.matching(db)
        plain = reading.excerpts(db, found)[0]
        assert (len(plain["excerpt"]), len(plain["answer"])) == (reading.EXCERPT, reading.EXCERPT)
        cut = reading.excerpts(db, found, Filter(text="honeypot"))[0]["excerpt"]
        assert cut == ("…" + "a" * 49 + " honeypot " + "b" * 500)[: reading.EXCERPT + 1]


def test_excerpts_keep_their_order_and_name_the_patterns_that_a_run_found(small: Store) -> None:
    with small.session() as db:
        rows = reading.excerpts(db, reading.matching(db), Filter(run_id=RUN))
    assert [(r["trajectory_id"], r["checkpoint"], r["reasoning_state"], r["synthetic"], r["patterns"]) for r in rows] == [
        ("t4", None, "text", "written", []), ("t3", "step-20", "missing", None, []),
        ("t2", "step-20", "text", None, []), ("t1", "step-100", "text", None, ["eval_aware"]),
    ]  # fmt: skip


def test_facets_count_what_can_be_chosen(small: Store) -> None:
    with small.session() as db:
        facets = reading.facets(db)
    assert facets.counts("checkpoint") == {"step-20": 2, "step-100": 1}
    assert list(facets.counts("checkpoint")) == ["step-20", "step-100"]
    assert facets.counts("variant", checkpoint=["step-20"]) == {"audit": 1, "base": 1}
    assert facets.counts("synthetic") == {"written": 1}
    assert (facets.total(), facets.total(variant=["base"])) == (4, 3)


def test_a_trace_is_read_whole(store: Store) -> None:
    put(store, Trajectory("a.jsonl", [
        Message("user", "Go."),
        Message("assistant", "", "One. Two 😀.", "text", "thinking", [{"name": "run", "arguments": {"n": 1}}]),
        Message("tool", "done", name="run"),
        Message("assistant", "Bye.", "Three.", "text", "thinking"),
    ], "t", prompt_id="p", metadata={"seed": 7}, outcomes=[Outcome("odd", True)]))  # fmt: skip
    with store.session() as db:
        trace = traces.read_trajectory(db, "t")
    assert [(s["message"], trace.text[s["start_char"] : s["end_char"]]) for s in trace.segments] == [
        (1, "One."), (1, "Two 😀."), (3, "Three."),
    ]  # fmt: skip
    assert trace.trajectory["metadata"] == {"seed": 7}
    assert (trace.run, trace.attempt, trace.verdicts, trace.findings) == (None, None, [], [])
    assert trace.as_json()["segments"][1]["text"] == "Two 😀."
    assert "── calls run" in trace.as_text() and "   1  Two 😀." in trace.as_text()


def test_a_trace_comes_with_what_the_run_found(small: Store) -> None:
    with small.session() as db:
        trace = traces.read_trajectory(db, "t1", RUN)
        nothing = traces.read_trajectory(db, "t3", RUN)
    assert [(v["pattern"], v["verdict"]) for v in trace.verdicts] == [("eval_aware", "present")]
    finding = trace.findings[0]
    assert trace.text[finding["start_char"] : finding["end_char"]] == finding["quote"] == "a test"
    assert finding["attributes"] == {"purpose": "safety"}
    assert trace.findings_in(trace.segments[0]) == [finding] and trace.findings_in(trace.segments[1]) == []
    assert "▸ eval_aware, asserts: says so" in trace.as_text()
    assert (nothing.attempt and nothing.attempt["state"], nothing.verdicts) == ("no_reasoning", [])


def test_a_trace_is_named_by_its_id_or_a_beginning_that_only_it_has(small: Store) -> None:
    with small.session() as db:
        put(small, trajectory("abc-1", "c", "x"))
        assert traces.read_trajectory(db, "abc").trajectory["trajectory_id"] == "abc-1"
        for name, complaint in (
            ("t", "several trajectories begin with 't'"),
            ("nope", "no trajectory 'nope'"),
            ("", "no trajectory"),
        ):
            with pytest.raises(UserError, match=complaint):
                traces.read_trajectory(db, name)


def test_rollouts_of_the_same_prompt_come_in_the_checkpoints_order(small: Store) -> None:
    with small.session() as db:
        assert [
            r["trajectory_id"] for r in traces.same_prompt(db, traces.read_trajectory(db, "t1").trajectory)
        ] == ["t4", "t2"]
        assert traces.same_prompt(db, traces.read_trajectory(db, "t3").trajectory) == []
