"""SQL statements, one a file, read when the module that runs them is imported."""

from pathlib import Path


def load(module: str, name: str) -> str:
    """Read the statement ``queries/<name>.sql`` that lies beside a module, by its ``__file__``."""
    return (Path(module).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")
