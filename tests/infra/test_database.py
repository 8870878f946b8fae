"""The database as its operator creates it: the embedded one's settings, and its logins.

The operator is imitated: its steps are run on a real server.
"""

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.postgres.schema import migrate as migrating
from runtime.postgres.schema.migrate import ensure_schema, migrate
from tests.infra.overlays import NAMES, of_kind, one, rendered
from tests.infra.places import INFRA, ROOT

ROLES = Path(migrating.__file__).with_name("roles.sql").read_text(encoding="utf-8")
CONFIGURATIONS = [
    ROOT / "runtime" / "local" / "embedded" / "postgres.conf",
    *sorted((INFRA / "postgres").glob("*.conf")),
]
_PASSWORD = "secret"


def cluster_of(overlay: str) -> Any:
    return one(rendered(overlay), "Cluster", "postgres")["spec"]


@pytest.mark.parametrize("overlay", NAMES)
def test_the_database_is_set_as_everywhere(overlay: str) -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in CONFIGURATIONS)
    elsewhere = dict(re.findall(r"^(\w+) = '?([^'\n]*)'?$", text, re.MULTILINE))
    parameters = dict(cluster_of(overlay)["postgresql"]["parameters"])

    del parameters["shared_buffers"]  # a share of the memory, as below

    assert parameters == {name: elsewhere[name] for name in parameters}


@pytest.mark.parametrize("overlay", NAMES)
def test_a_quarter_of_the_memory_is_for_pages(overlay: str) -> None:
    cluster = cluster_of(overlay)

    megabytes = {
        "512MB": 512, "1GB": 1024, "4GB": 4096, "2Gi": 2048, "4Gi": 4096, "16Gi": 16_384,
    }  # fmt: skip
    memory = megabytes[cluster["resources"]["limits"]["memory"]]

    assert megabytes[cluster["postgresql"]["parameters"]["shared_buffers"]] * 4 == memory


@pytest.mark.parametrize("overlay", NAMES)
def test_the_alert_on_the_disk_knows_how_large_it_is(overlay: str) -> None:
    [settings] = [it["data"] for it in of_kind(rendered(overlay), "ConfigMap")]
    size = cluster_of(overlay)["storage"]["size"]

    assert settings["DATABASE_DISK_BYTES"] == f"{size.removesuffix('Gi')}gb"


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="eps-postgres-") as folder:
        async with EmbeddedPostgres(folder) as server:
            await bootstrap(server, cluster_of("production"))
            yield server


async def bootstrap(server: EmbeddedPostgres, cluster: Any) -> None:
    """Take the operator's steps: the owner, its database, the statements, the logins."""
    initdb = cluster["bootstrap"]["initdb"]
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(
            f"CREATE ROLE {initdb['owner']} LOGIN PASSWORD '{_PASSWORD}';"
            f"ALTER DATABASE {initdb['database']} OWNER TO {initdb['owner']}"
        )
        await connection.execute(ROLES)
        for role in cluster["managed"]["roles"]:
            groups = ", ".join(role["inRoles"])
            await connection.execute(
                f"CREATE ROLE {role['name']} LOGIN PASSWORD '{_PASSWORD}' IN ROLE {groups}"
            )
    finally:
        await connection.close()


async def test_the_owner_migrates_and_every_login_has_its_rights(server: EmbeddedPostgres) -> None:
    owner = cluster_of("production")["bootstrap"]["initdb"]["owner"]

    assert await migrate(server.url_for(owner, _PASSWORD))

    for login in ("collects", "reports", "operates"):
        await ensure_schema(server.url_for(login, _PASSWORD), 1.0)
    assert await rights(server, "collects") == {"SELECT", "INSERT"}
    assert await rights(server, "reports") == {"SELECT"}
    assert await rights(server, "operates") == {"SELECT", "INSERT"}


async def rights(server: EmbeddedPostgres, login: str) -> set[str]:
    connection = await asyncpg.connect(server.url_for(login, _PASSWORD))
    try:
        return {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
            if await connection.fetchval(f"SELECT has_table_privilege('events', '{right}')")
        }
    finally:
        await connection.close()
