"""What an error of the database means to a function."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from functions.errors import Refused, Unavailable
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason

_DATA_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that the data causes: bad value, broken constraint, too
large. Any other is the database's state or ours, and passes or is mended."""

_CANNOT_BE_SENT = "22000"
"""SQLSTATE of data that are wrong, in the standard's own words."""


@contextmanager
def translated(*, but: tuple[type[asyncpg.PostgresError], ...] = ()) -> Iterator[None]:
    """Turn the driver's errors into the ports' own.

    Args:
        but: Errors that the caller settles itself.

    Raises:
        Refused: The database will never take this data.
        Unavailable: The database can't do it now.
    """
    try:
        yield
    except but:
        raise
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate or "")
        if state.startswith(_DATA_CLASSES):
            # Without its detail, which may hold the whole row.
            raise Refused(str(error.args[0]), code=state) from error
        raise Unavailable(Reason.DATABASE_FAILS.of(f"{state} {error}")) from error
    except (OverflowError, UnicodeEncodeError) as error:  # a copy says so before it sends
        raise Refused(str(error), code=_CANNOT_BE_SENT) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise Unavailable(Reason.DATABASE_AWAY.of(in_words(error))) from error
