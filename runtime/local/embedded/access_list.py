"""Let one user pass through a folder closed to others, by an entry in its POSIX access list."""

import os
import struct
from pathlib import Path
from typing import Final, NamedTuple

_ATTRIBUTE: Final = "system.posix_acl_access"
_VERSION: Final = struct.pack("<I", 2)  # linux/posix_acl_xattr.h
_ENTRY: Final = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_ORDER: Final = (_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER)
_NOBODY: Final = 0xFFFFFFFF
_PASS: Final = 0o1


class _Entry(NamedTuple):
    tag: int
    rights: int
    who: int = _NOBODY


def let_user_pass(folder: Path, uid: int) -> None:
    """Let a user reach the contents of a folder without listing it; nobody else gains anything.

    Raises:
        OSError: The file system has no access lists, or only root may change them.
    """
    entries = _read(folder)
    mask = next((it.rights for it in entries if it.tag == _MASK), 0o7)
    limited = [
        # Rights withheld by the mask stay withheld when it is widened.
        it._replace(rights=it.rights & mask) if it.tag in {_USER, _GROUP, _NAMED_GROUP} else it
        for it in entries
        if it.tag != _MASK and (it.tag, it.who) != (_USER, uid)
    ]
    own = sum(it.rights & mask for it in entries if (it.tag, it.who) == (_USER, uid))
    wanted = [*limited, _Entry(_USER, own | _PASS, uid)]
    widest = 0
    for it in wanted:
        if it.tag in {_USER, _GROUP, _NAMED_GROUP}:
            widest |= it.rights
    wanted.append(_Entry(_MASK, widest))
    wanted.sort(key=lambda it: (_ORDER.index(it.tag), it.who))
    os.setxattr(folder, _ATTRIBUTE, _VERSION + b"".join(_ENTRY.pack(*it) for it in wanted))


def may_pass(folder: Path, uid: int) -> bool:
    """Return whether the access list or the mode lets a user pass; groups are not considered."""
    rights = {(it.tag, it.who): it.rights for it in _read(folder)}
    if folder.stat().st_uid == uid:
        return bool(rights[_OWNER, _NOBODY] & _PASS)
    named = rights.get((_USER, uid))
    if named is None:
        return bool(rights[_OTHER, _NOBODY] & _PASS)
    return bool(named & rights.get((_MASK, _NOBODY), 0o7) & _PASS)


def _read(folder: Path) -> list[_Entry]:
    """Read the list; if there is none, the mode is equivalent to three entries."""
    try:
        packed = os.getxattr(folder, _ATTRIBUTE)
    except OSError:
        mode = folder.stat().st_mode
        return [
            _Entry(_OWNER, mode >> 6 & 0o7),
            _Entry(_GROUP, mode >> 3 & 0o7),
            _Entry(_OTHER, mode & 0o7),
        ]
    return [_Entry(*entry) for entry in _ENTRY.iter_unpack(packed[len(_VERSION) :])]
