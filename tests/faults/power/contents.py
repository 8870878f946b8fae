"""The contents of a disk, and what would remain if power were cut now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from time import time_ns
from typing import Final, TypeAlias

_SECTOR_BYTES: Final = 512
"""The unit that a disk writes whole or not at all."""


@dataclass(eq=False)
class Owned:
    """Owner and permissions; kept at once, because no promise depends on them."""

    mode: int
    uid: int
    gid: int
    changed_ns: int = field(default_factory=time_ns)


@dataclass(eq=False)
class File(Owned):
    """A file's bytes.

    Attributes:
        seen: As programs see them.
        kept: As they were when last synced.
        shortest: The shortest length since then.
        dirty: Ranges written since then, in order: beginning and end.
    """

    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    shortest: int | None = None
    dirty: list[tuple[int, int]] = field(default_factory=list)

    def write(self, data: bytes, begin: int) -> None:
        """Write, not yet synced."""
        _put(self.seen, begin, data)
        end = begin + len(data)
        if self.dirty and self.dirty[-1][1] == begin:
            self.dirty[-1] = (self.dirty[-1][0], end)
        else:
            self.dirty.append((begin, end))
        self.changed_ns = time_ns()

    def resize(self, size: int) -> None:
        """Truncate or extend it, not yet synced."""
        before = len(self.seen) if self.shortest is None else self.shortest
        self.shortest = min(size, before)
        _resize(self.seen, size)
        self.changed_ns = time_ns()

    @property
    def unsynced_bytes(self) -> int:
        """Count the bytes that would be lost."""
        return sum(end - begin for begin, end in self.dirty)

    def sync(self) -> None:
        """Keep the contents that programs see."""
        if self.shortest is not None:
            del self.kept[self.shortest :]
        for begin, end in self.dirty:
            _put(self.kept, begin, self.seen[begin:end])
        _resize(self.kept, len(self.seen))
        self._is_synced()

    def forget(self, random: Random | None) -> None:
        """Revert to the kept contents, and to some of the unsynced writes, one of them torn."""
        reached = [part for part in self.dirty if random and random.randrange(2)]
        if random and reached:
            begin, end = reached.pop(random.randrange(len(reached)))
            torn = random.randrange(begin, end + 1) // _SECTOR_BYTES * _SECTOR_BYTES
            reached.append((begin, max(begin, torn)))
        for begin, end in reached:
            _put(self.kept, begin, self.seen[begin:end])
        self.seen[:] = self.kept
        self._is_synced()

    def _is_synced(self) -> None:
        self.dirty.clear()
        self.shortest = None


@dataclass(eq=False)
class Folder(Owned):
    """A folder's names, as programs see them and as they were when they were synced."""

    seen: "dict[str, Entry]" = field(default_factory=dict)
    kept: "dict[str, Entry]" = field(default_factory=dict)


Entry: TypeAlias = File | Folder
Change: TypeAlias = tuple[Folder, str, Entry | None]
"""Set or remove a name in the folder."""


class Contents:
    """A tree of files whose changes last once they are synced.

    Names last in the order of their changes, with the next sync of anything:
    so do the journals of ext4 and XFS.

    Args:
        root: The outermost folder.
        by_folder: Whether a name lasts only when its folder was synced, as POSIX has it.
    """

    def __init__(self, root: Folder, *, by_folder: bool = False) -> None:
        self.root = root
        self._by_folder = by_folder
        self._changes: list[list[Change]] = []

    def name(self, *changes: Change) -> None:
        """Change names, all or none; lasts once synced."""
        for change in changes:
            self.name_for_now(*change)
        self._changes.append(list(changes))

    def name_for_now(self, folder: Folder, name: str, entry: Entry | None) -> None:
        """Change a name so that it never lasts: libfuse hides open files that are removed."""
        if entry is None:
            del folder.seen[name]
        else:
            folder.seen[name] = entry
        folder.changed_ns = time_ns()

    def sync(self, entry: Entry) -> None:
        """Make an entry durable: a file's bytes, a folder's names."""
        if isinstance(entry, File):
            entry.sync()
        if self._by_folder:
            self._sync_names_of(entry)
        else:
            self._keep_first(len(self._changes))

    def _sync_names_of(self, entry: Entry) -> None:
        for changes in self._changes:
            _keep([change for change in changes if change[0] is entry])
            changes[:] = [change for change in changes if change[0] is not entry]
        self._changes = [changes for changes in self._changes if changes]

    def _keep_first(self, number: int) -> None:
        for changes in self._changes[:number]:
            _keep(changes)
        del self._changes[:number]

    def forget(self, random: Random | None = None) -> int:
        """Revert to the state after a power cut.

        Args:
            random: Draws which unsynced data reached the disk nevertheless:
                some writes, one in a file torn, and the first changes of names.
                None for nothing.

        Returns:
            How many unsynced bytes there were.
        """
        if random and not self._by_folder:
            self._keep_first(random.randint(0, len(self._changes)))
        self._changes.clear()
        files = [entry for entry in _kept_in(self.root) if isinstance(entry, File)]
        unsynced = sum(file.unsynced_bytes for file in files)
        for file in files:
            file.forget(random)
        for entry in _kept_in(self.root):
            if isinstance(entry, Folder):
                entry.seen = dict(entry.kept)
        return unsynced


def _keep(changes: Sequence[Change]) -> None:
    for folder, name, entry in changes:
        if entry is None:
            folder.kept.pop(name, None)
        else:
            folder.kept[name] = entry


def _kept_in(folder: Folder) -> Iterator[Entry]:
    yield folder
    for entry in folder.kept.values():
        if isinstance(entry, Folder):
            yield from _kept_in(entry)
        else:
            yield entry


def _put(into: bytearray, begin: int, data: bytes | bytearray) -> None:
    if begin > len(into):
        _resize(into, begin)
    into[begin : begin + len(data)] = data


def _resize(data: bytearray, size: int) -> None:
    if size > len(data):
        data.extend(bytes(size - len(data)))
    else:
        del data[size:]
