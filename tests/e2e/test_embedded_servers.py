import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import pytest


async def test_the_database_answers(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    await connection.close()


async def test_the_broker_answers(nats_url: str) -> None:
    client = await nats.connect(nats_url)

    await client.jetstream().add_stream(name="TEST", subjects=["test"])
    await client.jetstream().publish("test", b"x")
    await client.close()
