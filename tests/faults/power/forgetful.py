"""A file system that loses unsynced data, served by FUSE: ``python -m … MOUNT NAMES``.

NAMES says how names last: ``in_order`` or ``by_folder``. ``mkdir
MOUNT/__cut__`` is a power cut: unsynced data are lost, and every call
fails; with a seed at its end (``__cut__7``) some of it is left, torn. ``mkdir
MOUNT/__restore__`` unmounts it and mounts the rest again.
"""

import os
import stat
import sys
from contextlib import suppress
from errno import EEXIST, EIO, ENOENT, ENOTEMPTY
from itertools import count
from random import Random
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from tests.faults.power.contents import Contents, Entry, File, Folder
from tests.faults.power.names import CUT, MOUNTED, RESTORE

_HIDDEN = ".fuse_hidden"  # libfuse's name for an open file that was removed
_ROOM_BLOCKS = 64 * 1024**3 // 4096
_FOREVER_SECONDS = 3600


class Forgetful(mfusepy.Operations):  # type: ignore[misc]
    """The calls of programs, one after the other, from mount to unmount."""

    use_ns = True

    def __init__(self, contents: Contents) -> None:
        self.is_cut = False
        self.is_to_be_restored = False
        self._contents = contents
        self._handles: dict[int, File] = {}
        self._numbers = count(1)

    def init(self, path: str) -> None:  # noqa: ARG002 - libfuse's
        print(MOUNTED, flush=True)  # noqa: T201 - who started it reads it

    def _find(self, path: str) -> Entry:
        if self.is_cut:
            raise OSError(ENOENT if path == f"/{RESTORE}" else EIO, path)
        entry: Entry = self._contents.root
        for name in filter(None, path.split("/")):
            if not isinstance(entry, Folder) or name not in entry.seen:
                raise OSError(ENOENT, path)
            entry = entry.seen[name]
        return entry

    def _folder(self, path: str) -> Folder:
        entry = self._find(path)
        assert isinstance(entry, Folder)
        return entry

    def _file(self, path: str) -> File:
        entry = self._find(path)
        assert isinstance(entry, File)
        return entry

    def _opened(self, handle: int) -> File:
        if self.is_cut:
            raise OSError(EIO, "no power")
        return self._handles[handle]

    def _place(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        return self._folder(above), name

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG002
        # before the power is restored: whether the root exists, and the name does not
        entry = self._contents.root if path == "/" else self._find(path)
        is_file = isinstance(entry, File)
        return {
            "st_mode": entry.mode | (stat.S_IFREG if is_file else stat.S_IFDIR),
            "st_nlink": 1 if is_file else 2,
            "st_size": len(entry.seen),
            "st_uid": entry.uid,
            "st_gid": entry.gid,
            **dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), entry.changed_ns),
        }

    def readdir(self, path: str, fh: int) -> list[str]:  # noqa: ARG002 - libfuse's
        return [".", "..", *self._folder(path).seen]

    def mkdir(self, path: str, mode: int) -> int:
        name = path.rpartition("/")[2]
        if name == RESTORE:
            self.is_to_be_restored = True
            mfusepy.fuse_exit()
        elif name.startswith(CUT):
            self._cut(name.removeprefix(CUT))
        else:
            self._mkdir(path, mode)
        return 0

    def _cut(self, seed: str) -> None:
        self.is_cut = True
        unsynced = self._contents.forget(Random(seed) if seed else None)
        print(unsynced, flush=True)  # noqa: T201 - who started it reads it

    def _mkdir(self, path: str, mode: int) -> None:
        folder, name = self._place(path)
        if name in folder.seen:
            raise OSError(EEXIST, path)
        self._contents.name((folder, name, Folder(mode & 0o7777, *_caller())))

    def rmdir(self, path: str) -> int:
        if self._folder(path).seen:
            raise OSError(ENOTEMPTY, path)
        self._contents.name((*self._place(path), None))
        return 0

    def create(self, path: str, mode: int, fi: int | None = None) -> int:  # noqa: ARG002
        file = File(mode & 0o7777, *_caller())
        self._contents.name((*self._place(path), file))
        return self._open(file)

    def open(self, path: str, flags: int) -> int:
        file = self._file(path)
        if flags & os.O_TRUNC:
            file.resize(0)
        return self._open(file)

    def _open(self, file: File) -> int:
        number = next(self._numbers)
        self._handles[number] = file
        return number

    def release(self, path: str, fh: int) -> int:  # noqa: ARG002 - libfuse's
        del self._handles[fh]
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002
        return bytes(self._opened(fh).seen[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:  # noqa: ARG002
        self._opened(fh).write(data, offset)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:  # noqa: ARG002
        self._file(path).resize(length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        self._contents.sync(self._opened(fh))
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        self._contents.sync(self._folder(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        entry = self._find(old)
        folder, name = self._place(new)
        removed = (*self._place(old), None)
        if name.startswith(_HIDDEN):
            self._contents.name_for_now(folder, name, entry)
            self._contents.name(removed)
        else:
            self._contents.name((folder, name, entry), removed)
        return 0

    def unlink(self, path: str) -> int:
        folder, name = self._place(path)
        if name.startswith(_HIDDEN):
            self._contents.name_for_now(folder, name, None)
        else:
            self._contents.name((folder, name, None))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._find(path).mode = mode & 0o7777
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        entry = self._find(path)
        entry.uid = entry.uid if uid < 0 else uid
        entry.gid = entry.gid if gid < 0 else gid
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        if times:
            self._find(path).changed_ns = times[1]
        return 0

    def statfs(self, path: str) -> dict[str, int]:  # noqa: ARG002 - libfuse's
        room = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), _ROOM_BLOCKS)
        return {"f_bsize": 4096, "f_frsize": 4096, "f_namemax": 255, **room}


def _caller() -> tuple[int, int]:
    uid, gid, _ = mfusepy.fuse_get_context()
    return uid, gid


def main(mount: str, names: str) -> None:
    """Serve until told to end."""
    os.umask(0)  # modes are the callers'
    root = Folder(0o755, os.getuid(), os.getgid())
    contents = Contents(root, by_folder=names == "by_folder")
    while _serve(contents, mount):
        pass


def _serve(contents: Contents, mount: str) -> bool:
    """Serve from mount to unmount; returns whether it is to be mounted again."""
    disk = Forgetful(contents)
    options: dict[str, Any] = {
        "fsname": "forgetful",
        "default_permissions": True,
        **dict.fromkeys(("attr_timeout", "entry_timeout"), _FOREVER_SECONDS),
        **({"allow_other": True} if os.getuid() == 0 else {}),  # the database's user is another
    }
    with suppress(RuntimeError):  # libfuse's result after being told to end
        mfusepy.FUSE(disk, mount, foreground=True, nothreads=True, **options)
    return disk.is_to_be_restored


if __name__ == "__main__":
    main(*sys.argv[1:])
