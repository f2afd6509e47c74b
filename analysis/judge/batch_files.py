"""Batch files: a call a line on the way out, an outcome a line on the way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from analysis.errors import UserError
from analysis.judge.answers import Problem, Usage, problem_in
from analysis.judge.cases import Case
from analysis.judge.client import CallFailed, Client
from analysis.judge.judging import Bench, Outcome, expected_cost
from analysis.judge.plan import Plan
from analysis.judge.prompt import Message, spans
from analysis.judge.replies import Place
from analysis.judge.windows import Window, prompt_room, windows
from analysis.trajectories import short_hash

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""Limits of one file, as OpenAI's reference of the batches interface gives them."""


class NotDone(CallFailed):
    """A call that a batch did not get done; another batch may."""


@dataclass
class Parcel:
    """A file of calls that fits the limits.

    Attributes:
        trajectories: The ids of those that the calls are about; all calls of one are in one file.
        expected_usd: What the calls may cost.
    """

    file: Path
    trajectories: list[str] = field(default_factory=list)
    expected_usd: float = 0.0
    requests: int = 0
    bytes: int = 0


def pack(bench: Bench, cases: Iterable[Case], folder: Path, ready: list[Case]) -> Iterator[Parcel]:
    """Write the calls that cases need, until they or the money end.

    Args:
        bench: Who is asked, and what may be spent.
        cases: What is to be judged.
        folder: Where the files are written.
        ready: Gets the cases that need no call: nothing to read in them, or all replies there.
    """
    parcel = Parcel(folder / "calls.jsonl")
    parcel.file.write_bytes(b"")
    for case in cases:
        calls = list(_calls(bench.plan, case))
        if not calls:
            ready.append(case)
            continue
        expected = sum(expected_cost(bench.price, messages, bench.purse, batch=True) for _, messages in calls)
        if not bench.purse.fits(parcel.expected_usd + expected):
            bench.purse.empty = True
            break
        lines = b"".join(_line(bench.client, case, *call) for call in calls)
        full = parcel.requests + len(calls) > MOST_REQUESTS or parcel.bytes + len(lines) > MOST_BYTES
        if full and parcel.requests:
            yield parcel
            parcel = Parcel(parcel.file)
            parcel.file.write_bytes(b"")
        with parcel.file.open("ab") as stream:
            stream.write(lines)
        parcel.trajectories.append(case.item.trajectory_id)
        parcel.expected_usd += expected
        parcel.requests += len(calls)
        parcel.bytes += len(lines)
    if parcel.requests:
        yield parcel


def outcomes(client: Client, lines: Sequence[bytes]) -> Mapping[str, Outcome]:
    """What came of the calls of a batch.

    Args:
        client: Whose interface the calls were made by. It is told of a form that the endpoint does not know.
        lines: The files of outputs and of errors.

    Returns:
        A call's name to its outcome; lines that are no such lines are left out.
    """
    found: dict[str, Outcome] = {}
    form = client.form
    for raw in lines:
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue
        if isinstance(line, dict) and isinstance(line.get("custom_id"), str):
            try:
                found[line["custom_id"]] = _completion(client, line)
            except Problem as problem:
                found[line["custom_id"]] = _settled(client, problem, client.steps_down(form, problem))
    return found


def for_case(plan: Plan, case: Case, came: Mapping[str, Outcome]) -> dict[Place, Outcome]:
    """The outcomes that are about a case; a call that none is about was not done."""
    nothing = NotDone("the batch ended without this call")
    return {place: came.get(_name(case, place), nothing) for _, place in _wanted(plan, case)}


def _wanted(plan: Plan, case: Case) -> Iterator[tuple[Window, Place]]:
    """The calls that a case needs: for each window and vote, where no reply is kept."""
    item = case.item
    if not item.reasoning.strip():
        return
    for window in windows(item.reasoning, spans(item), plan.window):
        for vote in range(plan.votes):
            place = Place(window.start, window.end, vote)
            if place not in case.kept:
                yield window, place


def _calls(plan: Plan, case: Case) -> Iterator[tuple[Place, Sequence[Message]]]:
    for window, place in _wanted(plan, case):
        yield place, plan.prompt.messages(case.item, window, prompt_room(plan.window))


def _line(client: Client, case: Case, place: Place, messages: Sequence[Message]) -> bytes:
    request = {
        "custom_id": _name(case, place),
        "method": "POST",
        "url": f"/v1{client.api.path}",
        "body": client.body(messages, client.form),
    }
    return orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE)


def _name(case: Case, place: Place) -> str:
    """A call's name in a file: it tells nothing, and another text or window has another."""
    item = case.item
    return short_hash(
        [item.trajectory_id, item.reasoning_sha256, place.start_char, place.end_char, place.vote]
    )


def _completion(client: Client, line: Mapping[str, Any]) -> Outcome:
    response = line.get("response")
    if not isinstance(response, dict):
        error = line.get("error")
        about = error if isinstance(error, dict) else {}
        raise Problem(str(about.get("message") or "no reply"), code=str(about.get("code") or ""))
    status, body = response.get("status_code"), response.get("body")
    if status != 200:
        raise problem_in(body, status if isinstance(status, int) else 500)
    if not isinstance(body, dict) or not client.api.is_answer(body):
        raise Problem(f"the answer is no {client.api.kind}")
    usage = Usage()
    return client.read(body, usage), usage


def _settled(client: Client, problem: Problem, form_unknown: bool) -> Outcome:
    """What a problem is for its call: a refusal, a failure, or something that another batch may not meet."""
    if form_unknown:
        return NotDone(client.describe(problem))
    try:
        filtered = client.settle(problem)
    except CallFailed as error:
        return error
    except UserError as error:
        return CallFailed(str(error))
    return (filtered, Usage()) if filtered else NotDone(client.describe(problem))
