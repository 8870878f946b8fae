"""Look at dead letters and at events: query parameters in, answers out."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Final, Literal, get_args
from uuid import UUID

from functions.events import Source
from functions.masses import beginning, unpacked
from functions.operator import answers
from functions.operator.ports import DeadLetters, KeptLetter, LetterHead, Trails
from functions.operator.questions import (
    parse_discard_question,
    parse_page_question,
    parse_reopen_question,
    parse_summary_question,
    write_cursor,
)
from functions.parameters import Params

SHOWN_BYTES: Final = 64 * 1024
"""How much of a mass is shown, uncompressed; an export has all of it."""


async def handle_list(params: Params, *, letters: DeadLetters) -> answers.DeadLetterPage:
    """List dead letters, open ones unless asked otherwise.

    Args:
        params: Decoded names and values of the query, in order, with repeats.
        letters: The dead letters.

    Returns:
        A page; write it with ``answers.to_json``.

    Raises:
        Invalid: With every fault of the parameters.
        Unavailable: There is no answer now; the same request may be sent again.
    """
    question = parse_page_question(params)
    heads = await letters.page(question.wanted, before=question.cursor, limit=question.limit)
    return answers.DeadLetterPage(
        letters=tuple(map(head_of, heads)),
        next_cursor=write_cursor(heads[-1].place) if len(heads) == question.limit else None,
    )


async def handle_summary(params: Params, *, letters: DeadLetters) -> answers.DeadLetterSummary:
    """Count dead letters by day, reason and field; arguments and errors as ``handle_list``."""
    counts = await letters.count(parse_summary_question(params))
    return answers.DeadLetterSummary(
        total_letters=sum(count.letters for count in counts),
        counts=tuple(answers.DeadLetterCount(**count._asdict()) for count in counts),
    )


async def handle_show(letter_id: UUID, *, letters: DeadLetters) -> answers.DeadLetter | None:
    """Show a dead letter with its bytes and history; None if there is no such letter."""
    letter = await letters.find(letter_id)
    return None if letter is None else show(letter)


async def handle_discard(
    params: Params, *, letters: DeadLetters, correlation_id: str
) -> answers.Discarded:
    """Discard open dead letters; arguments and errors as ``handle_list``.

    At least one filter is required. The letters are kept and marked.
    """
    question = parse_discard_question(params)
    discarded = await letters.discard(
        question.wanted, correlation_id=correlation_id, dry_run=question.dry_run
    )
    return answers.Discarded(dry_run=question.dry_run, discarded=discarded)


async def handle_reopen(
    params: Params, *, letters: DeadLetters, correlation_id: str
) -> answers.Reopened:
    """Reopen discarded dead letters; arguments and errors as ``handle_discard``.

    They can be replayed again, as if they had never been discarded.
    """
    question = parse_reopen_question(params)
    reopened = await letters.reopen(
        question.wanted, correlation_id=correlation_id, dry_run=question.dry_run
    )
    return answers.Reopened(dry_run=question.dry_run, reopened=reopened)


async def handle_trail(source: str, event_id: str, *, trails: Trails) -> answers.EventTrail | None:
    """Return the history of an event; None if there is no trace of it."""
    known: Source | None = next((each for each in get_args(Source) if each == source), None)
    if known is None or "\0" in event_id:  # PostgreSQL stores no NUL, so no id has one
        return None
    event = await trails.find_event(known, event_id)
    letters = await trails.find_letters(known, event_id)
    if event is None and not letters:
        return None
    return answers.EventTrail(
        source=known,
        event_id=event_id,
        event=event and answers.TrailEvent.model_validate(event, from_attributes=True),
        dead_letters=tuple(map(head_of, letters)),
    )


def head_of(head: LetterHead) -> answers.DeadLetterHead:
    """Make the answer for a letter without its bytes."""
    return answers.DeadLetterHead.model_validate(head, from_attributes=True)


def show(letter: KeptLetter) -> answers.DeadLetter:
    """Make the answer for a whole letter; of a mass, the beginning of its elements."""
    if letter.head.elements == 1:
        return _shown(letter, letter.payload)
    shown = beginning(letter.payload, SHOWN_BYTES)
    return _shown(letter, shown, truncated=len(shown) == SHOWN_BYTES)


def show_elements(letter: KeptLetter) -> Iterator[answers.DeadLetter]:
    """Make an answer for each element of a letter, with that element's original bytes."""
    if letter.head.elements == 1:
        yield _shown(letter, letter.payload)
        return
    for element in unpacked(letter.payload):
        yield _shown(letter, element)


def _shown(letter: KeptLetter, payload: bytes, *, truncated: bool = False) -> answers.DeadLetter:
    encoding, text = _as_text(payload)
    return answers.DeadLetter(
        **head_of(letter.head).model_dump(by_alias=False),
        event_id=letter.event_id,
        payload_encoding=encoding,
        payload=text,
        payload_truncated=truncated,
        history=tuple(
            answers.DeadLetterHappening.model_validate(happening, from_attributes=True)
            for happening in letter.history
        ),
    )


def _as_text(payload: bytes) -> tuple[Literal["utf-8", "base64"], str]:
    try:
        return "utf-8", payload.decode()
    except UnicodeDecodeError:
        return "base64", b64encode(payload).decode()
