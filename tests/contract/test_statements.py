import re
from itertools import takewhile
from pathlib import Path

import asyncpg
import pytest

from runtime.postgres import sql

QUERIES = sorted(Path(sql.__file__).parents[1].rglob("queries/*.sql"))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
async def test_a_statement_prepares_against_the_schema(query: Path, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    statement = await connection.prepare(sql.load(str(query.parent), query.stem))

    assert statement.get_attributes()
    await connection.close()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
def test_a_statement_says_what_it_takes_and_returns(query: Path) -> None:
    lines = query.read_text(encoding="utf-8").splitlines()
    head = list(takewhile(lambda line: line.startswith("--"), lines))
    used = set(re.findall(r"\$\d+", "\n".join(lines[len(head) :])))

    assert set(re.findall(r"^-- (\$\d+)", "\n".join(head), re.MULTILINE)) == used
    assert [line for line in head if line.startswith("-- Returns ")]
