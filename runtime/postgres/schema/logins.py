"""Logins of the database: one role for each group, with that group's rights only."""

from collections.abc import Mapping

import asyncpg

_MAKE = """
    DO $$ BEGIN
        IF to_regrole('{name}') IS NULL THEN CREATE ROLE {name} IN ROLE {group}; END IF;
    END $$
"""
_QUOTE = "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)"


async def make_logins(database_url: str, passwords: Mapping[str, str]) -> None:
    """Make login roles, or give existing ones new passwords.

    Args:
        database_url: With a login that may create roles.
        passwords: By the group whose rights a role gets; the groups exist.
    """
    if not passwords:
        return
    connection = await asyncpg.connect(database_url)
    try:
        for group, password in passwords.items():
            name = login_of(group)
            await connection.execute(_MAKE.format(name=name, group=group))
            await connection.execute(await connection.fetchval(_QUOTE, name, password))
    finally:
        await connection.close()


def login_of(group: str) -> str:
    """Return the name of the role that logs in with a group's rights."""
    return f"{group}_login"
