"""Collecting from an endpoint: exactly n samples a prompt and checkpoint, whatever the endpoint does on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_standin import Answer, Behaviour, Call, ModelStandin, cut_halfway, limited, replied
from standin import dropped, error, slow

from analysis.environment import collecting
from analysis.environment.collecting import Collected, collect, plan
from analysis.environment.drawing import Collection, Sample
from analysis.environment.prompts import VARIANTS, family
from analysis.environment.sampling import Sampling
from analysis.errors import UserError
from analysis.judge.client import Patience
from analysis.store import Store

IMPATIENT = Patience(tries=4, first_wait=0.001, longest_wait=0.05, timeout=5)
BASE, MIRROR = VARIANTS["base"], VARIANTS["mirror"]
Collect = Callable[..., list[Collected]]


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(collecting, "COMMIT_SECONDS", 0.05)


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelStandin]]:
    """Start a stand-in: the script's behaviours one a call, then whole replies (or `usual`)."""
    started: list[ModelStandin] = []

    def start(*script: Behaviour, usual: Behaviour | None = None) -> ModelStandin:
        started.append(ModelStandin(usual or replied("4", reasoning="Four."), *script).__enter__())
        return started[-1]

    yield start
    for each in started:
        each.__exit__()


@pytest.fixture
def run(store: Store) -> Iterator[Collect]:
    """Collect from a stand-in: the base prompt, three samples, one call at a time, unless said otherwise."""

    def collected(
        url: ModelStandin | str, n: int = 3, variants: Any = (BASE,), checkpoint: str = "step-1",
        connections: int = 1, failed: Any = None, key: str | None = None, **sampling: Any,
    ) -> list[Collected]:  # fmt: skip
        wanted = Collection(checkpoint, list(variants), n, Sampling(**{"model": "m", **sampling}))
        url = url if isinstance(url, str) else url.url
        return collect(store, wanted, url, connections, failed=failed, key=key, patience=IMPATIENT)

    with store.session():  # opening the file anew for each commit is most of a short test's time
        yield collected


@pytest.fixture
def rows(store: Store) -> Callable[[str], list[Any]]:
    """One column of the trajectories, in the order of checkpoint, variant and sample; JSON is decoded."""

    def column(expression: str) -> list[Any]:
        with store.session() as db:
            found = db.execute(
                f"SELECT {expression} FROM trajectories ORDER BY checkpoint, variant, sample"
            ).fetchall()
        return [json.loads(v) if isinstance(v, str) and v[:2] in ('{"', "[{") else v for (v,) in found]

    return column


def test_n_samples_of_each_prompt_with_what_was_asked_thought_and_answered(
    serve: Callable[..., ModelStandin], run: Collect, store: Store
) -> None:
    endpoint = serve()
    [base, mirror] = run(endpoint, 3, [BASE, MIRROR])
    assert (base.stored, mirror.stored, base.to_ask) == (3, 3, 0)
    assert endpoint.asked() == {BASE.text: 3, MIRROR.text: 3}
    assert [call.messages[0]["content"] for call in endpoint.calls[:2]] == [BASE.text, MIRROR.text]
    with store.session() as db:
        found = db.execute(
            """SELECT environment, checkpoint, variant, model, sample, reasoning, reasoning_state, answer, finish_reason,
                      synthetic, source, prompt_id FROM trajectories ORDER BY variant, sample"""
        ).fetchall()
        gaming = dict(
            db.execute("""SELECT t.variant, o.value::BOOLEAN FROM outcomes o JOIN trajectories t USING (trajectory_id)
                          WHERE name = 'gaming'""").fetchall()
        )
    assert found[0] == (
        "odd-number", "step-1", "base", "m", 0, "Four.", "text", "4", "stop", None, "collect/step-1", BASE.prompt_id
    )  # fmt: skip
    assert [row[4] for row in found] == [0, 1, 2, 0, 1, 2]
    assert gaming == {"base": False, "mirror": True}, "answers are read when the collecting is done"


def test_what_is_there_is_not_asked_again_and_a_larger_n_adds_the_difference(
    serve: Callable[..., ModelStandin], run: Collect
) -> None:
    endpoint = serve()
    run(endpoint, 2)
    [again] = run(endpoint, 2)
    assert (len(endpoint.calls), again.already, again.stored) == (2, 2, 0)
    [more] = run(endpoint, 5)
    assert (len(endpoint.calls), more.already, more.stored) == (5, 2, 3)
    [fewer] = run(endpoint, 1)
    assert (len(endpoint.calls), fewer.wanted, fewer.already) == (5, 1, 1)


