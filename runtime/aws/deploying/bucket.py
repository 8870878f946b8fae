"""Where zips lie for CloudFormation: a bucket, each zip under its hash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from runtime.aws.packaging.manifest import Zip

_MISSING: Final = ("404", "NoSuchBucket", "NotFound")
_THE_REGION_WITHOUT_A_NAME: Final = "us-east-1"


def bucket_name(account: str, region: str) -> str:
    """Name an account's default bucket."""
    return f"event-processing-{account}-{region}"


def key_of(made: Zip) -> str:
    """Return a zip's key: an unchanged zip keeps its key, and changes no function."""
    return f"{made.function}/{made.sha256}.zip"


class DeploymentBucket:
    """A bucket that may have to be made.

    Args:
        client: Of S3.
        name: The bucket's.
        region: Where to make it.
        account: Its required owner, because bucket names are global.
    """

    def __init__(self, client: Any, name: str, region: str, account: str) -> None:
        self._client = client
        self._name = name
        self._region = region
        self._owner = {"ExpectedBucketOwner": account}

    def make(self, tell: Callable[[str], None]) -> None:
        """Make the bucket if it is missing, closed to the public."""
        if self._is_there(self._client.head_bucket):
            return
        tell(f"creating the bucket {self._name}")
        # S3 does not accept the name of this one region.
        where = (
            {}
            if self._region == _THE_REGION_WITHOUT_A_NAME
            else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        self._client.create_bucket(Bucket=self._name, **where)
        self._client.put_public_access_block(
            Bucket=self._name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
            **self._owner,
        )

    def put(self, made: Zip, file: Path, tell: Callable[[str], None]) -> None:
        """Upload a zip unless it is there already."""
        key = key_of(made)
        if self._is_there(self._client.head_object, Key=key):
            return
        tell(f"uploading {made.file}, {made.bytes / 1e6:.1f} MB")
        with file.open("rb") as content:
            self._client.put_object(Bucket=self._name, Key=key, Body=content, **self._owner)

    def _is_there(self, head: Callable[..., Any], **what: str) -> bool:
        try:
            head(Bucket=self._name, **what, **self._owner)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True
