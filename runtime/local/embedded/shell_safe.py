"""Run a program that calls a shell with its own path, from any folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SPECIAL: Final = frozenset('"$`\\')
"""Characters that a shell interprets between double quotes."""


@contextmanager
def shell_safe(program: Path, package: Path) -> Iterator[Path]:
    """Provide a path to a program that a shell can read between double quotes, for a while.

    ``initdb`` calls ``"/its/own/path/postgres" -V`` by a shell, after resolving links: if
    the path has a quote or a dollar sign, the package is put elsewhere for the time,
    without using space if hard links are possible.

    Args:
        program: Somewhere in the package.
        package: The folder of the package; its libraries may be in folders next to it.
    """
    if _SPECIAL.isdisjoint(str(program)):
        yield program
        return
    with tempfile.TemporaryDirectory(prefix="eps-programs-") as folder:
        elsewhere = Path(folder)
        elsewhere.chmod(0o755)  # the database's user has to pass
        for source in package.parent.glob(f"{package.name}*"):
            if source.is_dir() and not source.name.endswith(".dist-info"):
                _copy(source, elsewhere / source.name)
        yield elsewhere / program.relative_to(package.parent)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    with suppress(OSError):  # another file system, or one without links
        os.link(source, target)
        return
    shutil.copy2(source, target)
