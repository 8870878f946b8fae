"""Show the state of a request to erase a user: its code in, when it came and was done out."""

from datetime import UTC, datetime
from typing import Final, Protocol

from pydantic import Field

from functions.json_model import JsonModel

_LONGEST: Final = 200
"""As in a canonical record."""


class ErasureState(JsonModel):
    """The state of a request to erase a user's data."""

    confirmation_code: str = Field(description="By which the request is known.")
    requested_at: datetime = Field(description="When it was made, UTC.")
    done_at: datetime | None = Field(description="When the data were erased, UTC; null until then.")

    @classmethod
    def example(cls) -> "ErasureState":
        """Make one, for the documents."""
        return cls(
            confirmation_code="5d0bf3c1a77e4b52a9c05d0bf3c1a77e",
            requested_at=datetime(2026, 11, 18, 14, tzinfo=UTC),
            done_at=None,
        )


class Erasures(Protocol):
    """Knows the requests to erase users."""

    async def find(self, confirmation_code: str) -> ErasureState | None:
        """Find a request by its code; None if there is none.

        Raises:
            Unavailable: There is no answer now.
        """


async def handle_erasure_state(
    confirmation_code: str, *, erasures: Erasures
) -> ErasureState | None:
    """Find a request by its code, which is its only key: None if there is none.

    Raises:
        Unavailable: There is no answer now.
    """
    if len(confirmation_code) > _LONGEST or "\0" in confirmation_code:
        return None
    return await erasures.find(confirmation_code)
