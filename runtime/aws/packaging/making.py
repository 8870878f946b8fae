"""Make the zips: fetch a lock's packages once for each machine, add each function's own modules."""

import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runtime.aws.packaging.archive import write_zip
from runtime.aws.packaging.dependencies import install, needed_files
from runtime.aws.packaging.manifest import Zip, ZipManifest, sha256_of
from runtime.aws.packaging.modules import files_of
from runtime.aws.packaging.packages import ROOT, Package, Target

Tell = Callable[[str], None]
"""Called with a description of each step."""


def make_zips(
    packages: Sequence[Package], targets: Sequence[Target], to: Path, tell: Tell
) -> ZipManifest:
    """Make a zip of each function for each machine, and their manifest.

    Args:
        packages: Which functions.
        targets: Which machines, all with the same Python.
        to: The folder, made if it is missing; existing zips are replaced.
        tell: Called at each step.

    Raises:
        PackagingFailed: A package or module is missing; no manifest was written.
    """
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="eps-package-") as scratch:
        zips = list(_zips(packages, targets, to, Path(scratch), tell))
    zips.sort(key=lambda it: (it.function, it.architecture))
    manifest = ZipManifest(python=targets[0].python, zips=zips)
    manifest.write(to)
    return manifest


def _zips(
    packages: Sequence[Package], targets: Sequence[Target], to: Path, scratch: Path, tell: Tell
) -> Iterator[Zip]:
    metadata = _metadata(scratch)
    for target in targets:
        for package in packages:
            # Functions with equal locks have the same packages.
            installed = scratch / f"{sha256_of(package.lock)}-{target.architecture}"
            if not installed.exists():
                tell(f"{target.architecture}: fetching the packages of {package.lock.name}")
                install(package.lock, target, installed)
            tell(f"{target.architecture}: packing {package.function}")
            yield _zip(package, target, _entries(package, installed) | metadata, to)


def _zip(package: Package, target: Target, entries: dict[str, Path], to: Path) -> Zip:
    file = to / f"{package.function}-{target.architecture}.zip"
    unpacked_bytes = write_zip(entries, file)
    return Zip(
        function=package.function,
        architecture=target.architecture,
        handler=package.handler,
        file=file.name,
        bytes=file.stat().st_size,
        unpacked_bytes=unpacked_bytes,
        sha256=sha256_of(file),
    )


def _entries(package: Package, installed: Path) -> dict[str, Path]:
    foreign = {path.relative_to(installed).as_posix(): path for path in needed_files(installed)}
    own = {path.relative_to(ROOT).as_posix(): path for path in files_of(package.module, ROOT)}
    return foreign | own


def _metadata(scratch: Path) -> dict[str, Path]:
    """Write the project's name and version, as an installer would: ``/api`` shows the version.

    They are those of the packaged checkout, not of the installation here.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    file = scratch / "METADATA"
    file.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    return {f"{name.replace('-', '_')}-{version}.dist-info/METADATA": file}
