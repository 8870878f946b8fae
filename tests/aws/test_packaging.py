"""The zips of `eps package` are small, reproducible, and have everything that a handler needs."""

import struct
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

from runtime.aws.packaging.manifest import ZipManifest
from runtime.aws.packaging.packages import PACKAGES
from tests.aws.conftest import THIS_ARCHITECTURE, THIS_PYTHON, eps

MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's numbers for processors."""


def alone(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the standard library and one folder on its path, and nothing else."""
    found = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", found + program]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={})


def test_every_function_has_a_zip_of_under_twelve_megabytes(zips: Path) -> None:
    manifest = ZipManifest.read(zips)

    assert {it.function for it in manifest.zips} == set(PACKAGES)
    assert [it.file for it in manifest.zips if it.bytes >= 12_000_000] == []
    assert all(it.bytes == (zips / it.file).stat().st_size for it in manifest.zips)


def test_a_function_packaged_again_is_the_same_bytes(zips: Path, tmp_path: Path) -> None:
    first = ZipManifest.read(zips).find("gateway", THIS_ARCHITECTURE)

    done = eps(
        *("package", "gateway", "--arch", THIS_ARCHITECTURE, "--python", THIS_PYTHON),
        *("--output", str(tmp_path)),
    )

    assert done.returncode == 0, done.stderr
    assert ZipManifest.read(tmp_path).zips == [first]
    assert (tmp_path / first.file).read_bytes() == (zips / first.file).read_bytes()
    assert first.sha256 in done.stdout


@pytest.mark.parametrize("function", sorted(PACKAGES))
def test_a_handler_is_imported_from_its_zip_alone(function: str, unpacked: dict[str, Path]) -> None:
    module = PACKAGES[function].module

    done = alone(unpacked[function], f"from {module} import handler; assert callable(handler)")

    assert done.returncode == 0, done.stderr


def test_a_zip_has_only_what_its_function_runs(zips: Path) -> None:
    for made in ZipManifest.read(zips).zips:
        with zipfile.ZipFile(zips / made.file) as archive:
            entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names == sorted(names)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
        unwanted = {"nats", "starlette", "uvicorn", "pip", "bin", "tests"}
        assert unwanted & {PurePosixPath(name).parts[0] for name in names} == set()
        assert [it for it in names if it.endswith((".pyc", "/RECORD", "/direct_url.json"))] == []
        assert "runtime/wiring/functions.py" not in names


@pytest.mark.parametrize("function", ["gateway", "reporter"])
def test_a_function_that_is_packaged_knows_its_version(
    function: str, unpacked: dict[str, Path]
) -> None:
    program = "from importlib.metadata import version; print(version('event-processing-system'))"

    done = alone(unpacked[function], program)

    assert done.stdout == f"{version('event-processing-system')}\n", done.stderr


def test_statements_are_in_the_zips_of_those_who_run_them(unpacked: dict[str, Path]) -> None:
    has = {
        name: {it.parent.name for it in (folder / "runtime/postgres").rglob("queries")}
        for name, folder in unpacked.items()
    }

    collectors = {name: {"postgres", "storing"} for name in PACKAGES}
    reporter = {"postgres", "storing", "reporting", "operating"}
    assert has == collectors | {"gateway": set(), "reporter": reporter}


def test_the_clients_of_services_are_made_with_the_descriptions_that_were_kept(
    unpacked: dict[str, Path],
) -> None:
    program = """
from botocore.config import Config
from botocore.session import get_session
session = get_session()
session.set_credentials("key", "secret")
for service in ("sqs", "secretsmanager"):
    for retries in ("legacy", "standard", "adaptive"):
        client = session.create_client(
            service, region_name="eu-central-1", config=Config(retries={"mode": retries})
        )
        assert client.meta.endpoint_url == f"https://{service}.eu-central-1.amazonaws.com"
"""

    done = alone(unpacked["gateway"], program)

    assert done.returncode == 0, done.stderr
    kept = {path.name for path in (unpacked["gateway"] / "botocore/data").iterdir()}
    assert {name for name in kept if not name.endswith(".json")} == {"sqs", "secretsmanager"}


def test_extension_modules_are_of_the_processor_and_python_asked_for(tmp_path: Path) -> None:
    architecture = "arm64" if THIS_ARCHITECTURE == "x86_64" else "x86_64"

    done = eps("package", "gateway", "--arch", architecture, "--output", str(tmp_path))

    assert done.returncode == 0, done.stderr
    made = ZipManifest.read(tmp_path)
    with zipfile.ZipFile(tmp_path / made.zips[0].file) as archive:
        modules = {it: archive.read(it) for it in archive.namelist() if it.endswith(".so")}
    machines = {struct.unpack_from("<H", content, 18)[0] for content in modules.values()}
    assert machines == {MACHINES[architecture]}
    abi = f".cpython-{made.python.replace('.', '')}-"
    assert [it for it in modules if abi not in it and ".abi3." not in it] == []


def test_a_package_that_is_not_what_the_lock_says_fails_and_writes_no_manifest(
    tmp_path: Path,
) -> None:
    program = f"""
import dataclasses, pathlib
from runtime.aws.packaging import packages
from runtime.cli.main import main
lock = pathlib.Path({str(tmp_path)!r}, "wrong.lock")
lock.write_text("six==1.17.0 --hash=sha256:" + "0" * 64)
packages.PACKAGES["gateway"] = dataclasses.replace(packages.PACKAGES["gateway"], lock=lock)
import sys
sys.argv = ["eps", "package", "gateway", "--arch", "arm64", "--output", {str(tmp_path / "out")!r}]
main()
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "wrong.lock" in done.stderr
    assert "do not match the hashes" in done.stderr.lower()
    assert list((tmp_path / "out").iterdir()) == []
