import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from random import Random

import pytest

from functions.errors import Invalid, Unavailable
from runtime.http import body as body_module
from runtime.http.body import BEGINNING_BYTES, SMALL_BUDGET_BYTES, SMALL_BYTES, BodyReader
from runtime.http.responses import HttpProblem

LIMIT = 1_000_000
SOON_SECONDS = 0.01


def a_reader(
    *, limit: int = LIMIT, bytes_in_flight: int = 4 * LIMIT, timeout_seconds: float = 5
) -> BodyReader:
    return BodyReader(limit=limit, bytes_in_flight=bytes_in_flight, timeout_seconds=timeout_seconds)


async def arriving(*chunks: bytes, forever: bool = False) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk
    if forever:
        await asyncio.Event().wait()


async def untouchable() -> AsyncIterator[bytes]:
    yield b""
    raise AssertionError("the stream was touched")


def in_chunks(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


async def read(
    body: bytes,
    *,
    reader: BodyReader | None = None,
    chunk_bytes: int = 65_536,
    content_length: int | None = None,
    content_encoding: str = "",
) -> bytes:
    headers = {"content-encoding": content_encoding}
    if content_length is not None:
        headers["content-length"] = str(content_length)
    stream = arriving(*in_chunks(body, chunk_bytes))
    async with (reader or a_reader()).read(headers, stream) as taken:
        return taken


def noise(size: int) -> bytes:
    return Random(1).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, LIMIT])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_up_to_its_limit_is_read(size: int, *, declared: bool) -> None:
    body = noise(size)

    assert await read(body, content_length=size if declared else None) == body


async def test_one_byte_more_than_the_limit_is_too_large_and_the_limit_is_named() -> None:
    with pytest.raises(HttpProblem, match=str(LIMIT)) as caught:
        await read(noise(LIMIT + 1))

    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_a_length_that_is_too_large_is_refused_without_touching_the_stream() -> None:
    headers = {"content-length": str(LIMIT + 1)}

    with pytest.raises(HttpProblem) as caught:
        async with a_reader().read(headers, untouchable()):
            pass

    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_no_more_is_read_than_the_limit_needs() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1000
            yield bytes(1000)

    with pytest.raises(HttpProblem):
        async with a_reader().read({}, endless()):
            pass

    assert taken == LIMIT + 1000


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 65_536])
async def test_gzip_is_unpacked(encoding: str, chunk_bytes: int) -> None:
    body = b'[{"a":1}]' * 200

    packed = gzip.compress(body)

    assert await read(packed, chunk_bytes=chunk_bytes, content_encoding=encoding) == body


@pytest.mark.parametrize("chunk_bytes", [1, 20, 65_536])
async def test_gzip_may_have_several_members(chunk_bytes: int) -> None:
    packed = b"".join(gzip.compress(part) for part in (b"[1,", b"", b"2]"))

    assert await read(packed, chunk_bytes=chunk_bytes, content_encoding="gzip") == b"[1,2]"


@pytest.mark.parametrize("level", [0, 9])
async def test_the_limit_of_gzip_counts_what_it_unpacks_to(level: int) -> None:
    body = noise(LIMIT)
    packed = gzip.compress(body, level)

    unpacked = await read(packed, content_encoding="gzip", content_length=len(packed))
    with pytest.raises(HttpProblem) as caught:
        await read(gzip.compress(body + b"x", level), content_encoding="gzip")

    assert len(packed) > LIMIT
    assert unpacked == body
    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_a_bomb_is_met_by_the_limit() -> None:
    packed = gzip.compress(bytes(100 * LIMIT), 9)

    with pytest.raises(HttpProblem) as caught:
        await read(packed, chunk_bytes=len(packed), content_encoding="gzip")

    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_others_have_their_turn_while_a_body_is_unpacked() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    packed = gzip.compress(bytes(20 * LIMIT))
    counting = asyncio.create_task(count_turns())
    await read(
        packed,
        reader=a_reader(limit=20 * LIMIT),
        chunk_bytes=len(packed),
        content_encoding="gzip",
    )
    counting.cancel()

    assert turns >= 20


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"[]",
        b"\x1f\x8b",
        gzip.compress(b"[]")[:-1],
        gzip.compress(noise(100_000))[:50_000],
        gzip.compress(b"[]") + b"garbage",
        gzip.compress(b"[]")[:-8] + bytes(8),
        zlib.compress(b"[]"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1000, 65_536])
async def test_broken_gzip_is_invalid(packed: bytes, chunk_bytes: int) -> None:
    with pytest.raises(Invalid) as caught:
        await read(packed, chunk_bytes=chunk_bytes, content_encoding="gzip")

    assert caught.value.faults[0].code == "gzip"


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
async def test_a_body_may_say_that_it_is_not_packed(encoding: str) -> None:
    assert await read(b"[]", content_encoding=encoding) == b"[]"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "*"])
