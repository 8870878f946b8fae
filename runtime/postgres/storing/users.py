"""Match events with known users, and find new, changed and returning users."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from functions.events.rows import EventRow


class User(NamedTuple):
    """A user as stored; the columns of table ``users``, in the order of its statements.

    Attributes:
        key: Derived from source and user id.
        source: ``facebook`` or ``tiktok``.
        first_at: The time of the earliest event.
        newest_at: The time of the newest event, which gives all fields below.
        newest_id: Its key; of two at the same time, the greater one is newer.
    """

    key: bytes
    source: str
    first_at: datetime
    newest_at: datetime
    newest_id: bytes
    age: int | None
    gender: str | None
    followers: int | None
    country: str | None
    city: str | None


@dataclass(frozen=True, slots=True)
class UserChanges:
    """The changes of users by a batch of events.

    Attributes:
        new: Users not known before, in no order.
        changed: Known users, before and after, if the two differ.
        return_visits: Time and user key of each event that is not, or no longer, its user's first.
        returned: Their users, each once, as they are now; all users that changed are among them.
        gone: Users all of whose events were taken back; none of them had attributes.
    """

    new: list[User]
    changed: list[tuple[User, User]]
    return_visits: list[tuple[datetime, bytes]]
    returned: list[User]
    gone: Sequence[User] = ()


def match_users(rows: Iterable[EventRow], known: Mapping[bytes, User]) -> UserChanges:
    """Update known users with events that were not stored before.

    Args:
        rows: The events, in any order.
        known: Those of their users that are stored already, by key.
    """
    users = dict(known)
    returns = []
    for row in rows:
        if row.user_key is None:
            continue
        arrived, seen = _user(row, row.user_key), users.get(row.user_key)
        if seen is None:
            users[row.user_key] = arrived
        else:
            returns.append((max(seen.first_at, row.occurred_at), row.user_key))
            users[row.user_key] = _merged(seen, arrived)
    changed = [(before, users[key]) for key, before in known.items() if users[key] != before]
    new = [user for key, user in users.items() if key not in known]
    return UserChanges(new, changed, returns, [users[key] for key in {key for _, key in returns}])


def _user(row: EventRow, key: bytes) -> User:
    at = row.occurred_at
    return User(
        key, row.source, at, at, row.id,
        row.age, row.gender, row.followers, row.country, row.city,
    )  # fmt: skip


def _merged(one: User, other: User) -> User:
    newer = max(one, other, key=lambda user: (user.newest_at, user.newest_id))
    return newer._replace(first_at=min(one.first_at, other.first_at))
