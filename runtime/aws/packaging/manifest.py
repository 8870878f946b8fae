"""The result of ``eps package``: the zips, their sizes and hashes."""

import hashlib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from runtime.aws.packaging.packages import Architecture, PackagingFailed

_NAME: Final = "manifest.json"


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Zip(_Camel):
    """One zip.

    Attributes:
        file: Its name, beside the manifest.
        bytes: Its size.
        unpacked_bytes: What Lambda counts against its limit of 250 MB.
    """

    function: str
    architecture: Architecture
    handler: str
    file: str
    bytes: int
    unpacked_bytes: int
    sha256: str


class ZipManifest(_Camel):
    """The zips of one run, in order of function and architecture."""

    python: str
    zips: list[Zip]

    def write(self, folder: Path) -> None:
        """Write it beside its zips."""
        (folder / _NAME).write_text(self.model_dump_json(by_alias=True, indent=2) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> "ZipManifest":
        """Read it, and compare its zips with their hashes.

        Raises:
            PackagingFailed: It or a zip is missing, can't be read, or differs from its hash.
        """
        try:
            manifest = cls.model_validate_json((folder / _NAME).read_bytes())
            changed = [it.file for it in manifest.zips if sha256_of(folder / it.file) != it.sha256]
        except (OSError, ValidationError) as error:
            raise PackagingFailed(f"{folder} was not made by eps package: {error}") from error
        if changed:
            raise PackagingFailed(f"{folder}: changed since they were built: {', '.join(changed)}")
        return manifest

    def find(self, function: str, architecture: Architecture) -> Zip:
        """Find the zip of a function.

        Raises:
            PackagingFailed: There is none.
        """
        for found in self.zips:
            if (found.function, found.architecture) == (function, architecture):
                return found
        raise PackagingFailed(f"no zip of {function} for {architecture}")


def sha256_of(file: Path) -> str:
    """Digest a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
