"""Watch for changed source files, for developers of the functions."""

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path

_PROJECT = Path(__file__).parents[3]
_WATCHED = tuple(_PROJECT / name for name in ("functions", "runtime"))
_NOT_CODE = (".sql",)
"""Files that functions read besides Python's."""


async def watch_source(changed: Callable[[str], Awaitable[None]]) -> None:
    """Call ``changed`` with the name of a changed file, until this is cancelled.

    Simultaneous changes, as of an editor that saves all or a checkout, count as one.
    """
    # Only a developer's environment has it.
    watchfiles = importlib.import_module("watchfiles")
    only = watchfiles.PythonFilter(extra_extensions=_NOT_CODE)
    async for changes in watchfiles.awatch(*_WATCHED, watch_filter=only):
        path = min(path for _, path in changes)
        await changed(str(Path(path).relative_to(_PROJECT)))
