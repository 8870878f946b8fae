"""Dead letters from an operator's view: events fail, are noticed, corrected and discarded."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from functions.messages import DeadLetter
from runtime.postgres.pool import send_keys_as_bytes
from runtime.postgres.storing.store import STORE_DEAD_LETTERS
from tests.builders import a_facebook_event, a_letter, raw
from tests.e2e.whole_system import WholeSystem, publish
from tests.truth.recomputation import differences

_KEY = "operators-key"


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-letters-") as folder:
        running = WholeSystem(Path(folder) / "data", OPERATOR_API_KEYS=_KEY)
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_events_go_wrong_are_seen_mended_and_given_up(system: WholeSystem) -> None:
    corrupt = ("--min", "20", "--max", "50", "--corrupt", "1", "--interval", "0", "--seed", "3")
    published = await publish(system.url_of("gateway"), *corrupt, "--requests", "20")
    await system.drained()
    invalid = published.summary["acknowledged"]["invalid"]
    mended = a_facebook_event(eventId="fb/mended once")
    await _reject_as_an_older_contract_did(system, mended)

    summary = await _ask(system, "GET", "/dead-letters/summary")
    assert summary["totalLetters"] == invalid + 1
    assert len((await _eps(system, "list")).splitlines()) == invalid + 1

    [letter] = (await _ask(system, "GET", "/dead-letters?source=facebook&field=mended"))["letters"]
    shown = json.loads(await _eps(system, "show", letter["id"]))
    assert json.loads(shown["payload"]) == mended

    exported = [json.loads(line) for line in (await _eps(system, "export")).splitlines()]
    assert shown in exported
    assert len(exported) == invalid + 1

    dry = await _ask(system, "POST", "/dead-letters/replay?field=mended&dryRun=true")
    assert (dry["replayed"], dry["stored"]) == (1, 1)
    replayed = json.loads(await _eps(system, "replay"))
    assert (replayed["replayed"], replayed["failed"], replayed["stored"]) == (1, invalid, 1)
    again = await _ask(system, "POST", "/dead-letters/replay?field=mended")
    assert (again["replayed"], again["stored"]) == (0, 0)
    assert await differences(system.fetch) == {}

    trail = await _ask(system, "GET", f"/events/facebook/{quote('fb/mended once', safe='')}")
    assert trail["event"]["correlationId"] == "first"
    assert json.loads(trail["event"]["payload"]) == mended
    assert [dead["state"] for dead in trail["deadLetters"]] == ["replayed"]

    assert await _run(system, "discard", "--reason", "rejected") == (2, "")  # nobody to ask
    assert len((await _eps(system, "list")).splitlines()) == invalid
    assert json.loads(await _eps(system, "discard", "--reason", "rejected", "--dry-run")) == {
        "dryRun": True,
        "discarded": invalid,
    }
    discarded = json.loads(await _eps(system, "discard", "--reason", "rejected", "--yes"))
    assert discarded["discarded"] == invalid
    assert await _eps(system, "list") == ""
    reopened = json.loads(await _eps(system, "reopen", "--reason", "rejected"))
    assert reopened == {"dryRun": False, "reopened": invalid}
    assert len((await _eps(system, "list")).splitlines()) == invalid
    assert await _on_terminal(system, "n", "discard", "--reason", "rejected") == 1
    assert len((await _eps(system, "list")).splitlines()) == invalid
    assert await _on_terminal(system, "y", "discard", "--reason", "rejected") == 0
    assert await _eps(system, "list") == ""
    assert len((await _eps(system, "list", "--state", "all")).splitlines()) == invalid + 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/dead-letters"),
        ("GET", "/dead-letters/summary"),
        ("POST", "/dead-letters/replay"),
        ("POST", "/dead-letters/discard"),
        ("POST", "/dead-letters/reopen"),
        ("GET", "/dead-letters/0f8e1c52-6a63-8d0b-9a6e-2f1c7b0d4e11"),
        ("GET", "/events/facebook/fb-1"),
    ],
)
async def test_only_an_operators_key_opens_them(
    system: WholeSystem, method: str, path: str
) -> None:
    async with httpx.AsyncClient(base_url=system.url_of("reporter")) as client:
        answer = await client.request(method, path)

    assert answer.status_code == 401


async def test_wrong_usage_says_so(system: WholeSystem) -> None:
    for arguments in (
        ("discard", "--yes"),
        ("reopen",),
        ("list", "--source", "other"),
        ("show", "1"),
    ):
        assert await _run(system, *arguments) == (2, "")


async def _reject_as_an_older_contract_did(system: WholeSystem, event: dict[str, Any]) -> None:
    letter = a_letter(payload=raw(event), event_id=event["eventId"], correlation_id="first")
    connection = await asyncpg.connect(system.url_of("postgres"))
    await send_keys_as_bytes(connection)
    await connection.fetch(STORE_DEAD_LETTERS, *_columns(letter))
    await connection.close()


def _columns(letter: DeadLetter) -> list[list[Any]]:
    values = (
        *(letter.id.bytes, letter.reason, letter.source, letter.event_id, "mended", "older", "Old"),
        *(letter.correlation_id, letter.accepted_at, letter.payload, letter.trace_parent),
        *(letter.elements, letter.channel),
    )
    return [[value] for value in values]


async def _ask(system: WholeSystem, method: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {_KEY}"}
    async with httpx.AsyncClient(base_url=system.url_of("reporter"), headers=headers) as client:
        answer = await client.request(method, path)
        answer.raise_for_status()
        return answer.json()


async def _eps(system: WholeSystem, *arguments: str) -> str:
    code, output = await _run(system, *arguments)
    assert code == 0
    return output


async def _on_terminal(system: WholeSystem, answer: str, *arguments: str) -> int:
    """Run a command at a terminal, and type an answer."""
    ours, its = os.openpty()
    process = await _started(system, *arguments, stdin=its)
    os.close(its)
    os.write(ours, f"{answer}\n".encode())
    await process.communicate()
    os.close(ours)
    assert process.returncode is not None
    return process.returncode


async def _started(
    system: WholeSystem, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "dead-letters", *arguments),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": system.url_of("postgres")},
    )


async def _run(system: WholeSystem, *arguments: str) -> tuple[int, str]:
    process = await _started(system, *arguments)
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
