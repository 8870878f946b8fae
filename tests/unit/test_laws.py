"""Which module may import which: arrows point inward only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted((ROOT / "functions").rglob("*.py"))
FOREIGN = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "msgspec"}
"""The dependencies of pydantic and msgspec, and nothing else."""


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_allowed(name: str, function: str | None) -> bool:
    package, _, rest = name.partition(".")
    if package != "functions":
        return package in sys.stdlib_module_names | FOREIGN
    first = rest.partition(".")[0]
    is_file = (ROOT / "functions" / f"{first}.py").exists()
    is_vocabulary = is_file or first in {"events", "senders"}
    return is_vocabulary or (function is not None and first == function)


@pytest.mark.parametrize("file", FUNCTIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_function_imports_its_own_and_the_shared_vocabulary_only(file: Path) -> None:
    parts = file.relative_to(ROOT / "functions").parts
    function = parts[0] if len(parts) > 1 else None

    forbidden = [name for name in imports_of(file) if not is_allowed(name, function)]

    assert forbidden == []


@pytest.mark.parametrize("name", ["asyncpg", "runtime.settings", "functions.gateway.handler"])
def test_the_law_has_teeth(name: str) -> None:
    assert not is_allowed(name, "reporter")
    assert is_allowed("functions.events.judging.judge", "reporter")
    assert is_allowed("functions.reporter.events_report", "reporter")


def test_there_is_something_to_judge() -> None:
    assert len(FUNCTIONS) > 20


def modules_reached_from(*files: Path) -> dict[str, set[str]]:
    """Name the packages that are imported, directly or not, by importer."""
    reached: dict[str, set[str]] = {}
    seen: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imports_of(file):
            package = name.partition(".")[0]
            if package in ("functions", "runtime"):
                waiting += files_of(name)
            else:
                reached.setdefault(package, set()).add(str(file.relative_to(ROOT)))
    return reached


def files_of(name: str) -> Iterator[Path]:
    """Find the modules that an import of the project runs: the module and its packages."""
    folder = ROOT
    for part in name.split("."):
        if (folder / f"{part}.py").exists():
            yield folder / f"{part}.py"
        folder = folder / part
        if (folder / "__init__.py").exists():
            yield folder / "__init__.py"


_LOCAL_ONLY = {"starlette", "uvicorn", "uvloop", "httptools", "nats", "aiohttp", "psutil", "click"}
_AWS_ONLY = {"boto3", "botocore", "localstack_client"}
_FOR_AWS = {"aws", "cli/deploy.py", "cli/package.py"}
"""Its folder, and the commands with the names of its files."""
_ITS_BUCKET = Path("runtime/archiving/bucket.py")
"""Imported for an archive in S3; it has its own lock file."""


def test_lambdas_modules_know_neither_the_local_server_nor_its_broker() -> None:
    reached = modules_reached_from(*(ROOT / "runtime" / "aws").glob("*.py"))

    assert {name: reached[name] for name in _LOCAL_ONLY & reached.keys()} == {}
    assert "botocore" in reached


def test_the_local_functions_know_nothing_of_aws() -> None:
    reached = modules_reached_from(*(ROOT / "runtime" / "wiring").glob("*.py"))

    assert {name: reached[name] for name in _AWS_ONLY & reached.keys()} == {}
    assert {"starlette", "nats"} <= reached.keys()


def is_for_aws(file: Path) -> bool:
    return file.parts[0] in _FOR_AWS or str(file) in _FOR_AWS


def test_only_aws_modules_import_aws_packages() -> None:
    foreign = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in (ROOT / "runtime").rglob("*.py")
        if not is_for_aws(file.relative_to(ROOT / "runtime"))
        and file.relative_to(ROOT) != _ITS_BUCKET
        for name in imports_of(file)
        if name.startswith("runtime.aws.") or name.partition(".")[0] in _AWS_ONLY
    }

    assert foreign == set()


def test_infra_holds_no_python_that_is_imported() -> None:
    named = {
        file.relative_to(ROOT)
        for folder in ("functions", "runtime")
        for file in (ROOT / folder).rglob("*.py")
        if any(name.split(".")[0] in {"infra", "tests"} for name in imports_of(file))
    }

    assert list((ROOT / "infra").rglob("*.py")) == []
    assert named == set()


def test_every_statement_is_in_a_file() -> None:
    words = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    built = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (ROOT / "runtime").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        and any(
            isinstance(part, ast.Constant) and str(part.value).lstrip().startswith(words)
            for part in node.values
        )
    ]

    assert built == []


_OWN_JSON = {
    "runtime/cli/probe.py",
    "functions/publisher/breakage.py",
    "runtime/jetstream/backlog.py",
    "runtime/jetstream/connection.py",
    "runtime/jetstream/api.py",
    "runtime/jetstream/operating/snapshots.py",
    "runtime/aws/deploying/deployment.py",
    "runtime/local/supervisor/run_files.py",
    "runtime/local/embedded/checks.py",
}
"""Modules whose texts are our own, or those of our own servers."""


def test_no_sender_s_bytes_become_python_s_values() -> None:
    """``json`` makes an object of everything in a text: 16 MB of empty ones take a gigabyte."""
    reading = {
        str(file.relative_to(ROOT))
        for folder in ("functions", "runtime")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in {"load", "loads"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "json"
    }

    assert reading <= _OWN_JSON


_LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
_OTHER_LAW = """
[tool.importlinter]
root_packages = ["functions", "runtime"]

[[tool.importlinter.contracts]]
name = "The other way round"
type = "layers"
layers = ["functions", "runtime"]
"""


def linted(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _LINT, str(config), "--no-cache"]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def test_the_contracts_of_import_linter_are_kept() -> None:
    result = linted(ROOT / "pyproject.toml")

    assert result.returncode == 0, result.stdout + result.stderr


def test_import_linter_has_teeth(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text(_OTHER_LAW, encoding="utf-8")

    result = linted(config)

    assert result.returncode == 1
    assert "runtime is not allowed to import functions" in result.stdout
