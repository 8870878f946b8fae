"""Keep dead letters: what can never be a row in, a stored letter out, each once."""

from collections.abc import Sequence

from functions.messages import EnvelopeOutcome, Stored
from functions.ports import DeadLetterStore


async def handle(outcomes: Sequence[EnvelopeOutcome], *, store: DeadLetterStore) -> Stored:
    """Store a batch of dead letters.

    Safe to repeat: the store skips what it has.

    Args:
        outcomes: The letters of a message each, in delivery order; may repeat one; may be empty.
        store: Where letters are kept.

    Raises:
        Unavailable: Nothing was stored; the same batch may be sent again.
    """
    return await store.keep(outcomes)
