"""A sample of an Inspect log.

| of the sample | becomes |
|---|---|
| messages | the messages; reasoning is content of type reasoning, with `redacted` its `summary` |
| uuid, else the log's eval_id with id and epoch | the id |
| epoch | the sample number |
| scores: value | an outcome by the scorer's name; of a record of values one each (`scorer.key`) |
| output.choices[0].stop_reason | the finish reason |

References `attachment://…` are put back. A scorer of the log that the sample has no score of is a missing outcome.
What a grade means is left to the reader: C and I are true and false whether passing is good or bad.
In an audit (model roles auditor and target, as Petri's are) the messages are the target's: those of its last call.
"""

from __future__ import annotations

import math
import re
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.reasoning import cut_off
from analysis.ingest.rowwise import OUT_OF_TOKENS
from analysis.ingest.values import read_time
from analysis.trajectories import Outcome, Trajectory, short_hash

KEPT = (
    "id", "epoch", "target", "metadata", "error", "limit", "model_usage", "total_time", "working_time",
    "error_retries", "choices", "invalidation",
)  # fmt: skip
"""What of a sample is kept as metadata. Events and the store repeat the messages many times over."""
EXPLAINED_CHARACTERS = 2_000
"""Up to this length a scorer's explanation is kept as metadata."""
GRADES = {"C": True, "I": False, "N": None}
"""Inspect's letters for correct, incorrect and no answer."""

_NOTHING: tuple[Any, ...] = (None, "", [], {})
_ATTACHMENT = re.compile(r"attachment://([0-9a-f]{32}|\d+)")


def read_sample(sample: dict[str, Any], header: dict[str, Any]) -> Trajectory:
    """The trajectory of a sample.

    Raises:
        ValueError: It is an audit whose target's messages are not there. Other errors say that a field is not
            what the format has.
    """
    spec = header.get("eval") or {}
    transcript = sample.get("transcript") or {}
    attachments = {
        str(k): v for k, v in (sample.get("attachments") or transcript.get("content") or {}).items()
    }
    roles = spec.get("model_roles") or {}
    model, stopped = spec.get("model"), (sample.get("output") or {}).get("choices")
    if "auditor" in roles and "target" in roles:
        raw, stopped = _targets(sample)
        model = roles["target"].get("model") if isinstance(roles["target"], dict) else roles["target"]
    else:
        raw = sample.get("messages") or _asked(sample.get("input"))
    messages = read_messages(resolved(raw, attachments))
    made = Trajectory(
        source="",
        messages=messages,
        trajectory_id=_identity(sample, spec),
        environment=spec.get("task"),
        checkpoint=model,
        model=model,
        sample=sample.get("epoch"),
        finish_reason=(stopped or [{}])[0].get("stop_reason"),
        created_at=read_time(spec.get("created")),
        outcomes=_outcomes(sample, header),
        metadata={key: resolved(sample[key], attachments) for key in KEPT if sample.get(key) not in _NOTHING},
    )
    if explained := _explained(sample):
        made.metadata["explanations"] = explained
    if made.finish_reason in OUT_OF_TOKENS and messages:
        cut_off(messages[-1])
    return made


def outcomes_of(name: str, value: Any) -> list[Outcome]:
    """A score as outcomes: of a record one for each of its values."""
    if isinstance(value, dict) and value:
        return [each for key, part in value.items() for each in outcomes_of(f"{name}.{key}", part)]
    value = GRADES.get(value, value) if isinstance(value, str) else value
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    return [Outcome(name, value, "ok" if value is not None else "missing", "imported")]


def resolved(value: Any, attachments: dict[str, str]) -> Any:
    """The value with each reference to an attachment replaced by what it stands for."""
    if isinstance(value, str):
        if "attachment://" not in value:
            return value
        return _ATTACHMENT.sub(lambda found: str(attachments.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [resolved(each, attachments) for each in value]
    if isinstance(value, dict):
        return {key: resolved(each, attachments) for key, each in value.items()}
    return value


def _identity(sample: dict[str, Any], spec: dict[str, Any]) -> str | None:
    if sample.get("uuid"):
        return str(sample["uuid"])
    run = spec.get("eval_id") or spec.get("run_id") or spec.get("created")
    return short_hash([run, spec.get("task"), spec.get("model"), sample.get("id"), sample.get("epoch")])


def _outcomes(sample: dict[str, Any], header: dict[str, Any]) -> list[Outcome]:
    """The scores that the sample has, and the missing ones that its log has for other samples."""
    results = header.get("results") or {}
    scores = sample.get("scores") or {}
    if sample.get("score"):  # logs before there were several scorers
        scores = {(results.get("scorer") or {}).get("name") or "score": sample["score"], **scores}
    found = [
        each
        for name, score in scores.items()
        for each in outcomes_of(name, score.get("value") if isinstance(score, dict) else score)
    ]
    entries = results.get("scores") or (header.get("eval") or {}).get("scorers") or []
    names = dict.fromkeys(
        entry.get("scorer") or entry.get("name") for entry in entries if isinstance(entry, dict)
    )
    missing = [name for name in names if isinstance(name, str) and name not in scores]
    return found + [Outcome(name, None, "missing", "imported") for name in missing]


def _explained(sample: dict[str, Any]) -> dict[str, str]:
    scores = sample.get("scores") or {}
    said = {name: score.get("explanation") for name, score in scores.items() if isinstance(score, dict)}
    return {k: v for k, v in said.items() if isinstance(v, str) and v and len(v) <= EXPLAINED_CHARACTERS}


def _asked(given: Any) -> list[Any]:
    """The input of a sample that has no messages yet."""
    return given if isinstance(given, list) else [{"role": "user", "content": given}] if given else []


def _targets(sample: dict[str, Any]) -> tuple[list[Any], Any]:
    """The target's conversation, and its last reply's choices.

    A call repeats the conversation up to it, so the last call has the whole, without what was rolled back.
    """
    events = sample.get("events") or (sample.get("transcript") or {}).get("events") or []
    calls = [
        e for e in events if isinstance(e, dict) and e.get("event") == "model" and e.get("role") == "target"
    ]
    if not calls:
        raise ValueError("an audit in which the target was never called, or its events were not logged")
    call = calls[-1]
    choices = (call.get("output") or {}).get("choices") or []
    asked = call.get("input") or []
    if call.get("input_refs"):
        pool = (sample.get("events_data") or {}).get("messages") or []
        asked = [pool[place] for start, end in call["input_refs"] for place in range(start, end)]
    return [*asked, *(choice["message"] for choice in choices[:1])], choices
