"""Bring the schema up to date: numbered SQL files, each applied once."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import asyncpg

from functions.errors import Unavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x45505301
"""Key of the advisory lock that lets one of many starters migrate: "EPS" and 1."""


class SchemaMismatch(Unavailable):
    """The database's schema can't be brought up to date."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema.

    Attributes:
        version: Its number, from 1, without gaps.
        name: The file's name without its ending.
        sql: What it runs, in one transaction.
    """

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What it says, in 64 hexadecimal digits."""
        return sha256(self.sql.encode()).hexdigest()

    def check(self, applied_digest: str) -> None:
        """Make sure that a database had this one, and not another of its version.

        Raises:
            SchemaMismatch: It had another.
        """
        if applied_digest != self.digest:
            raise SchemaMismatch(
                f"the database was made by another version of the migration {self.name}: "
                "start with a new one, or run the version that made it"
            )


def migrations() -> Iterator[Migration]:
    """List all migrations, lowest version first."""
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        yield Migration(int(file.stem.split("_")[0]), file.stem, file.read_text(encoding="utf-8"))


async def migrate(database_url: str) -> list[str]:
    """Apply the migrations that the database lacks, each in a transaction of its own.

    Safe to run from several processes at once: one works, the others wait and
    find nothing left to do.

    Returns:
        The names of those applied now, in order.
    """
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        return await _apply_missing(connection)
    finally:
        await connection.close()  # the lock goes with the session


async def _apply_missing(connection: asyncpg.Connection) -> list[str]:
    await connection.execute(
        """CREATE TABLE IF NOT EXISTS schema_migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS digest text NOT NULL DEFAULT ''"""
    )
    rows = await connection.fetch("SELECT version, digest FROM schema_migrations")
    known = {row["version"]: row["digest"] for row in rows}
    applied = []
    for migration in migrations():
        if migration.version in known:
            migration.check(known[migration.version])
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
