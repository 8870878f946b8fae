"""Valid values of DATABASE_URL, and the database's own refusals, reported at once."""

import asyncio
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from runtime.postgres.pool import CantConnect, opened
from runtime.settings import BadSettings, DatabaseSettings

_LONG_SECONDS = 600.0
"""A start may wait this long here: longer than a test may take."""


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@127.0.0.1:5432/eventdb",
        "postgres://u:p@127.0.0.1/eventdb?sslmode=require",
        "postgresql://u:p@/eventdb?host=/cloudsql/project:region:instance",
        "postgresql://u:p@one:5432,two:5433/eventdb?target_session_attrs=read-write",
    ],
)
def test_every_url_of_the_driver_is_accepted(url: str) -> None:
    assert DatabaseSettings.load(database_url=url).database_url == SecretStr(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+asyncpg://u:hidden@127.0.0.1/eventdb", "should begin with postgresql://"),
        ("mysql://u:hidden@127.0.0.1/eventdb", "should begin with postgresql://"),
        ("postgresql://u:hidden@127.0.0.1:port/eventdb", "is not a valid database URL"),
        ("postgresql://u:hidden@127.0.0.1/eventdb?sslmode=often", "is not a valid database URL"),
        ("postgresql://u:hidden@127.0.0.1/eventdb?noequals", "is not a valid database URL"),
    ],
)
def test_what_it_does_not_take_is_a_wrong_setting(url: str, words: str) -> None:
    with pytest.raises(BadSettings) as raised:
        DatabaseSettings.load(database_url=url)

    assert words in str(raised.value)
    assert "hidden" not in str(raised.value)
    assert "asyncpg" not in str(raised.value)


@pytest.mark.parametrize("wrong", ["password", "database", "parameter", "value"])
async def test_what_waiting_does_not_change_is_said_at_once(database_url: str, wrong: str) -> None:
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    if wrong == "password":
        parts = parts._replace(netloc=f"nobody:hidden@{place}")
    if wrong == "database":
        parts = parts._replace(path="/nowhere")
    if wrong == "parameter":
        parts = parts._replace(query="channel_binding=require")
    if wrong == "value":
        parts = parts._replace(query="work_mem=plenty")
    settings = DatabaseSettings.load(
        database_url=parts.geturl(), startup_timeout_seconds=_LONG_SECONDS
    )

    with pytest.raises(CantConnect) as raised:
        async with asyncio.timeout(_LONG_SECONDS / 10), opened(settings, "test"):
            raise AssertionError("it was taken")

    told = str(raised.value)
    assert told.startswith("the database at postgresql://")
    assert " refuses: " in told
    assert "hidden" not in told
    assert "\n" not in told
