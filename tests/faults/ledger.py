"""The balance: the client's list of promises against rows, dead letters and rollups."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError

from runtime.local.supervisor.drain import unacknowledged
from tests.e2e.whole_system import WholeSystem
from tests.faults.sender import BROKEN, Sender
from tests.truth.payloads import stored_ids
from tests.truth.recomputation import differences, ledger_imbalances


@dataclass(frozen=True, slots=True)
class Balance:
    """The outcomes of the sent events.

    Attributes:
        sent: Events in requests, each once.
        promised: Those that got a 202.
        dead: Those in the dead letters.
        lost: Promised, but neither a row nor a dead letter; or valid, but only a dead letter.
        doubled: Stored twice, or both as a row and a dead letter, or never sent.
        differences: Tables that differ from the rows; ``ledger`` if it does not
            balance, including rejected events.
    """

    sent: int
    promised: int
    dead: int
    lost: frozenset[str]
    doubled: frozenset[str]
    differences: frozenset[str]


_SETTLE_SECONDS = 180
_POLL_SECONDS = 0.2


async def settled(system: WholeSystem) -> None:
    """Wait until each consumer has acknowledged all."""
    client = Client()
    async with asyncio.timeout(_SETTLE_SECONDS):
        await client.connect(system.url_of("nats").split(","))
        try:
            while await _unsettled(client):
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await client.close()


async def _unsettled(client: Client) -> bool:
    try:
        return await unacknowledged(client.jetstream()) > 0
    except NatsError:  # a cluster may be electing a leader
        return True


async def empty(system: WholeSystem, sender: Sender) -> None:
    """Begin a new page."""
    await settled(system)
    await system.forget()
    sender.sent.clear()
    sender.acknowledged.clear()
    sender.statuses.clear()


async def balance(system: WholeSystem, sender: Sender) -> Balance:
    """Wait until everything is settled, and compare."""
    await settled(system)
    rows = Counter(await stored_ids(system.fetch))
    letters = {row["event_id"] for row in await system.fetch("SELECT event_id FROM dead_letters")}
    kept_right = {each for each in rows if not each.startswith(BROKEN)} | letters
    twice = {each for each, count in rows.items() if count > 1}
    return Balance(
        sent=len(sender.sent),
        promised=len(sender.acknowledged),
        dead=len(letters),
        lost=frozenset(sender.acknowledged - kept_right),
        doubled=frozenset(twice | (set(rows) & letters) | (set(rows) - set(sender.sent))),
        differences=await _differences(system),
    )


async def _differences(system: WholeSystem) -> frozenset[str]:
    tables = {*await differences(system.fetch)}
    if await ledger_imbalances(system.fetch):
        tables.add("ledger")
    return frozenset(tables)
