"""SQL statements, one a file, loaded when the module that runs them is imported."""

from pathlib import Path


def load(module: str, name: str) -> str:
    """Load ``queries/<name>.sql`` from the folder of a module, given its ``__file__``."""
    return (Path(module).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")
