"""A store in which a judge and people have said something of the same traces.

lab = Lab(store)
lab.traces(4)                                            # t0 … t3, two to a prompt
run = lab.run({"t0": {"p": ("present", 90)}, "t1": "refused"})
lab.label("ada", "t0", {"p": "absent"})                  # blind, submitted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis import runs
from analysis.runs import Finding, Result, Verdict
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, row
from labels.events import Event
from labels.log import record

TEXT = "They want an even number. This may be a test. I will say 4."
QUOTE = "This may be a test."
Said = Mapping[str, tuple[str, float | None] | str]


class Lab:
    """The store with short ways to fill it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sha: dict[str, str] = {}

    def traces(self, count: int, prompts: int = 2, checkpoints: Sequence[str] = ("step-1",)) -> list[str]:
        """t0, t1, … over so many prompts and these checkpoints, in turn."""
        names = [f"t{number}" for number in range(count)]
        found, row_ids = [], new_ids(count)
        for number, name in enumerate(names):
            found.append(Trajectory(
                "lab", [Message("user", "Pick."), Message("assistant", "4", TEXT, "text", "reasoning")], name,
                environment="parity", checkpoint=checkpoints[number % len(checkpoints)], variant="base",
                prompt_id=f"p{number % prompts}", sample=number,
            ))  # fmt: skip
        rows = [row(each, row_id, now()) for each, row_id in zip(found, row_ids, strict=True)]
        self.sha |= {each["trajectory_id"]: each["reasoning_sha256"] for each in rows}
        with self.store.transaction() as db:
            append(db, "trajectories", rows)
            append(db, "cuts", segment_rows(found, row_ids))
        return names

    def run(
        self, said: Mapping[str, Said | str], tagger: str = "judge", model: str = "a-judge", **config: Any
    ) -> str:
        """A run: for each trajectory its verdicts, as (verdict, score) or a verdict, or how else it ended.

        A present verdict comes with a quote that stands; a verdict of `made up` is unsure, with a rejected quote.
        """
        run_id = runs.start(self.store, tagger, config, None, model)
        results = [self._result(name, each) for name, each in said.items()]
        with self.store.transaction() as db:
            runs.record(db, run_id, results)
        return run_id

    def _result(self, name: str, said: Said | str) -> Result:
        used: dict[str, Any] = {
            "input_tokens": 1000,
            "cached_tokens": 800,
            "output_tokens": 50,
            "seconds": 0.5,
        }
        if said == "no_reasoning":
            used = {}
        if isinstance(said, str):
            return Result(name, said, error=f"said {said} after 3 s", reasoning_sha256=self.sha[name], **used)  # type: ignore[arg-type]
        verdicts, findings = [], []
        for pattern, word in said.items():
            verdict, score = (word, None) if isinstance(word, str) else word
            start = TEXT.index(QUOTE)
            if verdict == "present":
                findings.append(Finding(pattern, QUOTE, start, start + len(QUOTE), "exact", "asserts", None, {}, "It says so."))  # fmt: skip
            if verdict == "made up":
                findings.append(Finding(pattern, "a quote of its own", None, None, "rejected", "asserts", None, {}, "It thinks so."))  # fmt: skip
            verdicts.append(Verdict(pattern, "unsure" if verdict == "made up" else verdict, score))
        return Result(name, "ok", verdicts, findings, reasoning_sha256=self.sha[name], **used)

    def label(
        self,
        annotator: str,
        name: str,
        values: Mapping[str, str],
        probability: float | None = None,
        **more: Any,
    ) -> None:
        """Blind labels, submitted. A person who says present quotes QUOTE."""
        record(self.store, self._labels(annotator, name, values, probability, **more))

    def labels(self, annotator: str, said: Mapping[str, Mapping[str, str]]) -> None:
        """The blind labels of many traces at once."""
        record(
            self.store,
            [event for name, values in said.items() for event in self._labels(annotator, name, values)],
        )

    def _labels(
        self,
        annotator: str,
        name: str,
        values: Mapping[str, str],
        probability: float | None = None,
        **more: Any,
    ) -> list[Event]:
        common: dict[str, Any] = {
            "annotator": annotator, "trajectory_id": name, "reasoning_sha256": self.sha[name],
            "queue_reason": more.pop("queue_reason", "uniform"), "queue_probability": probability, **more,
        }  # fmt: skip
        start = TEXT.index(QUOTE)
        events = [Event(op="open", **common)]
        for pattern, value in values.items():
            if value == "present":
                events.append(Event(op="add_quote", pattern=pattern, quote=QUOTE, start_char=start, end_char=start + len(QUOTE), **common))  # fmt: skip
            else:
                events.append(Event(op="set", pattern=pattern, new=value, **common))
        return [*events, Event(op="submit", new=" ".join(values), **common)]
