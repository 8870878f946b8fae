"""Archives in a bucket of S3."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from runtime.archiving.errors import ArchiveFailed

_ERRORS: Final = (BotoCoreError, ClientError, Boto3Error)


class ArchiveBucket:
    """A bucket of S3, with AWS's ordinary credentials, region and ``AWS_ENDPOINT_URL``.

    Args:
        name: The bucket's.
        prefix: Before every name; empty, or with a slash at the end.
    """

    def __init__(self, name: str, prefix: str) -> None:
        self._bucket, self._prefix = name, prefix
        self._client: Any = boto3.client("s3")

    def put(self, name: str, file: Path) -> None:
        """Store a file; see ``Place``."""
        try:
            self._client.upload_file(str(file), self._bucket, self._prefix + name)
        except _ERRORS as error:
            raise self._failed(name, "written", error) from error

    def read(self, name: str) -> bytes | None:
        """Read a small file; see ``Place``."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            content: bytes = found["Body"].read()
        except _ERRORS as error:
            if _is_missing(error):
                return None
            raise self._failed(name, "read", error) from error
        return content

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Hold a copy of a file; see ``Place``."""
        with tempfile.TemporaryDirectory(prefix="eps-archive-") as folder:
            path = Path(folder) / "file"
            try:
                self._client.download_file(self._bucket, self._prefix + name, str(path))
            except _ERRORS as error:
                if _is_missing(error):
                    raise ArchiveFailed(f"{self._url(name)} is missing") from error
                raise self._failed(name, "read", error) from error
            yield path

    def _url(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def _failed(self, name: str, what: str, error: Exception) -> ArchiveFailed:
        return ArchiveFailed(f"{self._url(name)} can't be {what}: {error}")


def _is_missing(error: Exception) -> bool:
    answer: dict[str, Any] = getattr(error, "response", {})
    return answer.get("Error", {}).get("Code") in {"NoSuchKey", "404"}
