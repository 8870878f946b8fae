"""Example events of each source and stage, and the receipt of a request with an invalid one."""

from typing import Any, Final

import msgspec

from functions.errors import Fault
from functions.events.judging import InvalidEvent, judge
from functions.events.sources import FORMS
from functions.gateway.handler import Receipt, Rejection
from runtime.http.documentation.responses import CORRELATION_ID, example_of
from runtime.http.responses import answer_receipt

EVENTS: Final[dict[str, dict[str, Any]]] = {
    f"{source}{stage.capitalize()}": example
    for source, form in FORMS.items()
    for stage, example in form.examples.items()
}

BROKEN: Final[dict[str, Any]] = {**EVENTS["tiktokTop"], "eventType": "purchase"}


def receipt_example(*, accepted: int, dry_run: bool = False) -> Any:
    """Return the answer to so many valid events followed by an invalid one."""
    receipt = Receipt(errors=[Rejection(accepted, BROKEN["eventId"], _fault_of_broken())])
    receipt.accepted["facebook"] = accepted
    receipt.rejected["tiktok"] = 1
    return example_of(answer_receipt(receipt, CORRELATION_ID, dry_run=dry_run))


def _fault_of_broken() -> Fault:
    try:
        judge(msgspec.json.encode(BROKEN))
    except InvalidEvent as invalid:
        return invalid.fault
    raise AssertionError("the broken event is valid")
