"""Real servers for tests; they start with the first test that needs them."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import nats
import pytest
from moto.server import ThreadedMotoServer

from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.postgres.schema.migrate import migrate

_TEMPLATE = "migrated"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="inject all faults, not only a few")
    parser.addoption("--localstack", action="store_true", help="run LocalStack")
    parser.addoption("--containers", action="store_true", help="start the containers")


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[EmbeddedPostgres]:
    # not pytest's own folder, which the database's user can't enter
    with tempfile.TemporaryDirectory(prefix="eps-postgres-") as folder:
        async with EmbeddedPostgres(folder) as server:
            yield server


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    await _execute(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    await migrate(postgres_server.url_of(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
async def database_url(
    postgres_server: EmbeddedPostgres, migrated_template: str
) -> AsyncIterator[str]:
    async with a_database(postgres_server, migrated_template, f"test_{uuid4().hex}") as url:
        yield url


@asynccontextmanager
async def a_database(server: EmbeddedPostgres, template: str, name: str) -> AsyncIterator[str]:
    """Hold a separate database, a copy of a template; yields its URL."""
    await _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url_of(name)
    await _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    async with EmbeddedNats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def nats_url(nats_server: EmbeddedNats) -> AsyncIterator[str]:
    yield nats_server.url
    await _delete_streams(nats_server.url)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of a double of AWS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make this process's AWS clients use the double."""
    for name, value in aws_environment(moto_url).items():
        monkeypatch.setenv(name, value)
    return moto_url


def aws_environment(url: str) -> dict[str, str]:
    """Return the environment variables for the address of AWS and its credentials."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.url_of("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _delete_streams(url: str) -> None:
    client = await nats.connect(url)
    try:
        for stream in await client.jetstream().streams_info():
            await client.jetstream().delete_stream(str(stream.config.name))
    finally:
        await client.close()
