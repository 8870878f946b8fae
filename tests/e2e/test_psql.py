"""`eps psql`: beside a supervisor, and on a database that is set."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.test_supervisor import Supervised

_WHICH = "SELECT current_database(), current_user"


@pytest.fixture
async def system() -> AsyncIterator[Supervised]:
    with tempfile.TemporaryDirectory(prefix="eps-psql-") as folder:
        supervised = Supervised(Path(folder))
        yield supervised
        await supervised.end()


def psql(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", "psql", *arguments],
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        input="SELECT 'from input';",
    )


async def test_it_speaks_to_the_database_of_what_runs(
    system: Supervised, database_url: str
) -> None:
    await system.start("gateway")
    await system.ready()
    folder = str(system.data_dir)

    beside = psql("-Atc", _WHICH, DATA_DIR=folder)
    named = psql("--data", folder, "-At", "-c", _WHICH, DATABASE_URL=database_url)
    other = psql("--data", folder, "-Atc", _WHICH, "postgres")
    reading = psql("--data", folder, "-At")

    assert beside.stdout == named.stdout == "eventdb|postgres\n"
    assert other.stdout == "postgres|postgres\n"
    assert reading.stdout == "from input\n"
    assert beside.returncode == 0


def test_it_speaks_to_the_database_that_is_set(database_url: str, tmp_path: Path) -> None:
    result = psql("-Atc", _WHICH, DATABASE_URL=database_url, DATA_DIR=str(tmp_path))
    wrong = psql("-v", "ON_ERROR_STOP=1", "-c", "SELECT no_such", DATABASE_URL=database_url)

    assert result.stdout == f"{database_url.rpartition('/')[2]}|postgres\n"
    assert wrong.returncode == 1
    assert "no_such" in wrong.stderr


def test_where_nothing_runs_it_says_so(tmp_path: Path) -> None:
    unset = psql("-c", "SELECT 1", DATA_DIR=str(tmp_path))
    named = psql("--data", str(tmp_path), "-c", "SELECT 1")

    assert unset.returncode == named.returncode == 1
    assert "DATABASE_URL: is not set" in unset.stderr
    assert named.stderr == f"nothing is running on {tmp_path}: start it with ./start.sh\n"


def test_help_is_its_own() -> None:
    assert "Open psql on DATABASE_URL" in psql("--help").stdout
