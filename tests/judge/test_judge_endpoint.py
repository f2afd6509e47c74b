"""Where the judge is asked, with which key; a key is never stored, logged or shown."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from batch_desk import BatchDesk
from standin import Answer, completion, dropped, error, response

from analysis.errors import UserError
from analysis.judge import batching
from analysis.judge.endpoint import find_endpoint, read_dotenv

pytestmark = pytest.mark.usefixtures("open_store")
KEY = "sk-very-secret-0123456789"


def written(store):
    """Every byte of the store, with its log."""
    with store.session() as db:
        db.execute("CHECKPOINT")
    data = b"".join(path.read_bytes() for path in store.path.parent.glob(f"{store.path.name}*"))
    assert b"eval_aware" in data
    return data


def test_the_argument_goes_before_the_environment_and_that_before_the_file(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=from-file\nOPENAI_BASE_URL=https://file.example/v1/\n")
    assert find_endpoint(environment={}, dotenv=dotenv).url == "https://file.example/v1"
    environment = {"OPENAI_API_KEY": "from-environment", "OPENAI_BASE_URL": "https://env.example/v1"}
    found = find_endpoint(environment=environment, dotenv=dotenv)
    assert (found.url, found.key) == ("https://env.example/v1", "from-environment")
    found = find_endpoint("http://localhost:8000/v1", "from-argument", environment, dotenv)
    assert (found.url, found.key) == ("http://localhost:8000/v1", "from-argument")
    assert (
        find_endpoint(environment={"OPENAI_API_KEY": "k" * 9}, dotenv=tmp_path / "none").url
        == "https://api.openai.com/v1"
    )


def test_a_dotenv_file_is_read_as_people_write_it(tmp_path):
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\nexport A=1\nB = 'two words' # why\nC=\"x=y\"\nD=plain # a comment\nE=\n#F=6\nnonsense\n"
    )
    assert read_dotenv(path) == {"A": "1", "B": "two words", "C": "x=y", "D": "plain"}
    assert read_dotenv(tmp_path / "none") == {}


def test_without_a_key_one_line_says_what_to_set(tmp_path):
    with pytest.raises(UserError) as refused:
        find_endpoint(environment={}, dotenv=tmp_path / ".env")
    assert str(refused.value) == (
        "no key for https://api.openai.com/v1: set OPENAI_API_KEY, in the environment or in a file .env"
    )


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.1:11434/v1", "http://[::1]:8000/v1"]
)
def test_an_endpoint_on_this_machine_needs_no_key(url):
    assert find_endpoint(url, environment={}).url == url


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://host/v1", "https://", "http://host:port/v1", "nonsense"]
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UserError, match="must be like https://host/v1"):
        find_endpoint(url, "a-key", environment={})


def test_a_name_password_and_query_in_the_url_are_sent_and_not_stored(keep, endpoint, judged, ask, store):
    keep("t1")
    standin = endpoint()
    url = standin.url.replace("http://", "http://me:pass%40word@") + "?api-version=tok-12345"
    judged(url)
    assert standin.calls[0].path == "/v1/chat/completions?api-version=tok-12345"
    assert standin.calls[0].headers["authorization"] == "Basic bWU6cGFzc0B3b3Jk"
    assert standin.url in ask("SELECT config FROM runs")[0][0]
    assert not any(secret in written(store) for secret in (b"pass", b"cGFzc", b"tok-12345"))


def test_the_key_is_sent_and_is_nowhere_in_the_store_whatever_the_endpoint_says(
    keep, endpoint, judged, store, caplog
):
    caplog.set_level("DEBUG")
    keep("t1", "t2", "t3")
    standin = endpoint(
        error(400, f"bad request with key {KEY}"), completion(None, refusal=f"Not with {KEY}."), dropped()
    )
    _, counts = judged(standin, key=KEY)
    assert counts == Counter(ok=1, refused=1, failed=1)
    assert all(call.headers["authorization"] == f"Bearer {KEY}" for call in standin.calls)
    assert KEY.encode() not in written(store)
    assert KEY not in caplog.text
    assert KEY not in repr(find_endpoint("http://localhost", KEY))


@pytest.mark.parametrize("way", [{"api": "responses"}, {"batch": True}, {"votes": 2}])
def test_no_way_of_asking_stores_or_shows_the_key(
    keep, endpoint, judged, store, caplog, monkeypatch, right, reply, finding, way
):
    monkeypatch.setattr(batching, "POLL_SECONDS", 0.01)
    caplog.set_level("DEBUG")
    keep("t1", "t2", "t3")
    good = response(json.dumps(reply(finding()))) if way.get("api") else right
    told = [error(400, f"odd, with {KEY} and pass%40word"), good, good, good, good, good]
    desk = BatchDesk(lambda _: told.pop(0) if told else good)
    standin = endpoint(usual=desk)
    _, counts = judged(standin.url.replace("http://", "http://me:pass%40word@"), key=KEY, **way)
    assert counts == Counter(ok=2, failed=1)
    assert all(call.headers["authorization"].startswith("Basic ") for call in standin.calls)
    kept = written(store)
    assert KEY.encode() not in kept and b"pass" not in kept and KEY not in caplog.text
    with pytest.raises(UserError, match=r"no batch interface|is no base URL") as refused:
        judged(endpoint(usual=error(404, f"not here, {KEY}")), key=KEY, repeat=2, **way)
    assert KEY not in str(refused.value)


def test_a_setting_that_holds_the_key_is_refused(keep, endpoint, judged):
    keep("t1")
    with pytest.raises(UserError, match="settings are stored") as refused:
        judged(endpoint(), key=KEY, settings={"user": f"me-{KEY}"})
    assert KEY not in str(refused.value)


def test_an_administrators_key_is_never_sent(keep, endpoint, judged, monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-secret")
    keep("t1")
    standin = endpoint()
    judged(standin, key=KEY)
    assert b"sk-admin-secret" not in standin.calls[0].raw


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (error(401, f"Incorrect API key provided: {KEY}"), "refused the key (401): check OPENAI_API_KEY"),
        (error(403, "no access"), "does not let this key use a-judge (403): 403: no access"),
        (error(404, "The model does not exist"), "knows no model a-judge, or is no base URL (404)"),
        (error(400, "unknown", code="model_not_found"), "knows no model a-judge"),
        (error(429, "quota", code="insufficient_quota"), "no credit left"),
        (error(400, "only 1 is supported", param="temperature"), "refuses the setting temperature"),
        (dropped(), "can't be reached: the connection failed"),
        (Answer(b"<html>hello</html>"), "can't be reached: the answer is no chat completion"),
    ],
)
def test_what_would_fail_every_trace_stops_the_run_with_one_line(keep, endpoint, judged, ask, trouble, said):
    keep("t1", "t2")
    with pytest.raises(UserError, match=re.escape(said)) as refused:
        judged(endpoint(usual=trouble), key=KEY, settings={"temperature": 0.0})
    assert KEY not in str(refused.value) and "\n" not in str(refused.value)
    assert ask("FROM attempts") == []


def test_nothing_that_listens_is_told_as_such(keep, judged):
    keep("t1")
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:1/v1 can't be reached"):
        judged("http://127.0.0.1:1/v1")


def test_a_key_that_is_refused_midway_keeps_what_was_judged(keep, endpoint, judged, ask, right):
    keep("t1", "t2", "t3")
    with pytest.raises(UserError, match="refused the key"):
        judged(endpoint(right, right, usual=error(401, "expired")))
    assert ask("SELECT count(*) FROM attempts WHERE state = 'ok'") == [(2,)]


@pytest.mark.parametrize(
    ("complaints", "form"),
    [
        ([], "json_schema"),
        (
            [error(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported")],
            "json_object",
        ),
        ([error(422, "unknown field response_format")] * 2, None),
        ([Answer({"detail": [{"loc": ["body", "response_format"], "msg": "extra"}]}, 422)] * 2, None),
    ],
)
def test_an_endpoint_without_structured_output_is_asked_in_the_next_form_from_then_on(
    keep, endpoint, judged, complaints, form
):
    keep("t1", "t2", "t3")
    standin = endpoint(*complaints)
    _, counts = judged(standin)
    assert counts == Counter(ok=3)
    forms = [(call.json.get("response_format") or {}).get("type") for call in standin.calls]
    assert forms == ["json_schema", "json_object", None][: len(complaints)] + [form] * 3


def test_the_schema_is_sent_strict_and_the_temperature_only_if_asked_for(keep, endpoint, judged, codebook):
    keep("t1")
    standin = endpoint()
    judged(standin)
    judged(standin, settings={"temperature": 0.0})
    first, second = (call.json for call in standin.calls)
    assert first["response_format"]["json_schema"]["strict"] is True
    assert set(first) == {"model", "messages", "response_format"}
    assert second["temperature"] == 0.0
