"""One sample: which it is, and how it is drawn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.environment.replies import Reply, read_reply
from analysis.environment.sampling import Failed, Sampler, Sampling
from analysis.environment.variant import ENVIRONMENT, Variant
from analysis.ingest.rowwise import MALFORMED
from analysis.judge.reply import one_line
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, short_hash

MORE = 2
"""A reply that was cut short, or came back empty, is asked for once more with so many times the tokens."""


@dataclass(frozen=True)
class Sample:
    """One sample to be drawn: which checkpoint, under which variant, and its number."""

    checkpoint: str
    variant: Variant
    number: int

    @property
    def trajectory_id(self) -> str:
        """Its trajectory's id, the same whenever it is drawn."""
        return short_hash([ENVIRONMENT, self.checkpoint, self.variant.name, self.variant.sha256, self.number])


@dataclass(frozen=True)
class Collection:
    """What is to be there in the end.

    Attributes:
        checkpoint: What the store calls the model version that is asked.
        variants: Under which prompts.
        n: Samples of each.
        sampling: How they are drawn; the same for all samples of a checkpoint.
        series: The training run that the checkpoint belongs to.
        position: Its place in it.
    """

    checkpoint: str
    variants: Sequence[Variant]
    n: int
    sampling: Sampling
    series: str | None = None
    position: float | None = None

    @property
    def source(self) -> str:
        """What the store calls these trajectories' source."""
        return f"collect/{self.checkpoint}"

    def samples(self) -> Iterator[Sample]:
        """Every sample: the first of each variant, then the second, so that a stop leaves them even."""
        for number in range(self.n):
            for variant in self.variants:
                yield Sample(self.checkpoint, variant, number)


async def draw(sampler: Sampler, sample: Sample, wanted: Collection) -> Trajectory:
    """Draw one sample: once more with more tokens where the reply was cut short, or empty.

    Raises:
        Failed: It could not be had.
        UserError: None could be.
    """
    prompt, limit = sample.variant.text, wanted.sampling.max_tokens
    reply, call = await _called(sampler, sample, limit)
    calls = [call]
    if reply.lacks:
        try:
            again, call = await _called(sampler, sample, limit * MORE)
        except Failed as error:
            calls.append({"max_tokens": limit * MORE, "ended": "failed", "error": str(error), "kept": False})
        else:
            calls[0]["kept"] = False
            calls.append(call)
            reply = again
    return Trajectory(
        source=wanted.source,
        messages=[Message("user", prompt), reply.message],
        trajectory_id=sample.trajectory_id,
        environment=ENVIRONMENT,
        variant=sample.variant.name,
        prompt_id=sample.variant.prompt_id,
        checkpoint=wanted.checkpoint,
        model=wanted.sampling.model,
        sample=sample.number,
        finish_reason=reply.finish_reason,
        metadata={
            "variant": {key: value for key, value in sample.variant.as_row().items() if key != "text"},
            "sampling": wanted.sampling.stated(),
            "base_url": sampler.endpoint.url,
            "calls": calls,
            "response": reply.response,
        },
        created_at=now(),
        series=wanted.series,
        position=wanted.position,
    )


async def _called(sampler: Sampler, sample: Sample, limit: int) -> tuple[Reply, dict[str, Any]]:
    """One reply, and what is kept of the call that it came by."""
    started = time.perf_counter()
    answer = await sampler.ask(sample.variant.text, sample.number, limit)
    try:
        reply = read_reply(answer, sampler.without_key)
    except MALFORMED as error:
        raise Failed(one_line(f"the reply can't be read: {error!r}")) from None
    return reply, {
        "max_tokens": limit,
        "ended": reply.lacks or "whole",
        "finish_reason": reply.finish_reason,
        "id": reply.response.get("id"),
        "usage": reply.response.get("usage"),
        "seconds": round(time.perf_counter() - started, 3),
        "kept": True,
    }
