"""Store dead letters, each once."""

from collections.abc import Sequence

from functions.messages import EnvelopeOutcome, Stored
from functions.ports import DeadLetterStore


async def handle(outcomes: Sequence[EnvelopeOutcome], *, store: DeadLetterStore) -> Stored:
    """Store a batch of dead letters.

    Safe to repeat: the store skips those it has.

    Args:
        outcomes: The letters of one message each, in delivery order; may repeat one; may be empty.
        store: Where letters are stored.

    Raises:
        Unavailable: Nothing was stored; the same batch may be sent again.
    """
    return await store.keep(outcomes)
