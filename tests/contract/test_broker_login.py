"""TLS and login as in NATS_URL are used, or the start reports why not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from functions.errors import Unavailable
from runtime.jetstream.connection import Broker, connected
from runtime.local.embedded.nats_server import EmbeddedNats, quoted
from runtime.local.embedded.process import Program
from tests.certificates import make_certificate
from tests.contract.broker import eventually

LONG_SECONDS = 60.0
"""Longer than the test may take: a refusal is reported at once."""


class ConfiguredNats(EmbeddedNats):
    """A broker with more configuration than the project's."""

    def __init__(self, data_dir: Path, more: str = "", **options: Any) -> None:
        super().__init__(data_dir, **options)
        self.more = more

    def program(self) -> Program:
        plain = super().program()
        command = [*plain.command]
        place = command.index("-c") + 1
        file = self.data_dir / "more.conf"
        file.write_text(f"{Path(command[place]).read_text()}\n{self.more}\n")
        command[place] = str(file)
        return Program(command=command, environment=plain.environment)


def with_user(user: str, password: str) -> str:
    return f"authorization {{ user: {quoted(user)}, password: {quoted(password)} }}"


def with_tls(folder: Path, more: str = "") -> str:
    certificate = make_certificate(folder)
    return f'tls {{ cert_file: "{certificate.file}", key_file: "{certificate.key}" }}\n{more}'


@asynccontextmanager
async def listening(offer: dict[str, Any]) -> AsyncIterator[tuple[int, bytearray]]:
    """Run a server that greets like NATS, and records everything it receives."""
    told, writers = bytearray(), list[asyncio.StreamWriter]()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO " + json.dumps({"max_payload": 1024, **offer}).encode() + b"\r\n")
        writers.append(writer)
        while data := await reader.read(4096):
            told.extend(data)
            if b"PING" in data:
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], told
        for writer in writers:
            writer.close()


@pytest.mark.parametrize("offer", [{}, {"auth_required": True}, {"tls_required": False}])
async def test_tls_is_tls_or_an_error_at_once(offer: dict[str, Any]) -> None:
    async with listening(offer) as (port, told):
        url = f"tls://gateway:topsecret@127.0.0.1:{port}"

        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} offers no TLS") as caught:
            async with connected(url, "test", LONG_SECONDS):
                pass

    assert told == b""
    assert "topsecret" not in str(caught.value)


async def test_of_several_servers_one_that_offers_tls_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ConfiguredNats(tmp_path, with_tls(tmp_path)) as server, listening({}) as (bad, told):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "broker.crt"))
        urls = f"tls://a:b@127.0.0.1:{bad},tls://a:b@localhost:{server.port}"

        async with connected(urls, "test", LONG_SECONDS) as broker:
            assert broker.client.is_connected

    assert told == b""


@pytest.mark.parametrize("more", ["", "allow_non_tls: true"])
async def test_a_server_that_offers_tls_is_spoken_to_by_tls(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ConfiguredNats(tmp_path, with_tls(tmp_path, more)) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "broker.crt"))

        async with connected(f"tls://localhost:{server.port}", "test", LONG_SECONDS) as broker:
            writer = broker.client._transport._io_writer  # type: ignore[union-attr]  # noqa: SLF001
            assert writer.get_extra_info("ssl_object")


async def test_a_certificate_that_is_not_trusted_is_said_at_once(tmp_path: Path) -> None:
    async with ConfiguredNats(tmp_path, with_tls(tmp_path)) as server:
        with pytest.raises(Unavailable, match="certificate that is not trusted"):
            async with connected(f"tls://localhost:{server.port}", "test", LONG_SECONDS):
                pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_is_also_used_after_a_reconnect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the library leaves its writer from before TLS to garbage collection
    server = ConfiguredNats(tmp_path, with_tls(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "broker.crt"))
    broker = Broker(f"tls://gateway:topsecret@localhost:{server.port}", "test")
    async with server:
        await broker.connect(LONG_SECONDS)
    await eventually(lambda: not broker.client.is_connected)

    async with EmbeddedNats(tmp_path / "plain", port=server.port):
        await eventually(lambda: bool(broker.refusals))
        assert not broker.client.is_connected
    async with server:
        await eventually(lambda: broker.client.is_connected)
        assert broker.refusals == {}
    await broker.close()


@pytest.mark.parametrize(
    ("user", "password", "login"),
    [
        ("gateway", "p@ss#1", "gateway:p%40ss%231"),
        ("gate:way/ü", "ü,/?#[]@:%", "gate%3Away%2F%C3%BC:%C3%BC%2C%2F%3F%23%5B%5D%40%3A%25"),
        ("gateway", "123456", "gateway:123456"),
        ("true", "it's", "true:it's"),
        ("gateway", 'quo"te\\', "gateway:quo%22te%5C"),
    ],
)
async def test_user_and_password_are_decoded(
    user: str, password: str, login: str, tmp_path: Path
) -> None:
    server = ConfiguredNats(tmp_path, with_user(user, password))
    url = f"nats://{login}@127.0.0.1:{server.port}"

    async with server, connected(url, "test", LONG_SECONDS) as broker:
        assert broker.client.is_connected


async def test_a_token_is_decoded(tmp_path: Path) -> None:
    token = "authorization { token: " + quoted("s3cr@t/1") + " }"
    server = ConfiguredNats(tmp_path, token)
    url = f"nats://s3cr%40t%2F1@127.0.0.1:{server.port}"

    async with server, connected(url, "test", LONG_SECONDS) as broker:
        assert broker.client.is_connected


async def test_a_refused_login_is_said_at_once(tmp_path: Path) -> None:
    async with ConfiguredNats(tmp_path, with_user("gateway", "right")) as server:
        for login in ("gateway:wrong@", "wrong@", ""):
            with pytest.raises(Unavailable, match="refuses the user and password") as caught:
                async with connected(
                    f"nats://{login}127.0.0.1:{server.port}", "test", LONG_SECONDS
                ):
                    pass
            assert "wrong" not in str(caught.value)


async def test_a_server_learned_from_another_gets_the_same_login() -> None:
    async with listening({}) as (port, told):
        async with listening({"connect_urls": [f"127.0.0.1:{port}"]}) as (first, _):
            broker = Broker(f"nats://gate%40way:top%40secret@127.0.0.1:{first}", "test")
            await broker.connect(LONG_SECONDS)

        await eventually(lambda: b"CONNECT" in told)
        await broker.close()

    assert b'"pass": "top@secret"' in told
    assert b'"user": "gate@way"' in told