async def test_another_encoding_is_refused_with_the_supported_one(encoding: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        async with a_reader().read({"content-encoding": encoding}, untouchable()):
            pass

    assert caught.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert caught.value.headers == {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_sender_that_takes_too_long_is_refused(encoding: str) -> None:
    stream = arriving(gzip.compress(b"[]")[:10], forever=True)
    reader = a_reader(timeout_seconds=SOON_SECONDS)

    with pytest.raises(HttpProblem) as caught:
        async with reader.read({"content-encoding": encoding}, stream):
            pass

    assert caught.value.status == HTTPStatus.REQUEST_TIMEOUT


async def test_a_sender_that_trickles_is_also_refused() -> None:
    async def trickling() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(SOON_SECONDS / 10)
            yield b" "

    with pytest.raises(HttpProblem) as caught:
        async with a_reader(timeout_seconds=SOON_SECONDS).read({}, trickling()):
            pass

    assert caught.value.status == HTTPStatus.REQUEST_TIMEOUT


async def test_large_bodies_wait_for_their_turn_and_small_ones_do_not() -> None:
    reader = a_reader(bytes_in_flight=LIMIT)
    large = {"content-length": str(LIMIT)}
    async with AsyncExitStack() as first:
        await first.enter_async_context(reader.read(large, arriving(noise(LIMIT))))
        waiting = asyncio.create_task(read(noise(LIMIT), reader=reader, content_length=LIMIT))
        small = await read(b"[]", reader=reader, content_length=2)
        unknown = await read(b"[]", reader=reader)
        assert not waiting.done()

    async with asyncio.timeout(5):
        assert await waiting == noise(LIMIT)
    assert small == unknown == b"[]"


@pytest.mark.parametrize("headers", [{"content-length": str(LIMIT)}, {}])
async def test_without_room_for_too_long_the_body_may_come_again(headers: dict[str, str]) -> None:
    reader = a_reader(bytes_in_flight=LIMIT, timeout_seconds=SOON_SECONDS)
    async with reader.read({"content-length": str(LIMIT)}, arriving(noise(LIMIT))):
        with pytest.raises(Unavailable):
            async with reader.read(headers, arriving(noise(LIMIT))):
                pass


@pytest.mark.parametrize("size", [SMALL_BYTES, LIMIT])
async def test_senders_that_have_only_begun_keep_no_room_from_others(size: int) -> None:
    reader = a_reader(bytes_in_flight=LIMIT)
    slow = [
        asyncio.create_task(_begun(reader, {"content-length": str(declared)}))
        for declared in (SMALL_BYTES, LIMIT)
        for _ in range(2 * SMALL_BUDGET_BYTES // SMALL_BYTES)
    ]
    await asyncio.sleep(0.01)

    async with asyncio.timeout(5):
        assert await read(noise(size), reader=reader, content_length=size) == noise(size)

    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.wait(slow)


async def _begun(
    reader: BodyReader, headers: Mapping[str, str], beginning: bytes = noise(BEGINNING_BYTES)
) -> None:
    async with reader.read(headers, arriving(beginning, forever=True)):
        pass


async def test_a_body_that_fails_leaves_its_room_to_others() -> None:
    reader = a_reader(bytes_in_flight=LIMIT)
    for _ in range(10):
        with pytest.raises(HttpProblem):
            await read(noise(LIMIT + 1), reader=reader)

    async with asyncio.timeout(5):
        assert await read(noise(LIMIT), reader=reader) == noise(LIMIT)


async def test_a_whole_body_is_used_without_touching_the_stream() -> None:
    async with a_reader().read({}, untouchable(), b"[]") as body:
        assert body == b"[]"


async def test_a_whole_body_counts_against_the_budget_until_it_is_let_go() -> None:
    reader = a_reader(timeout_seconds=SOON_SECONDS)
    whole = noise(SMALL_BYTES)
    async with AsyncExitStack() as held:
        for _ in range(SMALL_BUDGET_BYTES // SMALL_BYTES):
            await held.enter_async_context(reader.read({}, untouchable(), whole))
        with pytest.raises(Unavailable):
            async with reader.read({"content-length": "1"}, arriving(b"x"), b"x"):
                pass

    async with reader.read({}, untouchable(), whole) as body:
        assert body == whole


async def test_a_whole_body_that_fails_leaves_its_room_to_others() -> None:
    reader = a_reader(timeout_seconds=SOON_SECONDS)
    whole = noise(SMALL_BYTES)
    for _ in range(2 * SMALL_BUDGET_BYTES // SMALL_BYTES):
        with pytest.raises(ZeroDivisionError):
            async with reader.read({}, untouchable(), whole):
                raise ZeroDivisionError


async def test_a_whole_body_that_is_packed_is_unpacked() -> None:
    packed = gzip.compress(b"[]")
    headers = {"content-encoding": "gzip"}

    async with a_reader().read(headers, arriving(packed), packed) as body:
        assert body == b"[]"


@pytest.mark.parametrize("limit", [1, 2 * SMALL_BYTES])
async def test_a_whole_body_that_is_not_small_has_the_same_limits(limit: int) -> None:
    reader, whole = a_reader(limit=limit), noise(limit)

    async with reader.read({}, arriving(whole), whole) as body:
        assert body == whole
    with pytest.raises(HttpProblem) as caught:
        async with reader.read({}, arriving(whole + b"x"), whole + b"x"):
            pass

    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("chunk_bytes", [1, 700, 65_536])
@pytest.mark.parametrize("padding", [b"\0", b"\0" * 5_000, b"\0" * 512 + gzip.compress(b" ")])
async def test_padding_behind_gzip_is_skipped(chunk_bytes: int, padding: bytes) -> None:
    packed = gzip.compress(b"[]") + padding

    body = await read(packed, chunk_bytes=chunk_bytes, content_encoding="gzip")

    assert body.strip() == b"[]"


@pytest.mark.parametrize("chunk_bytes", [1, 65_536])
@pytest.mark.parametrize("garbage", [b"x", b"[]", b"\0\0x", b"\x1f\x8bx" + b"x" * 20])
async def test_other_bytes_behind_gzip_are_said_to_be_that(
    chunk_bytes: int, garbage: bytes
) -> None:
    with pytest.raises(Invalid, match="after its gzip"):
        await read(gzip.compress(b"[]") + garbage, chunk_bytes=chunk_bytes, content_encoding="gzip")


async def test_a_gzip_body_has_a_bounded_number_of_members() -> None:
    member = gzip.compress(b" ")

    assert len(await read(member * 1_000, content_encoding="gzip")) == 1_000
    with pytest.raises(Invalid, match="1000 gzip members"):
        await read(member * 1_001, content_encoding="gzip")


async def test_compressed_bytes_are_also_bounded_by_the_limit() -> None:
    packed = gzip.compress(b"[]") + bytes(LIMIT + LIMIT // 8)

    with pytest.raises(HttpProblem, match="when compressed") as caught:
        await read(packed, content_encoding="gzip")

    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_a_body_that_trickles_gives_its_place_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_module, "_GRACE_SECONDS", SOON_SECONDS)

    with pytest.raises(HttpProblem) as caught:
        async with a_reader(timeout_seconds=60).read({}, arriving(b"[", forever=True)):
            pass

    assert caught.value.status == HTTPStatus.REQUEST_TIMEOUT


async def test_bodies_that_have_only_begun_leave_places_to_those_that_have_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_module, "BEGINNINGS", 2)
    reader = a_reader()
    tasks = [asyncio.create_task(_begun(reader, {})) for _ in range(2)]
    await asyncio.sleep(SOON_SECONDS)

    with pytest.raises(Unavailable, match="are arriving"):
        await _begun(reader, {})
    async with reader.read({}, untouchable(), b"[]") as whole:
        assert whole == b"[]"

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert await read(b"[]", reader=reader) == b"[]"


async def test_the_oldest_beginning_body_gives_its_place_to_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_module, "BEGINNINGS", 2)
    monkeypatch.setattr(body_module, "_BEGINNING_SECONDS", 0)
    reader = a_reader(timeout_seconds=60)
    first, second = (asyncio.create_task(_begun(reader, {})) for _ in range(2))
    await asyncio.sleep(SOON_SECONDS)

    body = await read(noise(LIMIT), reader=reader)

    with pytest.raises(HttpProblem) as caught:
        await asyncio.wait_for(first, 5)
    assert body == noise(LIMIT)
    assert caught.value.status == HTTPStatus.REQUEST_TIMEOUT
    assert not second.done()
    second.cancel()
    await asyncio.wait([second])


@pytest.mark.parametrize("headers", [{"content-length": str(LIMIT)}, {}])
async def test_a_body_that_holds_room_others_wait_for_has_to_arrive_in_time(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "_GRACE_SECONDS", SOON_SECONDS)
    reader = a_reader(bytes_in_flight=LIMIT, timeout_seconds=60)
    slow = asyncio.create_task(_begun(reader, headers, noise(BEGINNING_BYTES + 1)))
    slower = asyncio.create_task(_begun(reader, headers, noise(BEGINNING_BYTES + 1)))

    body = await asyncio.wait_for(read(noise(LIMIT), reader=reader, content_length=LIMIT), 20)

    assert body == noise(LIMIT)
    for task in (slow, slower):
        with pytest.raises(HttpProblem):
            await task


async def test_only_so_many_bodies_wait_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "WAITING_BODIES", 1)
    reader = a_reader(bytes_in_flight=LIMIT)
    body = noise(LIMIT)
    async with reader.read({"content-length": str(LIMIT)}, arriving(body)):
        waiting = asyncio.create_task(read(body, reader=reader, content_length=LIMIT))
        await asyncio.sleep(SOON_SECONDS)

        with pytest.raises(Unavailable, match="wait for room"):
            await read(body, reader=reader, content_length=LIMIT)

    assert await waiting == body
