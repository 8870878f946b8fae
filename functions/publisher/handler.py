"""Make the body of one request: its number in, its bytes and their counts out."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from functions.events import REVENUE_TYPES
from functions.events.judging import InvalidEvent, judge
from functions.publisher.breakage import break_event
from functions.publisher.draw import Generated
from functions.publisher.generate import generate, moments
from functions.publisher.recent import Recent
from functions.publisher.tally import Counted, Kind, Manifest, Tally

_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class PublishingPlan:
    """The kind of bodies to make.

    Attributes:
        min_events: Fewest events in an array.
        max_events: Most events in an array.
        corrupt_probability: That the last event of a request is a broken one.
        duplicate_probability: That an event repeats an earlier one.
        single: One event object a request, no array.
    """

    min_events: int = 1000
    max_events: int = 50_000
    corrupt_probability: float = 0.1
    duplicate_probability: float = 0.0
    single: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: A number is out of its range; names which.
        """
        if not 0 <= self.min_events <= self.max_events:
            raise ValueError("min must be 0 or more, and max at least min")
        if not 0 <= self.corrupt_probability <= 1:
            raise ValueError("corrupt must be a probability, from 0 to 1")
        if not 0 <= self.duplicate_probability <= 1:
            raise ValueError("duplicates must be a probability, from 0 to 1")


@dataclass(frozen=True, slots=True)
class Body:
    """The body of one request, JSON in UTF-8, and its contents."""

    content: bytes
    manifest: Manifest


@dataclass(slots=True)
class _Draft:
    oldest_shared: int
    texts: list[str] = field(default_factory=list)
    own: Tally = field(default_factory=Tally)
    shared: dict[int, Counted] = field(default_factory=dict)
    invalid: int = 0
    duplicates: int = 0

    def finish(self, *, single: bool) -> Body:
        joined = ",".join(self.texts)
        return Body(
            content=(joined if single else f"[{joined}]").encode(),
            manifest=Manifest(
                events=len(self.texts),
                invalid=self.invalid,
                duplicates=self.duplicates,
                own=self.own,
                shared=self.shared,
                oldest_shared=self.oldest_shared,
            ),
        )


def handle(
    number: int, *, seed: int, started_ms: int, plan: PublishingPlan, recent: Recent
) -> Body:
    """Make the body of request ``number``.

    The same requests made in the same order with the same arguments are identical,
    byte for byte.

    Args:
        number: Which request of the run, from 0.
        seed: Of the whole run.
        started_ms: Start of the second that the events are from, Unix milliseconds.
        plan: The kind of body.
        recent: Events of earlier requests; this one's are added.
    """
    dice = Random(f"{seed}/{number}")  # noqa: S311 - test data, not secrets
    count = 1 if plan.single else dice.randint(plan.min_events, plan.max_events)
    corrupt = count > 0 and dice.random() < plan.corrupt_probability
    draft = _Draft(oldest_shared=recent.oldest)
    when = list(moments(started_ms, count))
    _add_valid(draft, when[: count - corrupt], dice, plan.duplicate_probability, recent)
    if corrupt:
        _add_broken(draft, when[-1], dice)
    return draft.finish(single=plan.single)


def _add_valid(
    draft: _Draft, when: list[str], dice: Random, duplicate_probability: float, recent: Recent
) -> None:
    if not duplicate_probability:
        _add_unrepeated(draft, when, dice)
        return
    for moment in when:
        if len(recent) and dice.random() < duplicate_probability:
            _add_repeat(draft, dice, recent)
        else:
            _add_repeatable(draft, generate(dice, moment), dice, recent)


def _add_unrepeated(draft: _Draft, when: list[str], dice: Random) -> None:
    """Add events that repeat none; most events come this way, so they are counted in bulk."""
    events = [generate(dice, moment) for moment in when]
    draft.texts.extend([event.text for event in events])
    draft.own.add_all([event.counted for event in events])


def _add_repeat(draft: _Draft, dice: Random, recent: Recent) -> None:
    number, event = recent.draw(dice)
    draft.texts.append(event.text)
    draft.shared[number] = event.counted
    draft.duplicates += 1


def _add_repeatable(draft: _Draft, event: Generated, dice: Random, recent: Recent) -> None:
    draft.texts.append(event.text)
    number = recent.offer(event, dice)
    if number is None:
        draft.own.add(event.counted)
    else:
        draft.shared[number] = event.counted


def _add_broken(draft: _Draft, moment: str, dice: Random) -> None:
    text = break_event(generate(dice, moment), dice)
    draft.texts.append(text)
    counted = _judge(text)
    if counted is None:
        draft.invalid += 1
    else:
        draft.own.add(counted)


def _judge(text: str) -> Counted | None:
    """Ask the contract, because not every breakage breaks something."""
    try:
        event = judge(text.encode())
    except InvalidEvent:
        return None
    kind = Kind(event.source, event.funnel_stage, event.event_type)
    if kind.event_type != REVENUE_TYPES[kind.source]:
        return Counted(kind, 0)
    amount = getattr(event.data.engagement, "purchase_amount", None) or 0
    return Counted(kind, int(Decimal(amount) * _CENTS))
