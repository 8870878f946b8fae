"""Reproducible zips: the same bytes whenever, wherever and in whatever order files were made."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_THE_FIRST_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can express."""

_UNIX: Final = 3
_READABLE_BY_ALL: Final = 0o100644 << 16
"""A regular file that the function's user may read; where a zip keeps its Unix mode."""


def write_zip(entries: Mapping[str, Path], to: Path) -> int:
    """Write files under their names, in order of names; replaces ``to`` when complete.

    Returns:
        The total size of the files, unpacked, in bytes.
    """
    unfinished = to.with_name(f".{to.name}.unfinished")
    unpacked = 0
    try:
        with zipfile.ZipFile(unfinished, "w") as archive:
            for name in sorted(entries):
                content = entries[name].read_bytes()
                unpacked += len(content)
                archive.writestr(_head(name), content, zipfile.ZIP_DEFLATED)
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)
    return unpacked


def _head(name: str) -> zipfile.ZipInfo:
    head = zipfile.ZipInfo(name, _THE_FIRST_MOMENT)
    head.create_system = _UNIX
    head.external_attr = _READABLE_BY_ALL
    return head
