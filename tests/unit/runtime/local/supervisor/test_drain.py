"""The backlog on the broker, when a cluster that elects leaders leaves consumers out."""

from dataclasses import fields
from typing import cast

import pytest
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from runtime.local.supervisor.drain import unacknowledged

_MADE = "2024-01-01T00:00:00Z"
_LIMITS = [field.name for field in fields(api.AccountLimits)]


class Lists:
    """A JetStream whose two streams have two consumers each, and nothing waiting."""

    def __init__(
        self, *, streams: int = 2, consumers: int = 2, name: str = "EVENTS", newest: int = 0
    ) -> None:
        self._streams = streams
        self._name = name
        self._consumers = consumers
        self._newest = newest

    async def account_info(self) -> api.AccountInfo:
        account: api.AccountInfo = api.AccountInfo.from_response(
            {
                "memory": 0,
                "storage": 0,
                "streams": 2,
                "consumers": 4,
                "limits": dict.fromkeys(_LIMITS, -1),
                "api": {"total": 0, "errors": 0},
            }
        )
        return account

    async def streams_info(self) -> list[api.StreamInfo]:
        kept = 7 if self._name == "KEPT" else 0
        state = {"messages": kept, "bytes": 0, "first_seq": 1, "last_seq": 0, "consumer_count": 2}
        stream = {"config": {"name": self._name}, "state": state}
        return [api.StreamInfo.from_response(stream)] * self._streams

    async def consumers_info(self, _stream: str) -> list[api.ConsumerInfo]:
        consumer = {"name": "c", "stream_name": "EVENTS", "config": {}, "created": _MADE}
        return [api.ConsumerInfo.from_response(consumer)] * self._consumers

    async def get_last_msg(self, _stream: str, _subject: str) -> api.RawStreamMsg:
        if not self._newest:
            raise NotFoundError
        return api.RawStreamMsg(seq=self._newest)


async def waiting(lists: Lists) -> int:
    return await unacknowledged(cast("JetStreamContext", lists))


async def test_nothing_waits_when_all_are_listed_and_have_nothing() -> None:
    assert await waiting(Lists()) == 0


async def test_what_is_kept_waits_for_nobody() -> None:
    assert await waiting(Lists(name="KEPT", consumers=0)) == 0


@pytest.mark.parametrize("lists", [Lists(streams=1), Lists(consumers=1)])
async def test_what_is_left_out_of_a_list_counts_as_waiting(lists: Lists) -> None:
    assert await waiting(lists) > 0


async def test_a_message_that_no_consumer_knows_of_yet_counts_as_waiting() -> None:
    assert await waiting(Lists(newest=1)) > 0
