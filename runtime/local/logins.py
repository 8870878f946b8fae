"""Who logs in to the embedded database: a role for each group, with its rights only."""

import secrets
from collections.abc import Mapping
from types import MappingProxyType

import asyncpg

GROUPS = ("eps_collector", "eps_reporter", "eps_operator")

_MAKE = """
    DO $$ BEGIN
        IF to_regrole('{name}') IS NULL THEN CREATE ROLE {name} IN ROLE {group}; END IF;
    END $$;
    ALTER ROLE {name} LOGIN PASSWORD '{password}'
"""


class Logins:
    """Roles that log in, with passwords of this run: they are kept nowhere.

    Attributes:
        passwords: By the group whose rights a role has.
    """

    def __init__(self) -> None:
        self.passwords: Mapping[str, str] = MappingProxyType(
            {group: secrets.token_urlsafe(24) for group in GROUPS}
        )

    async def make(self, database_url: str) -> None:
        """Make the roles, or give them this run's passwords.

        Args:
            database_url: A superuser's.
        """
        connection = await asyncpg.connect(database_url)
        try:
            for group, password in self.passwords.items():
                name = login_of(group)
                await connection.execute(_MAKE.format(name=name, group=group, password=password))
        finally:
            await connection.close()


def login_of(group: str) -> str:
    """Name the role that logs in with a group's rights."""
    return f"{group}_login"
