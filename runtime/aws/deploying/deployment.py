"""Deploy zips as a stack."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runtime.aws.deploying.bucket import DeploymentBucket, bucket_name, key_of
from runtime.aws.deploying.change_set import Change, ChangeSet, discard, parameters_of, propose
from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.deploying.parameters import check_given, check_together
from runtime.aws.deploying.session import Aws, find_aws
from runtime.aws.deploying.stack import execute, outputs
from runtime.aws.deploying.template import read_template, translated
from runtime.aws.packaging.manifest import Zip, ZipManifest
from runtime.aws.packaging.packages import PACKAGES, Architecture

Tell = Callable[[str], None]
"""Called with a description of each step."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The stack to deploy, and its zips.

    Attributes:
        stack: Its name.
        zips: The folder of zips and their manifest.
        architecture: Which of the zips.
        bucket: For the zips; None is the account's own, made if it is missing.
        parameters: Of the template, by name; an existing stack keeps those not given.
        dry_run: Only report the changes.
    """

    stack: str
    zips: Path
    architecture: Architecture
    bucket: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """The result of a deployment.

    Attributes:
        changes: Changes made, or to be made; None if there were none.
        outputs: The stack's outputs; empty after a dry run.
    """

    changes: list[Change] | None
    outputs: dict[str, str]


def deploy(deployment: Deployment, tell: Tell) -> Deployed:
    """Bring a stack up to date with the template and the zips.

    Raises:
        DeploymentFailed: AWS can't be reached or refuses, or the changes were rolled back.
        PackagingFailed: The zips are missing.
    """
    try:
        return _deploy(deployment, find_aws(), tell)
    except (BotoCoreError, ClientError) as error:
        raise DeploymentFailed(f"AWS: {error}") from error


def _deploy(deployment: Deployment, aws: Aws, tell: Tell) -> Deployed:
    manifest = ZipManifest.read(deployment.zips)
    check_given(deployment.stack, read_template(), deployment.parameters)
    zips = [manifest.find(function, deployment.architecture) for function in PACKAGES]
    account = str(aws.client("sts").get_caller_identity()["Account"])
    name = deployment.bucket or bucket_name(account, aws.region)
    template = translated(name, {it.function: key_of(it) for it in zips}, aws.region)
    cloudformation = aws.client("cloudformation")
    tell(f"comparing the stack {deployment.stack}")
    proposed = _propose(cloudformation, deployment, manifest, template)
    if proposed is None:
        return Deployed(None, outputs(cloudformation, deployment.stack))
    if deployment.dry_run:
        discard(cloudformation, deployment.stack, proposed)
        return Deployed(proposed.changes, {})
    try:
        _put(
            DeploymentBucket(aws.client("s3"), name, aws.region, account),
            zips,
            deployment.zips,
            tell,
        )
    except BaseException:
        discard(cloudformation, deployment.stack, proposed)
        raise
    execute(cloudformation, deployment.stack, proposed, tell)
    return Deployed(proposed.changes, outputs(cloudformation, deployment.stack))


def _propose(
    cloudformation: Any, deployment: Deployment, manifest: ZipManifest, template: str
) -> ChangeSet | None:
    of_zips = {"Architecture": deployment.architecture, "PythonVersion": manifest.python}
    had = parameters_of(cloudformation, deployment.stack)
    said = json.loads(template)
    kept = None if had is None else had & set(said["Parameters"])
    check_together(said, {**deployment.parameters, **of_zips}, kept)
    return propose(
        cloudformation,
        deployment.stack,
        template,
        {**deployment.parameters, **of_zips},
        kept,
    )


def _put(bucket: DeploymentBucket, zips: list[Zip], folder: Path, tell: Tell) -> None:
    bucket.make(tell)
    for made in zips:
        bucket.put(made, folder / made.file, tell)