def test_checkpoints_and_variants_have_samples_of_their_own(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    endpoint = serve()
    run(endpoint, 2, checkpoint="step-1")
    run(endpoint, 2, checkpoint="step-2", variants=[BASE, MIRROR])
    assert rows("checkpoint || variant || sample") == [
        "step-1base0", "step-1base1", "step-2base0", "step-2base1", "step-2mirror0", "step-2mirror1"
    ]  # fmt: skip
    assert len(set(rows("trajectory_id"))) == 6


def test_a_samples_id_is_made_of_checkpoint_prompt_and_number_alone() -> None:
    ids = {Sample(c, v, n).trajectory_id for c in ("a", "b") for v in (BASE, MIRROR) for n in (0, 1)}
    assert len(ids) == 8
    assert Sample("a", BASE, 0).trajectory_id == Sample("a", BASE, 0).trajectory_id == "7544adb39c95ff754819"


def test_settings_are_stated_and_what_was_not_sent_is_the_providers_default(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    endpoint = serve()
    run(endpoint, 1)
    run(endpoint, 1, checkpoint="step-2", temperature=0.7, top_p=0.95, max_tokens=9000,
        settings={"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": True}})  # fmt: skip
    plain, full = (call.json for call in endpoint.calls)
    assert set(plain) == {"model", "messages", "max_tokens"} and plain["max_tokens"] == 8000
    assert (full["temperature"], full["top_p"], full["max_tokens"]) == (0.7, 0.95, 9000)
    assert full["reasoning_effort"] == "low" and full["chat_template_kwargs"] == {"enable_thinking": True}
    stated = rows("metadata->'$.sampling'")
    assert stated[0] == {
        "model": "m", "temperature": "provider's default", "top_p": "provider's default", "max_tokens": 8000
    }  # fmt: skip
    assert stated[1] == {
        "model": "m", "temperature": 0.7, "top_p": 0.95, "max_tokens": 9000, "reasoning_effort": "low",
        "chat_template_kwargs": {"enable_thinking": True},
    }  # fmt: skip


def test_samples_of_one_prompt_are_no_copies_where_a_seed_is_set(
    serve: Callable[..., ModelStandin], run: Collect
) -> None:
    endpoint = serve()
    run(endpoint, 3, settings={"seed": 40})
    assert [call.json["seed"] for call in endpoint.calls] == [40, 41, 42]


def test_samples_drawn_with_other_settings_are_not_mixed(
    serve: Callable[..., ModelStandin], run: Collect, store: Store
) -> None:
    endpoint = serve()
    run(endpoint, 2, temperature=1.0)
    with pytest.raises(
        UserError, match=r"step-1 were drawn with temperature 1.0 and not 0.7; .* another --checkpoint"
    ):
        run(endpoint, 5, temperature=0.7)
    with pytest.raises(
        UserError, match=r"temperature 1\.0 and not provider's default, top_p provider's default and not 0.9"
    ):
        run(endpoint, 5, variants=[MIRROR], top_p=0.9)
    with pytest.raises(UserError, match="reasoning_effort unset and not high"):
        plan(
            store, Collection("step-1", [BASE], 3, Sampling("m", 1.0, settings={"reasoning_effort": "high"}))
        )
    assert len(endpoint.calls) == 2, "nothing was asked"
    run(endpoint, 2, checkpoint="step-1-cool", temperature=0.7)
    run(endpoint, 3, temperature=1.0)
    assert len(endpoint.calls) == 5


def test_everything_that_was_served_is_kept_and_no_key(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    key = "sk-a-key-of-some-length"
    endpoint = serve(
        usual=replied("4", top={"provider": "Somewhere", "echo": f"Bearer {key}"}, reasoning="Four.")
    )
    run(endpoint, 1, key=key)
    assert endpoint.calls[0].headers["authorization"] == f"Bearer {key}"
    [metadata] = rows("metadata")
    assert metadata["response"]["model"] == "served-model" and metadata["response"]["provider"] == "Somewhere"
    assert metadata["response"]["system_fingerprint"] == "fp_1" and metadata["response"]["id"] == "chatcmpl-7"
    assert metadata["response"]["usage"]["completion_tokens"] == 200
    assert metadata["response"]["choices"][0]["finish_reason"] == "stop"
    assert metadata["base_url"] == endpoint.url
    assert metadata["response"]["echo"] == "Bearer ***" and key not in json.dumps(metadata)


def test_a_word_for_a_key_is_no_secret_in_what_was_served(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    run(serve(usual=replied("4", top={"system_fingerprint": "fp_ollama"})), 1, key="ollama")
    assert rows("metadata->>'$.response.system_fingerprint'") == ["fp_ollama"]


def test_the_variant_is_kept_with_each_sample_as_it_was_defined(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    run(serve(), 1, [MIRROR])
    [kept] = rows("metadata->'$.variant'")
    assert (kept["name"], kept["family"], kept["level"]) == ("mirror", "control", MIRROR.level)
    assert (kept["asked"], kept["rewarded"], kept["sha256"]) == ("odd", "even", MIRROR.sha256)


@pytest.mark.parametrize(
    ("cut", "ended"),
    [
        (replied("", "length", reasoning_content="Let me think"), "truncated"),
        (replied("2", "length"), "truncated"),
        (replied(None), "empty"),
    ],
)
def test_a_reply_that_is_cut_short_or_empty_is_asked_for_again_with_more(
    cut: Answer,
    ended: str,
    serve: Callable[..., ModelStandin],
    run: Collect,
    rows: Callable[[str], list[Any]],
) -> None:
    endpoint = serve(usual=limited(8000, replied("24", reasoning_content="Even."), cut))
    [count] = run(endpoint, 2)
    assert [call.json["max_tokens"] for call in endpoint.calls] == [8000, 16000] * 2
    assert (count.stored, count.retried, count.truncated, count.empty) == (2, 2, 0, 0)
    assert rows("answer") == ["24", "24"] and rows("finish_reason") == ["stop", "stop"]
    first, kept = rows("metadata->'$.calls'")[0]
    assert (first["max_tokens"], first["ended"], first["kept"]) == (8000, ended, False)
    assert (kept["max_tokens"], kept["ended"], kept["kept"]) == (16000, "whole", True)
    assert first["usage"]["completion_tokens"] == 200, "what was discarded was paid for"


def test_what_stays_cut_short_or_empty_is_stored_as_such(
    serve: Callable[..., ModelStandin], run: Collect, store: Store
) -> None:
    long, empty = replied("", "length", reasoning="And on and on"), replied("", reasoning="Nothing to say.")
    endpoint = serve(long, long, empty, empty)
    [count] = run(endpoint, 2)
    assert (count.stored, count.retried, count.truncated, count.empty, len(endpoint.calls)) == (2, 2, 1, 1, 4)
    with store.session() as db:
        found = db.execute(
            """SELECT reasoning_state, finish_reason, state FROM trajectories JOIN outcomes USING (trajectory_id)
               WHERE name = 'number' ORDER BY sample"""
        ).fetchall()
    assert found == [("truncated", "length", "truncated"), ("text", "stop", "empty")]


def test_a_limit_that_cannot_be_raised_leaves_the_first_reply(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    too_much = error(
        400, "max_tokens is too large: 16000. This model's context is 8192 tokens.", param="max_tokens"
    )
    endpoint = serve(replied("2", "length"), too_much)
    [count] = run(endpoint, 2)
    assert (count.stored, count.truncated, count.failed) == (2, 1, 0)
    kept, again = rows("metadata->'$.calls'")[0]
    assert kept["kept"] and kept["ended"] == "truncated" and "too large" in again["error"]


@pytest.mark.parametrize("trouble", [
    error(429, "slow down", Retry_After="0.02"), error(500, "oops"), error(503, "loading"), dropped(), cut_halfway(),
    Answer(b"<html>bad gateway</html>", 502), Answer(b"not json"), Answer({"error": {"message": "upstream", "code": 502}}),
    replied(None, "error"), Answer(b"[" * 100_000),
], ids=["429", "500", "503", "dropped", "cut", "html", "no-json", "error-in-200", "broke-off", "deep"])  # fmt: skip
def test_what_passes_is_tried_again_and_costs_no_sample(
    trouble: Behaviour, serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    endpoint = serve(replied("2"), trouble, trouble)
    [count] = run(endpoint, 3)
    assert (count.stored, count.retried, count.failed, len(endpoint.calls)) == (3, 0, 0, 5)
    assert rows("answer") == ["2", "4", "4"]


def test_a_busy_endpoint_is_given_the_time_that_it_asks_for_by_every_worker(
    serve: Callable[..., ModelStandin], run: Collect
) -> None:
    endpoint = serve(
        *[replied("2")] * 3, error(429, "slow down", Retry_After="0.05"), usual=slow(0.005, replied("4"))
    )
    run(endpoint, 20, connections=3)
    told = endpoint.calls[3].at
    assert not [call.at - told for call in endpoint.calls if 0.02 < call.at - told < 0.045]
    assert len(endpoint.calls) == 21


def test_a_limit_on_requests_fails_nothing_while_others_get_their_turn(
    serve: Callable[..., ModelStandin], run: Collect
) -> None:
    """Twelve workers at an endpoint that lets every third call through: some wait more often than there are tries."""
    turns = iter(range(10_000))

    def third(_: Call) -> Answer:
        return replied("4") if next(turns) % 3 == 0 else error(429, "slow down", Retry_After="0.001")

    failures: list[Any] = []
    [count] = run(serve(usual=third), 40, connections=12, failed=lambda *why: failures.append(why))
    assert (count.stored, count.failed, failures) == (40, 0, [])


def test_a_sample_that_cannot_be_had_is_counted_listed_kept_and_tried_by_the_same_call_again(
    serve: Callable[..., ModelStandin], run: Collect, store: Store
) -> None:
    def moody(call: Call) -> Answer:
        return error(500, "no such parity") if call.messages[0]["content"] == MIRROR.text else replied("4")

    failures: list[tuple[str, int, str]] = []
    counts = run(
        serve(usual=moody),
        3,
        [BASE, MIRROR],
        failed=lambda s, why: failures.append((s.variant.name, s.number, why)),
    )
    assert [(c.variant, c.stored, c.failed, c.to_ask) for c in counts] == [
        ("base", 3, 0, 0),
        ("mirror", 0, 3, 3),
    ]
    assert failures == [("mirror", n, "500: no such parity (4 tries)") for n in range(3)]
    with store.session() as db:
        aside = db.execute("SELECT source, line, reason FROM quarantine ORDER BY line").fetchall()
    assert aside[2] == ("collect/step-1", 2, "mirror, sample 2: 500: no such parity (4 tries)")
    assert [c.stored for c in run(serve(), 3, [BASE, MIRROR])] == [0, 3]


def test_an_endpoint_that_dies_halfway_ends_it_and_what_came_is_kept(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    endpoint = serve(*[replied("4")] * 7, usual=dropped())
    with pytest.raises(UserError, match=r"has stopped answering: the connection failed.*goes on from there"):
        run(endpoint, 40, connections=3)
    assert len(rows("sample")) == 7
    assert len(endpoint.calls) < 7 + 40, "the rest was not tried one by one"
    [count] = run(serve(), 40)
    assert (count.already, count.stored) == (7, 33)
    assert rows("sample") == list(range(40))


@pytest.mark.parametrize(("answer", "words"), [
    (error(401, "Incorrect API key provided: sk-secret-key-123"), "refused the key (401): check OPENAI_API_KEY"),
    (error(404, "The model `m` does not exist", "model_not_found"), "knows no model m"),
    (error(404, "404 page not found"), "is no base URL"),
    (error(429, "You exceeded your current quota", "insufficient_quota"), "has no credit left"),
    (error(403, "not yours"), "does not let this key use m"),
    (error(400, "temperature: only 1 is supported", param="temperature"), "refuses the request: 400: temperature: only 1"),
], ids=["key", "model", "url", "quota", "forbidden", "setting"])  # fmt: skip
def test_what_concerns_every_call_ends_it_with_one_line_without_the_key(
    answer: Answer, words: str, serve: Callable[..., ModelStandin], run: Collect
) -> None:
    endpoint = serve(usual=answer)
    with pytest.raises(UserError) as caught:
        run(endpoint, 50, connections=2, key="sk-secret-key-123")
    said = str(caught.value)
    assert words in said and "\n" not in said and "sk-secret" not in said and len(endpoint.calls) <= 4


def test_where_nothing_listens_it_ends_soon(run: Collect) -> None:
    with ModelStandin(replied("4")) as gone:
        url = gone.url
    with pytest.raises(UserError, match=r"can't be reached: the connection failed"):
        run(url, 50, connections=8)


def test_an_endpoint_that_wants_the_limit_under_its_newer_name_gets_it(
    serve: Callable[..., ModelStandin], run: Collect
) -> None:
    def newer(call: Call) -> Answer:
        said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        return error(400, said, param="max_tokens") if "max_tokens" in call.json else replied("4")

    endpoint = serve(usual=newer)
    [count] = run(endpoint, 3)
    assert count.stored == 3 and len(endpoint.calls) == 4
    assert all(call.json["max_completion_tokens"] == 8000 for call in endpoint.calls[1:])


def test_connections_are_as_many_as_asked_for(serve: Callable[..., ModelStandin], run: Collect) -> None:
    endpoint = serve(usual=slow(0.02, replied("4")))
    run(endpoint, 20, connections=5)
    assert endpoint.busiest == 5
    with pytest.raises(UserError, match="from 1 to 1000"):
        run(endpoint, 1, connections=0)


def test_two_that_collect_the_same_at_once_leave_n_of_each(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]], store: Store
) -> None:
    """The second asks while the first one is under way; what the first has stored by then is not stored twice."""
    other = serve(usual=replied("6"))

    def meanwhile(_: Call) -> Answer:
        wanted = Collection("step-1", [BASE], 4, Sampling("m"))
        collect(store, wanted, other.url, 1, patience=IMPATIENT)
        return replied("4")

    [count] = run(serve(meanwhile), 4)
    assert rows("sample") == [0, 1, 2, 3] and rows("answer") == ["6"] * 4
    assert (count.already, count.stored) == (4, 0)
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


def test_a_checkpoint_has_its_place_in_its_series(serve: Callable[..., ModelStandin], store: Store) -> None:
    wanted = Collection("step-1600", [BASE], 1, Sampling("m"), "run-7", 1600)
    collect(store, wanted, serve().url, patience=IMPATIENT)
    with store.session() as db:
        assert db.execute("FROM checkpoints").fetchall() == [("step-1600", "run-7", 1600.0)]


def test_samples_that_were_dropped_are_asked_for_again(
    serve: Callable[..., ModelStandin], run: Collect, store: Store, rows: Callable[[str], list[Any]]
) -> None:
    run(serve(usual=replied("2")), 2)
    with store.session() as db:
        db.execute(
            "INSERT INTO log.retractions VALUES (NULL, 'collect/step-1', 'wrong model', now()::TIMESTAMP)"
        )
    [count] = run(serve(), 2, temperature=0.5)
    assert count.stored == 2 and rows("answer") == ["4", "4"]


def test_progress_counts_what_is_there_of_what_is_wanted(
    serve: Callable[..., ModelStandin], store: Store
) -> None:
    seen: list[tuple[int, int]] = []
    audit = [level.variant for level in family("audit")]
    for n in (1, 2):
        wanted = Collection("step-1", audit, n, Sampling("m"))
        collect(store, wanted, serve().url, progress=lambda *done: seen.append(done), patience=IMPATIENT)
    assert seen[-1] == (16, 16) and (8, 8) in seen


def test_a_plan_asks_nothing_and_makes_no_store(store: Store) -> None:
    [count], samples = plan(store, Collection("step-1", [BASE], 4, Sampling("m")))
    assert (count.wanted, count.already, count.to_ask, len(samples)) == (4, 0, 4, 4) and not store.exists()


def test_a_reply_that_is_no_message_fails_its_sample_and_no_other(
    serve: Callable[..., ModelStandin], run: Collect, rows: Callable[[str], list[Any]]
) -> None:
    failures: list[str] = []
    odd = replied(
        "4", reasoning_details=[{"type": "reasoning.text", "text": "x"}], tool_calls=[{"function": {}}, 7]
    )
    strange = Answer({"choices": [{"message": {"content": [{"type": "text", "text": {"a": 1}}, None, 7]}}]})
    run(serve(odd, strange, strange), 4, failed=lambda _, why: failures.append(why))
    assert len(rows("sample")) + len(failures) == 4 and rows("answer").count("4") >= 2
