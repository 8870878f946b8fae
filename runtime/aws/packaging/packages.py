"""The packages to make, and their target machines."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from runtime.catalogue import FUNCTIONS

Architecture = Literal["arm64", "x86_64"]

ARCHITECTURES: Final[tuple[Architecture, ...]] = ("arm64", "x86_64")
"""Lambda's names."""

DEFAULT_PYTHON: Final = "3.14"
"""The newest on Lambda; every package of the locks has wheels for it."""

ROOT: Final = Path(__file__).parents[3]
"""The project's folder: zips are made from a checkout, whose locks they need."""

LOCKS: Final = ROOT / "infra" / "aws" / "locks"

_PYTHON: Final = re.compile(r"3\.(\d{1,2})")
_MACHINES: Final[dict[Architecture, str]] = {"arm64": "aarch64", "x86_64": "x86_64"}


class PackagingFailed(Exception):
    """A function could not be packaged; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One function's zip, apart from the machine that it is for.

    Attributes:
        function: Its name, as everywhere.
        module: Has its ``handler``.
        lock: The packages that it needs, with hashes.
    """

    function: str
    module: str
    lock: Path

    @property
    def handler(self) -> str:
        """The function that Lambda calls."""
        return f"{self.module}.handler"


PACKAGES: Final = {
    it.name: Package(it.name, f"runtime.aws.{it.module}", LOCKS / f"{it.kind.name}.lock")
    for it in FUNCTIONS.values()
}


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that runs a zip.

    Attributes:
        architecture: Its processor.
        python: Its Python, ``3.14``.
    """

    architecture: Architecture
    python: str

    def __post_init__(self) -> None:
        """Check the Python version.

        Raises:
            ValueError: ``python`` is not like 3.14.
        """
        if _PYTHON.fullmatch(self.python) is None:
            raise ValueError("python must be like 3.14")

    @property
    def abi(self) -> str:
        """The ABI for which extension modules are compiled."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def platforms(self) -> list[str]:
        """The wheels that run there, by tag, the newest first.

        Lambda's Python 3.12 and newer run on Amazon Linux 2023 with glibc 2.34,
        older ones on Amazon Linux 2 with glibc 2.26.
        """
        machine = _MACHINES[self.architecture]
        newest = 34 if int(self.python.removeprefix("3.")) >= 12 else 26  # noqa: PLR2004
        tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)]
        return [*tags, f"manylinux2014_{machine}"]
