"""One trajectory whole, as it is read: its turns, sentences and what a run found in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trace:
    """One trajectory with what one run says of it.

    Attributes:
        trajectory: The columns of the table trajectories but messages; metadata as a mapping.
        messages: The messages, each turn with its reasoning.
        segments: segment, message, start_char, end_char of each sentence of the reasoning.
        outcomes: name, value, state, reader.
        run: run_id, tagger, model, codebook_revision, created_at; None where nothing was tagged yet.
        attempt: How the run's pass over this text ended; None where there was none.
        verdicts: pattern, verdict, score, why.
        findings: pattern, quote, start_char, end_char, match, stance, role, attributes, why.
    """

    trajectory: dict[str, Any]
    messages: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    run: dict[str, Any] | None
    attempt: dict[str, Any] | None
    verdicts: list[dict[str, Any]]
    findings: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The reasoning that offsets point into."""
        return self.trajectory["reasoning"] or ""

    def findings_in(self, segment: dict[str, Any]) -> list[dict[str, Any]]:
        """The findings that share a letter with the segment."""
        return [
            finding
            for finding in self.findings
            if finding["start_char"] is not None
            and finding["start_char"] < segment["end_char"]
            and finding["end_char"] > segment["start_char"]
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything as one mapping, each segment with its text."""
        segments = [{**s, "text": self.text[s["start_char"] : s["end_char"]]} for s in self.segments]
        return {
            **self.trajectory,
            "messages": self.messages,
            "segments": segments,
            "outcomes": self.outcomes,
            "run": self.run,
            "attempt": self.attempt,
            "verdicts": self.verdicts,
            "findings": self.findings,
        }

    def as_text(self) -> str:
        """The trace to read in a terminal: where it came from, messages, numbered sentences with findings."""
        return "\n".join([*self._head(), "", *self._body(), *self._foot()])

    def _head(self) -> Iterator[str]:
        for name in (
            "trajectory_id",
            "source",
            "environment",
            "checkpoint",
            "variant",
            "prompt_id",
            "sample",
            "model",
        ):
            if self.trajectory.get(name) is not None:
                yield f"{name:14} {self.trajectory[name]}"
        yield f"{'reasoning':14} {self.trajectory['reasoning_state']}"
        if self.trajectory["synthetic"]:
            yield f"{'synthetic':14} {self.trajectory['synthetic']}"

    def _body(self) -> Iterator[str]:
        for number, message in enumerate(self.messages):
            sentences = [s for s in self.segments if s["message"] == number]
            if sentences or message.get("reasoning"):
                yield f"── reasoning ({message.get('reasoning_state')})"
            for segment in sentences:
                yield f"{segment['segment']:4}  {self.text[segment['start_char'] : segment['end_char']]}"
                for finding in self.findings_in(segment):
                    said = finding["why"] or finding["match"]
                    yield f"      ▸ {finding['pattern']}, {finding['stance'] or 'no stance'}: {said}"
            if message.get("content"):
                yield f"── {message['role']}"
                yield message["content"]
            for call in message.get("tool_calls", []):
                yield f"── calls {call.get('name')}: {call.get('arguments')}"
            yield ""

    def _foot(self) -> Iterator[str]:
        for outcome in self.outcomes:
            yield f"outcome {outcome['name']} = {outcome['value']} ({outcome['state']})"
        if self.run is None:
            yield "no run yet; `telltale tag --tagger cues` makes one"
            return
        yield f"run {self.run['run_id']}: {self.attempt['state'] if self.attempt else 'has not come to this text'}"
        for verdict in self.verdicts:
            score = "" if verdict["score"] is None else f" ({verdict['score']:g})"
            yield f"  {verdict['pattern']:22} {verdict['verdict']}{score}"
