"""Clusters to distribute tables on: a stand-in on one server, and a real one where there is one."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from runtime.local.embedded.postgres_server import EmbeddedPostgres

REAL_URL: Final = os.environ.get("CITUS_DATABASE_URL", "")
"""The coordinator's database, empty, as a superuser; its workers are added."""

_HERE: Final = Path(__file__).parent


@asynccontextmanager
async def stand_in(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """Hold an empty database in which CREATE EXTENSION citus makes the stand-in; yields its URL."""
    administrator = await asyncpg.connect(server.url_of("postgres"))
    # Not pytest's own folder, which it closes to the database's user.
    with tempfile.TemporaryDirectory(prefix="eps-citus-") as folder:
        _install(Path(folder))
        await administrator.execute("DROP DATABASE IF EXISTS cluster WITH (FORCE)")
        await administrator.execute("CREATE DATABASE cluster")
        for setting in (
            f"extension_control_path = '{folder}:$system'",
            "search_path = public, citus",
        ):
            await administrator.execute(f"ALTER DATABASE cluster SET {setting}")
        try:
            yield server.url_of("cluster")
        finally:
            await administrator.execute("DROP DATABASE cluster WITH (FORCE)")
            await administrator.close()


def _install(folder: Path) -> None:
    """Put the stand-in where the database's user can read it."""
    extensions = folder / "extension"
    extensions.mkdir()
    for file in ("citus.control", "citus--0.sql"):
        shutil.copy(_HERE / file, extensions)
    folder.chmod(0o755)


@asynccontextmanager
async def real() -> AsyncIterator[str]:
    """Hold the database of ``REAL_URL``, and leave it as empty as it was; yields its URL."""
    connection = await asyncpg.connect(REAL_URL)
    try:
        used = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"
        assert not await connection.fetchval(used), "the database of CITUS_DATABASE_URL is in use"
        yield REAL_URL
    finally:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await connection.close()
