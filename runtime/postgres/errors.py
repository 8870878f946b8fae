"""Translate errors of the database for the functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from functions.errors import Refused, Unavailable
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason

_DATA_CLASSES = ("22", "23", "54")
"""SQLSTATE classes caused by the data: bad value, broken constraint, too large. The
others are caused by the state of the database or by us, and pass or get fixed."""

_CANNOT_BE_SENT = "22000"
"""SQLSTATE "data exception"."""

_FORWARDED: Final = (
    ("duplicate key value violates unique constraint ", asyncpg.UniqueViolationError),
    ("deadlock detected", asyncpg.DeadlockDetectedError),
    ("null value in column ", asyncpg.NotNullViolationError),
    ("new row for relation ", asyncpg.CheckViolationError),
)
"""How messages of workers begin, and the errors that they mean. In English, the language
of ``lc_messages`` in infra/postgres/citus.conf."""


@contextmanager
def _recognized() -> Iterator[None]:
    """Give errors of a worker of Citus the class that PostgreSQL would have given them.

    While rows are copied, the coordinator forwards a worker's message as an internal
    error, without its SQLSTATE (seen with Citus 14.0.1).
    """
    try:
        yield
    except asyncpg.InternalServerError as error:
        for beginning, meant in _FORWARDED:
            if str(error.args[0]).startswith(beginning):
                raise meant(error.args[0]) from error  # without the row in its detail
        raise


@contextmanager
def translated(*, but: tuple[type[asyncpg.PostgresError], ...] = ()) -> Iterator[None]:
    """Translate the driver's errors into the ports' errors.

    Args:
        but: Errors that the caller settles itself.

    Raises:
        Refused: The database will never accept this data.
        Unavailable: The database can't do it now.
    """
    try:
        with _recognized():
            yield
    except but:
        raise
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate or "")
        if state.startswith(_DATA_CLASSES):
            # Without the error's detail, which may contain the whole row.
            raise Refused(str(error.args[0]), code=state) from error
        raise Unavailable(Reason.DATABASE_FAILS.of(f"{state} {error}")) from error
    except (OverflowError, UnicodeEncodeError) as error:  # a copy raises these before it sends
        raise Refused(str(error), code=_CANNOT_BE_SENT) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise Unavailable(Reason.DATABASE_AWAY.of(in_words(error))) from error
