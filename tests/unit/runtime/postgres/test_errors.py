"""Errors of a cluster's workers, which arrive as text."""

import asyncpg
import pytest

from functions.errors import Refused, Unavailable
from runtime.postgres.errors import translated

KNOWN = 'duplicate key value violates unique constraint "events_pkey_102017"'
# As Citus 14.0.1 forwarded them while rows were copied.
FORWARDED = {
    KNOWN: asyncpg.UniqueViolationError,
    "deadlock detected": asyncpg.DeadlockDetectedError,
    'null value in column "payload" of relation "events_102008" violates not-null constraint': (
        asyncpg.NotNullViolationError
    ),
}


@pytest.mark.parametrize("message", FORWARDED)
def test_a_worker_s_error_is_what_its_text_says(message: str) -> None:
    with pytest.raises(FORWARDED[message]), translated(but=(asyncpg.PostgresError,)):
        raise asyncpg.InternalServerError(message)


def test_the_row_in_its_detail_goes_no_further() -> None:
    error = asyncpg.InternalServerError(KNOWN)
    error.detail = "Key (id)=(secret) already exists."

    with pytest.raises(asyncpg.PostgresError) as raised, translated(but=(asyncpg.PostgresError,)):
        raise error

    assert str(raised.value) == KNOWN


def test_data_that_a_worker_never_accepts_is_refused() -> None:
    [*_, (message, _)] = FORWARDED.items()

    with pytest.raises(Refused) as raised, translated():
        raise asyncpg.InternalServerError(message)

    assert raised.value.code == "23502"


def test_an_internal_error_of_a_server_may_pass() -> None:
    with pytest.raises(Unavailable), translated():
        raise asyncpg.InternalServerError("cache lookup failed for type 1")
