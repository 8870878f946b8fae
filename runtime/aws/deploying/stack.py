"""A stack during its changes, and its outputs."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from runtime.aws.deploying.change_set import ChangeSet
from runtime.aws.deploying.errors import DeploymentFailed

_POLL_SECONDS: Final = 2.0
_DONE: Final = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_REASONS: Final = 10


def execute(client: Any, stack: str, proposed: ChangeSet, tell: Callable[[str], None]) -> None:
    """Make the changes, and wait until all are made or rolled back.

    Raises:
        DeploymentFailed: They were rolled back; names what failed, and why.
    """
    seen = {event["EventId"] for event in _events(client, stack)}
    client.execute_change_set(ChangeSetName=proposed.id, StackName=stack)
    failures: list[str] = []
    while True:
        status = _stack(client, stack)["StackStatus"]
        for event in reversed(list(_new_events(client, stack, seen))):
            tell(f"{event['ResourceStatus']} {event['LogicalResourceId']}")
            if event["ResourceStatus"].endswith("_FAILED") and _is_cause(event, stack):
                failures.append(_line(event))
        if not status.endswith(("_IN_PROGRESS", "_PROGRESS")):
            break
        time.sleep(_POLL_SECONDS)
    if status not in _DONE:
        raise DeploymentFailed("\n".join([f"{stack} is {status}", *failures[:_REASONS]]))


def outputs(client: Any, stack: str) -> dict[str, str]:
    """Return the stack's outputs: the addresses."""
    found = _stack(client, stack).get("Outputs", [])
    return {it["OutputKey"]: it["OutputValue"] for it in found}


def _stack(client: Any, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = client.describe_stacks(StackName=stack)["Stacks"][0]
    return found


def _new_events(client: Any, stack: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Return the events not seen before, newest first, and remember them."""
    for event in _events(client, stack):
        if event["EventId"] in seen:
            return
        seen.add(event["EventId"])
        yield event


def _events(client: Any, stack: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        yield from page["StackEvents"]


def _is_cause(event: dict[str, Any], stack: str) -> bool:
    """Return whether a failure states a cause; the stack's own failure only follows the others."""
    return event["LogicalResourceId"] != stack or "ResourceStatusReason" in event


def _line(event: dict[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "no reason given")
    return f"  {event['LogicalResourceId']} {event['ResourceStatus']}: {reason}"
