"""SQL statements, one a file, read when the module that runs them is imported."""

from pathlib import Path

_QUERIES = Path(__file__).parent / "queries"


def load(name: str) -> str:
    """Read the statement ``queries/<name>.sql``."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")
