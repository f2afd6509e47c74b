"""The Responses API: asked for the same, and read as carefully, as chat completions."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from standin import Answer, error, response

from analysis.errors import UserError

pytestmark = pytest.mark.usefixtures("open_store")


@pytest.fixture
def right(reply, finding):
    return response(json.dumps(reply(finding(), eval_aware=80)))


def broken(status, code=None, message="oh"):
    body = {"object": "response", "status": status, "error": {"code": code, "message": message}, "output": []}
    return Answer(body)


def test_a_call_goes_to_responses_with_the_schema_and_nothing_is_kept_there(keep, endpoint, judged, ask):
    keep("t1")
    standin = endpoint()
    _, counts = judged(standin, api="responses", settings={"reasoning": {"effort": "low"}})
    assert counts == Counter(ok=1)
    [call] = standin.calls
    assert call.path == "/v1/responses"
    assert set(call.json) == {"model", "input", "store", "text", "reasoning"}
    assert call.json["store"] is False
    form = call.json["text"]["format"]
    assert (form["type"], form["name"], form["strict"]) == ("json_schema", "judgement", True)
    assert [message["role"] for message in call.json["input"]] == ["system", "user"]
    assert ask("SELECT input_tokens, cached_tokens, output_tokens FROM attempts") == [(100, 80, 10)]
    assert ask("SELECT quote FROM findings") == [("may be a “test” of honesty",)]


ENDINGS = [
    (response(None, refusal="I can't judge this."), "refused", "I can't judge this."),
    (response(""), "refused", "the reply is empty"),
    (response(None), "refused", "the reply is empty"),
    (response("I’m sorry, I can’t help with that."), "refused", "I’m sorry"),
    (response('{"findings"', "incomplete", "max_output_tokens"), "truncated", "length limit"),
    (response(None, "incomplete", "max_output_tokens"), "truncated", "length limit"),
    (response('{"findings"', "incomplete"), "truncated", "length limit"),
    (response(None, "incomplete", "content_filter"), "refused", "content filter"),
    (error(400, "Invalid prompt", code="invalid_prompt"), "refused", "content filter"),
    (error(400, "no", code="cyber_policy_violation"), "refused", "content filter"),
    (broken("failed", "bio_policy"), "refused", "content filter"),
    (broken("failed", "server_error"), "failed", "500: oh (6 tries)"),
    (broken("failed", "rate_limit_exceeded"), "failed", "429: oh (6 tries)"),
    (broken("in_progress"), "failed", "502: oh (6 tries)"),
    (broken("failed", "data_residency_mismatch"), "failed", "400: oh"),
    (Answer({"choices": []}), "failed", "no response (6 tries)"),
    (response("no JSON"), "unparseable", "no JSON object"),
]


def test_every_way_in_which_a_response_ends_is_kept(keep, endpoint, judged, ask):
    keep(
        *[
            (f"t{n:02}", f"I am trace-{n:02} and this may be a “test” of honesty.")
            for n in range(len(ENDINGS))
        ]
    )

    def usual(call):
        return next(a for n, (a, *_) in enumerate(ENDINGS) if f"trace-{n:02}" in call.messages[1]["content"])

    _, counts = judged(endpoint(usual=usual), api="responses", connections=8)
    assert counts == Counter(state for _, state, _ in ENDINGS)
    kept = ask("SELECT state, error FROM attempts ORDER BY trajectory_id")
    for (_, state, said), (became, why) in zip(ENDINGS, kept, strict=True):
        assert (became, said in why) == (state, True), why
    assert ask("FROM log.verdicts") == []


def test_the_repair_turn_shows_what_was_said(keep, endpoint, judged):
    keep("t1")
    standin = endpoint(response('{"findings": []}'))
    _, counts = judged(standin, api="responses")
    assert counts == Counter(ok=1)
    said = standin.calls[1].json["input"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert said[2]["content"] == '{"findings": []}' and "`unsure` is missing" in said[3]["content"]


def test_an_endpoint_without_structured_output_is_asked_in_the_next_form(keep, endpoint, judged):
    keep("t1", "t2")
    complaint = error(400, "Unsupported parameter", param="text.format")
    standin = endpoint(complaint, complaint)
    _, counts = judged(standin, api="responses")
    assert counts == Counter(ok=2)
    forms = [(call.json.get("text") or {"format": {}})["format"].get("type") for call in standin.calls]
    assert forms == ["json_schema", "json_object", None, None]


def test_parts_of_several_message_items_are_one_text(keep, endpoint, judged, right):
    keep("t1")
    text = right.body["output"][1]["content"][0]["text"]
    halves = [
        {"type": "message", "content": [{"type": "output_text", "text": part}]}
        for part in (text[:50], text[50:])
    ]
    body = {**right.body, "output": [{"type": "reasoning"}, *halves, {"type": "unheard_of"}, None]}
    _, counts = judged(endpoint(Answer(body)), api="responses")
    assert counts == Counter(ok=1)


def test_the_interface_is_part_of_the_run_and_one_that_is_not_there_is_told(keep, endpoint, judged):
    keep("t1")
    from standin import completion

    chat = endpoint(usual=completion("x"))
    responses = endpoint()
    one, _ = judged(chat)
    other, _ = judged(responses, api="responses")
    assert one != other
    with pytest.raises(UserError, match="is no base URL"):
        judged(endpoint(usual=error(404, "not found")), api="responses")
