"""Marks of messages that may kill the process, on a real database."""

import asyncio
from uuid import uuid4

from pydantic import SecretStr

from runtime.postgres.attempts import PostgresAttempts
from runtime.postgres.pool import opened
from runtime.settings import DatabaseSettings


async def test_marks_are_counted_and_removed_together(database_url: str) -> None:
    settings = DatabaseSettings(database_url=SecretStr(database_url))
    one, other = uuid4().bytes, uuid4().bytes
    async with opened(settings, "a") as pool, opened(settings, "b") as another:
        attempts, in_another = PostgresAttempts(pool), PostgresAttempts(another)

        before = [await it.begin(one) for it in (attempts, in_another, attempts)]
        assert await attempts.begin(other) == 0
        await asyncio.gather(attempts.end(one), in_another.end(one))

        assert before == [0, 1, 2]
        assert await attempts.begin(one) == 0
        assert await attempts.begin(other) == 1
