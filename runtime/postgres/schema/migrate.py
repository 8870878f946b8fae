"""Bring the schema up to date: numbered SQL files, each applied once, then grants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import asyncpg

from functions.errors import Unavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_ROLES = Path(__file__).with_name("roles.sql").read_text(encoding="utf-8")
_GRANTS = Path(__file__).with_name("grants.sql").read_text(encoding="utf-8")
_POLL_SECONDS = 0.5
_MAY_MIGRATE = """SELECT has_schema_privilege(current_schema(), 'CREATE')
    AND NOT pg_is_in_recovery()"""
"""A replica gets its schema from its primary."""

_LOCK = 0x45505301
"""Key of the advisory lock that lets one of many starting processes migrate: "EPS" and 1."""


class SchemaMismatch(Unavailable):
    """The database's schema can't be brought up to date."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema.

    Attributes:
        version: Its number, from 1, without gaps.
        name: The file's name without its extension.
        sql: The statements, run in one transaction.
    """

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """The SHA-256 of its SQL, in 64 hexadecimal digits."""
        return sha256(self.sql.encode()).hexdigest()

    def check(self, applied_digest: str) -> None:
        """Check that a database had this migration, and not another of the same version.

        Raises:
            SchemaMismatch: It had another.
        """
        if applied_digest != self.digest:
            raise SchemaMismatch(
                f"the database was created by another version of the migration {self.name}: start "
                "with a new database, or run the version that created it"
            )


def migrations() -> Iterator[Migration]:
    """List all migrations, lowest version first."""
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        yield Migration(int(file.stem.split("_")[0]), file.stem, file.read_text(encoding="utf-8"))


async def migrate(database_url: str) -> list[str]:
    """Apply the migrations that the database lacks, each in its own transaction.

    Then grants are applied. A login that may not create roles only grants to
    those that exist.

    Safe to run from several processes at once: one works, the others wait and
    find nothing left to do.

    Returns:
        The names of those applied now, in order.
    """
    async with _locked(database_url) as connection:
        applied = await _apply_missing(connection)
        await _grant(connection)
        return applied


async def rearrange(
    database_url: str, move: Callable[[asyncpg.Connection], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    """Move the tables of an up-to-date schema, then grant again: moved tables are new ones.

    Returns:
        The tables that were moved now, in order.
    """
    async with _locked(database_url) as connection:
        moved = await move(connection)
        await _grant(connection)
        return moved


@asynccontextmanager
async def _locked(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect, and keep others from changing the schema meanwhile."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield connection
    finally:
        await connection.close()  # the lock is released with the session


async def ensure_schema(database_url: str, timeout_seconds: float) -> None:
    """Make sure that the schema is up to date; a replica, or a login without the right, waits.

    Raises:
        Unavailable: It was not, within the time.
    """
    give_up = asyncio.get_running_loop().time() + timeout_seconds
    while not await _is_current(database_url):
        if asyncio.get_running_loop().time() > give_up:
            raise SchemaMismatch(
                "the schema is out of date and this role may not change it; "
                "run `eps migrate` as its owner"
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _is_current(database_url: str) -> bool:
    connection = await asyncpg.connect(database_url)
    try:
        known = await _known(connection)
        if known.keys() >= {migration.version for migration in _checked(known)}:
            return True
        if not await connection.fetchval(_MAY_MIGRATE):
            return False
    finally:
        await connection.close()
    await migrate(database_url)
    return True


async def _known(connection: asyncpg.Connection) -> dict[int, str]:
    """Read the digests of the database's migrations, by version."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT version, digest FROM schema_migrations")
    return {row["version"]: row["digest"] for row in rows}


def _checked(known: Mapping[int, str]) -> list[Migration]:
    """List all migrations.

    Raises:
        SchemaMismatch: The database had another version of one.
    """
    found = list(migrations())
    for migration in found:
        if migration.version in known:
            migration.check(known[migration.version])
    return found


async def _grant(connection: asyncpg.Connection) -> None:
    if await connection.fetchval(
        "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    ):
        await connection.execute(_ROLES)
    if await connection.fetchval("SELECT to_regrole('eps_collector') IS NOT NULL"):
        async with connection.transaction():
            await connection.execute(_GRANTS)


async def _apply_missing(connection: asyncpg.Connection) -> list[str]:
    await connection.execute(
        """CREATE TABLE IF NOT EXISTS schema_migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS digest text NOT NULL DEFAULT ''"""
    )
    known = await _known(connection)
    applied = []
    for migration in _checked(known):
        if migration.version in known:
            continue
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, digest) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.digest,
            )
        applied.append(migration.name)
    return applied
