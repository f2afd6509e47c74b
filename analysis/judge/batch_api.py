"""The files and batches interface of an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import openai
from openai.types import Batch as RemoteBatch

from analysis.errors import UserError
from analysis.judge.answers import Problem
from analysis.judge.batches import Batch
from analysis.judge.client import CallFailed, Client

ENDED = ("completed", "failed", "expired", "cancelled")
METADATA = "telltale"
_CLOCKS_DIFFER = timedelta(hours=1)

Answer = TypeVar("Answer")


class BatchApi:
    """Submitting batches and fetching what has come of them.

    Args:
        client: Whose endpoint and key are used, and whose patience.

    Raises, in each method:
        UserError: The endpoint refuses, has no such interface, or can't be reached however often it is tried.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sdk = client.sdk

    async def submit(self, file: Path, key: str) -> str:
        """Upload a file of calls and have it worked off.

        Args:
            file: JSON Lines, a call each.
            key: Kept with the batch at the endpoint, for `find`.

        Returns:
            The endpoint's id of the batch. It is made once, also where the answer that says so is lost.
        """
        uploaded = await self._try(lambda: self._sdk.files.create(file=file, purpose="batch"))
        tried = 0
        while True:
            tried += 1
            try:
                async with self._client.told_as_problems():
                    made = await self._sdk.batches.create(
                        completion_window="24h",
                        endpoint=f"/v1{self._client.api.path}",  # type: ignore[arg-type]
                        input_file_id=uploaded.id,
                        metadata={METADATA: key},
                    )
                if made.object != "batch":
                    raise UserError(
                        f"{self._client.endpoint.url} has no batch interface: its answer is no batch"
                    )
                return made.id
            except Problem as problem:
                await self._pause(problem, tried)
                if (found := await self.find(key)) is not None:
                    return found

    async def find(self, key: str, since: Batch | None = None) -> str | None:
        """The endpoint's id of the batch that was submitted with this key; None where none was."""
        before = since.created_at.replace(tzinfo=UTC) - _CLOCKS_DIFFER if since else None

        async def look() -> str | None:
            async for batch in self._sdk.batches.list(limit=100):
                if (batch.metadata or {}).get(METADATA) == key:
                    return batch.id
                if before and batch.created_at < before.timestamp():
                    return None
            return None

        return await self._try(look)

    async def state(self, batch_id: str) -> RemoteBatch | None:
        """How far the endpoint is with a batch; None where it knows of none any more."""

        async def look() -> RemoteBatch | None:
            try:
                return await self._sdk.batches.retrieve(batch_id)
            except openai.NotFoundError:
                return None

        return await self._try(look)

    async def lines(self, batch: RemoteBatch) -> list[bytes]:
        """What has come of a batch: the lines of its files of outputs and of errors, if they are still kept."""

        async def content(file_id: str) -> bytes:
            try:
                return (await self._sdk.files.content(file_id)).content
            except openai.NotFoundError:
                return b""

        files = [file_id for file_id in (batch.output_file_id, batch.error_file_id) if file_id]
        return [line for each in files for line in (await self._try(partial(content, each))).splitlines()]

    async def _try(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        tried = 0
        while True:
            tried += 1
            try:
                async with self._client.told_as_problems():
                    return await request()
            except Problem as problem:
                await self._pause(problem, tried)

    async def _pause(self, problem: Problem, tried: int) -> None:
        """Wait before the next try, or end the run where there is no use in one."""
        described = self._client.describe(problem)
        if problem.status in (404, 405):
            raise UserError(f"{self._client.endpoint.url} has no batch interface: {described}")
        try:
            self._client.settle(problem)
        except CallFailed:
            raise UserError(f"the batch was refused: {described}") from None
        if tried >= self._client.patience.tries:
            raise UserError(f"{self._client.endpoint.url}: {described} ({tried} tries)")
        await asyncio.sleep(self._client.patience.wait(tried, problem.retry_after))
