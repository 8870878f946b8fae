"""Where archives are stored: a folder, or a bucket of S3."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from runtime.archiving.errors import ArchiveFailed

NEEDS: Final = "is not installed: install requirements-archive.lock"


class ArchivePlace(Protocol):
    """Stores files by name; a name is ASCII, with slashes between its parts."""

    def put(self, name: str, file: Path) -> None:
        """Store a file, replacing one of this name; afterwards it is on disk, complete.

        Raises:
            ArchiveFailed: It is not stored; an earlier file is still there.
        """

    def read(self, name: str) -> bytes | None:
        """Read a small file; None if there is none.

        Raises:
            ArchiveFailed: The place can't be read.
        """

    def opened(self, name: str) -> AbstractContextManager[Path]:
        """Hold a file of the local disk with the same bytes.

        Raises:
            ArchiveFailed: There is no such file, or the place can't be read.
        """


class Folder:
    """A folder of the local disk; made if it is missing.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, file: Path) -> None:
        """Store a file; see ``ArchivePlace``."""
        target = self._root / name
        partial = target.with_name(f".{target.name}.partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source, partial.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1024**2)
                copy.flush()
                os.fsync(copy.fileno())
            partial.replace(target)
            for folder in (target.parent, *target.parent.parents):
                _sync(folder)
                if folder == self._root:
                    break
        except OSError as error:
            raise ArchiveFailed(f"{target} can't be written: {error.strerror}") from error

    def read(self, name: str) -> bytes | None:
        """Read a small file; see ``ArchivePlace``."""
        try:
            return (self._root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArchiveFailed(f"{self._root / name} can't be read: {error.strerror}") from error

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Hold a file; see ``ArchivePlace``."""
        path = self._root / name
        if not path.is_file():
            raise ArchiveFailed(f"{path} is missing")
        yield path


def open_place(url: str) -> ArchivePlace:
    """Open the place of an archive.

    Args:
        url: A folder, or ``s3://bucket/prefix``.

    Raises:
        ArchiveFailed: It is neither, or boto3 is needed and not installed.
    """
    if "://" not in url:
        return Folder(Path(url).expanduser().absolute())
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ArchiveFailed("an archive has to be in a folder or in s3://bucket/prefix")
    try:
        from runtime.archiving.bucket import ArchiveBucket  # noqa: PLC0415 - optional, slow to import
    except ModuleNotFoundError as error:
        raise ArchiveFailed(f"{error.name} {NEEDS}") from error
    prefix = parts.path.strip("/")
    return ArchiveBucket(parts.netloc, f"{prefix}/" if prefix else "")


def _sync(folder: Path) -> None:
    """Sync a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
