"""The disk loses unsynced data, and keeps synced data."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.power.disk import ForgetfulDisk, forgetful_disk


@pytest.fixture(params=["in_order", "by_folder"])
def names(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def disk(names: str) -> AsyncIterator[ForgetfulDisk]:
    async with forgetful_disk(by_folder=names == "by_folder") as disk:
        yield disk


async def _cut(disk: ForgetfulDisk) -> None:
    await disk.cut()
    await disk.restore()


def _write(path: Path, data: bytes, *, mode: str = "wb", is_synced: bool) -> None:
    with path.open(mode) as file:
        file.write(data)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


async def test_what_was_synced_is_kept_and_the_rest_forgotten(disk: ForgetfulDisk) -> None:
    both = disk.path / "both"
    _write(both, b"synced", is_synced=True)
    _sync(disk.path)
    _write(both, b" and not", mode="ab", is_synced=False)
    assert both.read_bytes() == b"synced and not"

    await _cut(disk)

    assert both.read_bytes() == b"synced"
    assert disk.path.stat().st_uid == os.getuid()


async def test_a_write_into_the_middle_and_a_cut_end_are_forgotten(disk: ForgetfulDisk) -> None:
    file = disk.path / "file"
    _write(file, b"0123456789", is_synced=True)
    _sync(disk.path)
    _write(file, b"ABC", mode="r+b", is_synced=False)
    os.truncate(file, 5)
    assert file.read_bytes() == b"ABC34"

    await _cut(disk)

    assert file.read_bytes() == b"0123456789"


async def test_what_was_cut_off_does_not_come_back_when_it_was_synced(disk: ForgetfulDisk) -> None:
    file = disk.path / "file"
    _write(file, b"0123456789", is_synced=True)
    os.truncate(file, 2)
    os.truncate(file, 4)
    _sync(file)
    _sync(disk.path)

    await _cut(disk)

    assert file.read_bytes() == b"01\0\0"


async def test_a_name_waits_for_its_folder_only_where_that_is_asked(
    disk: ForgetfulDisk, names: str
) -> None:
    (disk.path / "folder").mkdir()
    _sync(disk.path)
    _write(disk.path / "folder" / "first", b"1", is_synced=False)
    _write(disk.path / "folder" / "second", b"2", is_synced=True)

    await _cut(disk)

    left = {each.name: each.read_bytes() for each in (disk.path / "folder").iterdir()}
    assert left == ({} if names == "by_folder" else {"first": b"", "second": b"2"})


async def test_a_rename_that_was_not_synced_is_forgotten(disk: ForgetfulDisk) -> None:
    old, new = disk.path / "old", disk.path / "new"
    _write(old, b"old", is_synced=True)
    _write(new, b"new", is_synced=True)
    _sync(disk.path)
    old.rename(new)
    assert new.read_bytes() == b"old"

    await _cut(disk)

    assert (old.read_bytes(), new.read_bytes()) == (b"old", b"new")


async def test_an_open_file_that_was_removed_is_read_on_and_gone_afterwards(
    disk: ForgetfulDisk,
) -> None:
    file = disk.path / "file"
    _write(file, b"still here", is_synced=True)
    with file.open("rb") as opened:
        file.unlink()
        _sync(disk.path)
        assert opened.read() == b"still here"

        await disk.cut()
    await disk.restore()

    assert list(disk.path.iterdir()) == []


async def test_every_call_fails_after_the_cut(disk: ForgetfulDisk) -> None:
    with (disk.path / "file").open("wb", buffering=0) as file:
        await disk.cut()

        with pytest.raises(OSError, match="Input/output"):
            file.write(b"too late")
        with pytest.raises(OSError, match="Input/output"):
            os.fsync(file.fileno())


async def test_a_torn_cut_leaves_some_of_what_was_not_synced() -> None:
    sizes = set()
    async with forgetful_disk() as disk:
        for seed in range(8):
            _write(disk.path / f"{seed}", b"x" * 5000, is_synced=False)
            await disk.cut(torn_seed=f"{seed}")
            await disk.restore()
            sizes |= {file.stat().st_size for file in disk.path.glob(f"{seed}")}

    assert len(sizes) > 2
    assert all(size % 512 == 0 for size in sizes)
