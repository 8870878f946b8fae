"""The broker's contents: its streams, and each consumer's backlog."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.aio.client import Client

from runtime.jetstream.api import ask_broker
from runtime.jetstream.streams import CONSUMERS, DEAD_LETTERS, EVENTS


@dataclass(frozen=True, slots=True)
class First:
    """A stream's first message of a subject: in a work queue, one that is not acknowledged."""

    sequence: int
    stored_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class WaitingMessages:
    """A consumer's backlog.

    Attributes:
        consumer: Its name.
        undelivered: Messages not delivered yet.
        in_hand: Delivered, and not acknowledged.
        again: Of these, delivered more than once.
        first: The first that waits; None for none.
    """

    consumer: str
    undelivered: int
    in_hand: int
    again: int
    first: First | None


@dataclass(frozen=True, slots=True)
class Contents:
    """A stream's contents.

    Attributes:
        name: The stream.
        messages: How many it holds.
        bytes: Their size.
        max_bytes: The size limit.
        last_sequence: Of the last one that it ever stored.
        copies: How many servers keep it, and how many of them have everything.
        waiting: By consumer.
        first: Its first message; None for none.
    """

    name: str
    messages: int
    bytes: int
    max_bytes: int
    last_sequence: int
    copies: tuple[int, int]
    waiting: Sequence[WaitingMessages]
    first: First | None

    @property
    def unclaimed(self) -> int:
        """Messages that no consumer will receive.

        The numbers are requested one after another, so they may differ by the messages
        that came or went meanwhile.
        """
        claimed = sum(it.undelivered + it.in_hand for it in self.waiting)
        return max(0, self.messages - claimed)


async def read_contents(client: Client) -> list[Contents]:
    """Ask the broker for both streams; one that is missing is left out.

    Raises:
        APIError: The broker refused.
        nats.errors.Error: It does not answer.
    """
    found = [await _contents(client, name) for name in (EVENTS, DEAD_LETTERS)]
    return [it for it in found if it is not None]


async def clear_settled(client: Client) -> dict[str, int]:
    """Remove messages that were acknowledged and are still stored.

    A broker whose disk was full could not write their removal: no consumer receives
    them again, and they take space. For each consumer, everything before the first
    unacknowledged message is removed; an acknowledgement follows the commit, so
    everything removed is in the database.

    Returns:
        How many messages were removed, by consumer.
    """
    gone = {}
    for consumer in CONSUMERS:
        info = await ask_broker(client, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", {})
        if info is None:
            continue
        kept_from = info["ack_floor"]["stream_seq"] + 1
        wanted = {"filter": consumer.subject, "seq": kept_from}
        answer = await ask_broker(client, f"STREAM.PURGE.{consumer.stream}", wanted)
        gone[consumer.name] = 0 if answer is None else int(answer["purged"])
    return gone


async def _contents(client: Client, stream: str) -> Contents | None:
    info = await ask_broker(client, f"STREAM.INFO.{stream}", {})
    if info is None:
        return None
    waiting = [
        await _waiting(client, stream, it.name, it.subject)
        for it in CONSUMERS
        if it.stream == stream
    ]
    state, config = info["state"], info["config"]
    return Contents(
        name=stream,
        messages=state["messages"],
        bytes=state["bytes"],
        max_bytes=config["max_bytes"],
        last_sequence=state["last_seq"],
        copies=_copies(info),
        waiting=[it for it in waiting if it is not None],
        first=await _first(client, stream, ">"),
    )


def _copies(info: dict[str, Any]) -> tuple[int, int]:
    others = (info.get("cluster") or {}).get("replicas") or []
    return 1 + len(others), 1 + sum(bool(it.get("current")) for it in others)


async def _waiting(client: Client, stream: str, name: str, subject: str) -> WaitingMessages | None:
    info = await ask_broker(client, f"CONSUMER.INFO.{stream}.{name}", {})
    if info is None:
        return None
    return WaitingMessages(
        consumer=name,
        undelivered=info["num_pending"],
        in_hand=info["num_ack_pending"],
        again=info["num_redelivered"],
        first=await _first(client, stream, subject),
    )


async def _first(client: Client, stream: str, subject: str) -> First | None:
    found = await ask_broker(
        client, f"STREAM.MSG.GET.{stream}", {"seq": 1, "next_by_subj": subject}
    )
    if found is None:
        return None
    message = found["message"]
    size = len(message.get("data", "")) * 3 // 4  # base64
    return First(int(message["seq"]), datetime.fromisoformat(message["time"]), size)
