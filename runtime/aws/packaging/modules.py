"""Find the project's files that a function needs: imported modules, and the data beside them."""

from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Final

from runtime.aws.packaging.packages import PackagingFailed

_OURS: Final = ("functions", "runtime")
_NOT_DATA: Final = {".py", ".pyc"}


def files_of(module: str, root: Path) -> list[Path]:
    """Follow the imports of a module through the project, and include its packages' data.

    Imports inside functions count as well. Installed packages are not followed.

    Args:
        module: Dotted, ``runtime.aws.gateway``.
        root: The folder that has the project's packages.

    Returns:
        Files under ``root``, in order, each once.

    Raises:
        PackagingFailed: There is no such module, or it can't be read.
    """
    sources = set(_imported(module, root))
    folders = {source.parent for source in sources if source.name == "__init__.py"}
    return sorted(sources.union(*map(_data_of, folders)))


def _imported(module: str, root: Path) -> Iterator[Path]:
    finder = ModuleFinder(path=[str(root)])
    try:
        finder.import_hook(module)
    except (ImportError, SyntaxError) as error:
        raise PackagingFailed(f"{module} can't be packaged: {error}") from error
    for name, found in finder.modules.items():
        if name.partition(".")[0] in _OURS:
            yield Path(str(vars(found)["__file__"]))


def _data_of(package: Path) -> set[Path]:
    """Find a package's data files, including folders without modules."""
    found = set()
    for path in package.iterdir():
        if path.is_file() and path.suffix not in _NOT_DATA:
            found.add(path)
        elif path.is_dir() and not (path / "__init__.py").exists():
            found |= _data_of(path)
    return found
