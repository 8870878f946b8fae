"""Preview the changes of a stack."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from runtime.aws.deploying.errors import DeploymentFailed

_POLL_SECONDS: Final = 2.0
_NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
_UNBORN: Final = "REVIEW_IN_PROGRESS"
"""A stack that only ever had a preview."""

_STILLBORN: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
"""A stack whose creation failed."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one resource.

    Attributes:
        action: ``Add``, ``Modify``, ``Remove``.
        replaced: Whether it would be replaced: ``True``, ``False``, ``Conditional``, or nothing.
    """

    action: str
    resource: str
    kind: str
    replaced: str

    def __str__(self) -> str:
        """Write it as a line."""
        replaced = {"True": ", replaced", "Conditional": ", may be replaced"}
        return f"{self.action:<7} {self.resource} ({self.kind}{replaced.get(self.replaced, '')})"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that CloudFormation is ready to make.

    Attributes:
        id: Its ARN.
        creates: Whether the stack does not exist yet.
        changes: Of resources; empty if only outputs change.
    """

    id: str
    creates: bool
    changes: list[Change]


def parameters_of(client: Any, stack: str) -> set[str] | None:
    """Return the names of a stack's parameters; None if there is no such stack.

    Raises:
        DeploymentFailed: Its first deployment failed, so it can't be updated.
    """
    found = _find(client, stack)
    if found is None or found["StackStatus"] == _UNBORN:
        return None
    if found["StackStatus"] in _STILLBORN:
        raise DeploymentFailed(
            f"{stack} is {found['StackStatus']}: its first deployment failed, and CloudFormation "
            "can only delete it. Fix the cause, run aws cloudformation delete-stack --stack-name "
            f"{stack}, and deploy again"
        )
    return {it["ParameterKey"] for it in found.get("Parameters", [])}


def _find(client: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # no such stack
            return None
        raise
    return found


def propose(
    client: Any, stack: str, template: str, parameters: Mapping[str, str], kept: set[str] | None
) -> ChangeSet | None:
    """Let CloudFormation compare a template with a stack.

    Args:
        client: Of CloudFormation.
        stack: Its name.
        template: The desired state.
        parameters: New values.
        kept: Parameters that keep their values; None if there is no such stack.

    Returns:
        The changes; None if there are none.

    Raises:
        DeploymentFailed: CloudFormation can't compare them, and says why.
    """
    name, creates = f"eps-{uuid4().hex}", kept is None
    try:
        answer = client.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=template,
            Parameters=_parameters(parameters, kept or set()),
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as error:
        if _is_nothing(str(error)):
            return None
        raise
    found = _described(client, answer["Id"], stack)
    proposed = ChangeSet(answer["Id"], creates, list(_changes(client, found, stack)))
    if found["Status"] != "FAILED":
        return proposed
    discard(client, stack, proposed)
    if _is_nothing(reason := found.get("StatusReason", "")):
        return None
    raise DeploymentFailed(f"{stack} can't be changed like this: {reason}")


def discard(client: Any, stack: str, proposed: ChangeSet) -> None:
    """Delete a change set, and the stack as well if it was made only for the preview."""
    client.delete_change_set(ChangeSetName=proposed.id, StackName=stack)
    found = _find(client, stack) if proposed.creates else None
    if found is not None and found["StackStatus"] == _UNBORN:
        client.delete_stack(StackName=stack)


def _parameters(given: Mapping[str, str], kept: set[str]) -> list[dict[str, Any]]:
    new = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    old = [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept - set(given))]
    return new + old


def _described(client: Any, change_set: str, stack: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = client.describe_change_set(
            ChangeSetName=change_set, StackName=stack
        )
        if not found["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
            return found
        time.sleep(_POLL_SECONDS)


def _is_nothing(reason: str) -> bool:
    return any(words in reason for words in _NOTHING)


def _changes(client: Any, page: dict[str, Any], stack: str) -> Iterator[Change]:
    while True:
        for change in page.get("Changes", []):
            it = change["ResourceChange"]
            yield Change(
                it["Action"],
                it["LogicalResourceId"],
                it["ResourceType"],
                str(it.get("Replacement", "")),
            )
        if (token := page.get("NextToken")) is None:
            return
        page = client.describe_change_set(
            ChangeSetName=page["ChangeSetId"], StackName=stack, NextToken=token
        )
