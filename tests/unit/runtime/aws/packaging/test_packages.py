"""The contents of a function's zip."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.aws.packaging.archive import write_zip
from runtime.aws.packaging.dependencies import needed_files
from runtime.aws.packaging.manifest import Zip, ZipManifest, sha256_of
from runtime.aws.packaging.modules import files_of
from runtime.aws.packaging.packages import LOCKS, PACKAGES, ROOT, PackagingFailed, Target
from runtime.cli.main import eps

_PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;]+)( ; [^\\]+)?", re.MULTILINE)


def write_files(folder: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def names_of(files: list[Path], folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files]


def pins_of(lock: Path) -> dict[str, str]:
    return {name: version for name, version, _ in _PIN.findall(lock.read_text())}


def a_zip_in(folder: Path, content: bytes) -> Zip:
    (folder / "gateway-arm64.zip").write_bytes(content)
    return Zip(
        function="gateway",
        architecture="arm64",
        handler="runtime.aws.gateway.handler",
        file="gateway-arm64.zip",
        bytes=len(content),
        unpacked_bytes=7,
        sha256=sha256_of(folder / "gateway-arm64.zip"),
    )


def test_a_zip_is_the_same_bytes_whatever_the_order_time_and_mode(tmp_path: Path) -> None:
    contents = {"b/x.py": "x", "a.py": "y" * 1000}
    for run, names in enumerate((["b/x.py", "a.py"], ["a.py", "b/x.py"])):
        folder = tmp_path / str(run)
        write_files(folder, {name: contents[name] for name in names})
        (folder / "a.py").chmod(0o600 if run else 0o755)
        write_zip({name: folder / name for name in names}, tmp_path / f"{run}.zip")

    assert (tmp_path / "0.zip").read_bytes() == (tmp_path / "1.zip").read_bytes()


def test_a_zip_that_can_not_be_finished_leaves_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"before")

    with pytest.raises(FileNotFoundError):
        write_zip({"a.py": tmp_path / "missing.py"}, tmp_path / "it.zip")

    assert [(it.name, it.read_bytes()) for it in tmp_path.iterdir()] == [("it.zip", b"before")]


def test_imports_are_followed_through_functions_and_packages_take_their_data(
    tmp_path: Path,
) -> None:
    write_files(
        tmp_path,
        {
            "runtime/__init__.py": "",
            "runtime/start.py": "import json, asyncpg\ndef f():\n    from runtime.late import x\n",
            "runtime/late.py": "from functions import deep\n",
            "runtime/unused.py": "",
            "runtime/__pycache__/start.cpython-311.pyc": "",
            "runtime/unused_package/__init__.py": "",
            "runtime/unused_package/data.sql": "",
            "functions/__init__.py": "",
            "functions/deep/__init__.py": "",
            "functions/deep/queries/one.sql": "",
            "tests/__init__.py": "",
        },
    )

    found = files_of("runtime.start", tmp_path)

    assert names_of(found, tmp_path) == [
        "functions/__init__.py",
        "functions/deep/__init__.py",
        "functions/deep/queries/one.sql",
        "runtime/__init__.py",
        "runtime/late.py",
        "runtime/start.py",
    ]


def test_all_statements_go_with_the_store() -> None:
    found = files_of("runtime.postgres.storing.store", ROOT)

    queries = {
        file
        for folder in ("runtime/postgres/queries", "runtime/postgres/storing/queries")
        for file in (ROOT / folder).glob("*.sql")
    }
    assert queries
    assert queries <= set(found)
    assert ROOT / "runtime/cli/main.py" not in found


@pytest.mark.parametrize("content", [None, "def broken(:\n"])
def test_a_module_that_can_not_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    write_files(tmp_path, {"runtime/__init__.py": ""})
    if content is not None:
        write_files(tmp_path, {"runtime/start.py": content})

    with pytest.raises(PackagingFailed, match=r"runtime\.start"):
        files_of("runtime.start", tmp_path)


def test_only_the_running_parts_of_packages_are_included(tmp_path: Path) -> None:
    needed = [
        "botocore/__init__.py",
        "botocore/data/endpoints.json",
        "botocore/data/sqs/2012-11-05/service-2.json.gz",
        "some/module.cpython-314-aarch64-linux-gnu.so",
        "some-1.0.dist-info/METADATA",
        "some-1.0.dist-info/licenses/LICENSE",
    ]
    unneeded = [
        "bin/some",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "some-1.0.dist-info/RECORD",
        "some-1.0.dist-info/direct_url.json",
        "some/__pycache__/module.cpython-314.pyc",
        "some/module.pyx",
    ]
    write_files(tmp_path, dict.fromkeys(needed + unneeded, ""))

    assert names_of(needed_files(tmp_path), tmp_path) == needed


def test_wheels_are_those_that_the_target_runs() -> None:
    new, old = Target("arm64", "3.14"), Target("x86_64", "3.11")

    assert new.abi == "cp314"
    assert new.platforms[0] == "manylinux_2_34_aarch64"
    assert new.platforms[-1] == "manylinux2014_aarch64"
    assert old.platforms[0] == "manylinux_2_26_x86_64"


@pytest.mark.parametrize(
    "lock",
    sorted(
        {
            ROOT / "requirements-archive.lock",
            ROOT / "requirements-deploy.lock",
            *(it.lock for it in PACKAGES.values()),
        }
    ),
)
def test_a_lock_has_the_versions_that_are_tested(lock: Path) -> None:
    tested = pins_of(ROOT / "requirements-dev.lock")
    locked = pins_of(lock)

    assert {"pydantic", "msgspec"} <= set(locked)
    assert {name: tested.get(name) for name in locked} == locked


@pytest.mark.parametrize("lock", sorted({ROOT / "requirements.lock", *LOCKS.iterdir()}))
def test_what_runs_functions_has_no_pyarrow(lock: Path) -> None:
    assert "pyarrow" not in pins_of(lock)


@pytest.mark.parametrize("lock", sorted(LOCKS.iterdir()))
def test_a_lock_does_not_depend_on_the_python_that_packs(lock: Path) -> None:
    markers = {marker for _, _, marker in _PIN.findall(lock.read_text())}

    assert markers <= {"", " ; sys_platform != 'win32' "}


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = ZipManifest(python="3.14", zips=[a_zip_in(tmp_path, b"zip")])

    written.write(tmp_path)

    assert ZipManifest.read(tmp_path) == written
    assert written.find("gateway", "arm64") == written.zips[0]
    with pytest.raises(PackagingFailed, match="no zip of gateway for x86_64"):
        written.find("gateway", "x86_64")


def test_a_changed_zip_is_refused(tmp_path: Path) -> None:
    ZipManifest(python="3.14", zips=[a_zip_in(tmp_path, b"zip")]).write(tmp_path)
    (tmp_path / "gateway-arm64.zip").write_bytes(b"another")

    with pytest.raises(PackagingFailed, match=r"gateway-arm64\.zip"):
        ZipManifest.read(tmp_path)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackagingFailed, match="was not made by eps package"):
        ZipManifest.read(tmp_path)


@pytest.mark.parametrize(
    "arguments", [["publisher"], ["--arch", "sparc"], ["--python", "2.7"], ["--python", "x"]]
)
def test_wrong_usage_is_reported_before_anything_is_fetched(arguments: list[str]) -> None:
    done = CliRunner().invoke(eps, ["package", *arguments])

    assert done.exit_code == 2
    assert "Usage: eps package" in done.stderr
