"""The connection to AWS, or to LocalStack or another double; no other module chooses."""

import os
import re
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from localstack_client.session import Session as Double  # type: ignore[import-untyped]

from runtime.aws.deploying.errors import DeploymentFailed

_HOST: Final = re.compile(r"(?:https?://)?(?P<host>[^\s:/?#@]+(?::[0-9]{1,5})?)/?", re.ASCII)

_FOR_DOUBLES: Final = Config(s3={"addressing_style": "path"})
"""A name such as bucket.localhost does not resolve everywhere."""


@dataclass(frozen=True, slots=True)
class Aws:
    """Makes clients.

    Attributes:
        session: boto3's, or localstack-client's, which is like it.
        region: Where the stack is.
        config: Passed to every client.
    """

    session: Any
    region: str
    config: Config | None = None

    def client(self, service: str) -> Any:
        """Make a client of a service."""
        return self.session.client(service, config=self.config)


def find_aws() -> Aws:
    """Find AWS with its usual credentials, or the double named in the environment.

    ``AWS_ENDPOINT_URL`` or ``LOCALSTACK_HOST`` name a double, as in localstack-client.

    Raises:
        DeploymentFailed: No region is set.
    """
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("LOCALSTACK_HOST"):
        double = Double(**_known(session), **_place())
        return Aws(double, double.region_name, _FOR_DOUBLES)
    if session.region_name is None:
        raise DeploymentFailed(
            "no region is set: set AWS_REGION, or a region in the AWS configuration"
        )
    return Aws(session, session.region_name)


def _known(session: boto3.Session) -> dict[str, str]:
    """Return the credentials that are set: a double may have accounts and check them."""
    found = session.get_credentials()
    given = found.get_frozen_credentials() if found else None
    known = {
        "region_name": session.region_name,
        "aws_access_key_id": given and given.access_key,
        "aws_secret_access_key": given and given.secret_key,
        "aws_session_token": given and given.token,
    }
    return {name: value for name, value in known.items() if value}


def _place() -> dict[str, str]:
    """Read LOCALSTACK_HOST, even if it is written as a URL.

    Raises:
        DeploymentFailed: It is neither.
    """
    text = os.environ.get("LOCALSTACK_HOST", "")
    if os.environ.get("AWS_ENDPOINT_URL") or not text:
        return {}
    if not (found := _HOST.fullmatch(text)):
        raise DeploymentFailed(f"LOCALSTACK_HOST should be HOST or HOST:PORT, but is {text!r}")
    return {"localstack_host": found["host"]}
