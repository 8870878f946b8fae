"""Keep dead letters: what can never be a row in, a stored letter out, each once."""

from collections.abc import Sequence

from functions.ports import DeadLetter, DeadLetterStore, Stored


async def handle(letters: Sequence[DeadLetter], *, store: DeadLetterStore) -> Stored:
    """Store a batch of dead letters.

    Safe to repeat: the store skips what it has.

    Args:
        letters: In delivery order; may repeat one; may be empty.
        store: Where letters are kept.

    Raises:
        Unavailable: Nothing was stored; the same batch may be sent again.
    """
    return await store.keep(letters)
