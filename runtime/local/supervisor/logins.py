"""Passwords of one run for the login roles of the embedded database."""

import secrets
from collections.abc import Mapping
from types import MappingProxyType

from runtime.postgres.schema.logins import make_logins

GROUPS = ("eps_collector", "eps_reporter", "eps_operator")


class Logins:
    """Login roles with passwords for this run, which are stored nowhere.

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
        await make_logins(database_url, self.passwords)
