"""``start.sh`` and ``healthcheck.sh``: called from any folder or through a link, and their effects.

Run in a copy whose Python only records its arguments, one per line.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from runtime.cli.main import eps
from runtime.cli.probe import FULL
from tests.commands import commands_of
from tests.unit.compose_files import ROOT

_PYTHON = '#!/usr/bin/env bash\nprintf "%s\\n" "$PWD" "$@"\n'
_FILES = (
    "start.sh",
    "healthcheck.sh",
    "infra/environment.sh",
    "infra/containers.sh",
    "pyproject.toml",
    "requirements.lock",
    "requirements-dev.lock",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my dir, it's [1]"
    for name in _FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def installed(project: Path) -> Path:
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(_PYTHON)
    python.chmod(0o755)
    wanted = run(project, "bash", "-c", "source infra/environment.sh; wanted").stdout
    (project / ".venv" / "requirements.lock").write_text(wanted)
    return project


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


@pytest.mark.parametrize("given", [["--data", "kept"], ["--data=kept"]])
def test_a_relative_data_folder_is_one_of_the_caller(
    installed: Path, tmp_path: Path, given: list[str]
) -> None:
    result = run(tmp_path, str(installed / "start.sh"), "--no-publisher", *given)

    told = " ".join(result.stdout.splitlines()[1:])
    assert told.replace("--data=", "--data ") == (
        f"-m runtime up --no-publisher --data {tmp_path}/kept"
    )


def test_an_absolute_data_folder_stays_as_it_is(installed: Path, tmp_path: Path) -> None:
    result = run(tmp_path, str(installed / "start.sh"), "--data", "/elsewhere/kept")

    assert result.stdout.splitlines()[-1] == "/elsewhere/kept"


def test_a_link_starts_what_it_points_to(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "begin").symlink_to(installed / "start.sh")

    result = run(tmp_path, str(tmp_path / "begin"))

    assert result.stdout.splitlines()[0] == str(installed)


@pytest.mark.parametrize("given", [["--help"], ["-h"], ["--torrent", "--help"], ["--docker", "-h"]])
def test_help_names_every_option_and_installs_nothing(project: Path, given: list[str]) -> None:
    result = run(project, str(project / "start.sh"), *given)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: ./start.sh [OPTIONS]\n")
    options = {it for option in commands_of(eps)["up"].params for it in option.opts}
    assert [it for it in {*options, "--docker", "--help"} if it not in result.stdout] == []
    assert not (project / ".venv").exists()


def test_whoever_reloads_gets_the_tools_of_developers(installed: Path) -> None:
    wanted = (installed / ".venv" / "requirements.lock").read_text()
    (installed / ".venv" / "requirements-dev.lock").write_text(wanted)

    has_them = run(installed, str(installed / "start.sh"), "--reload")
    (installed / ".venv" / "requirements-dev.lock").unlink()
    append(installed / "infra" / "environment.sh", "install() { echo install $1; }\n")
    has_not = run(installed, str(installed / "start.sh"), "--reload")

    assert has_them.stdout.splitlines()[1:] == ["-m", "runtime", "up", "--reload"]
    assert has_not.stdout.splitlines()[0] == "install requirements-dev.lock"


@pytest.fixture
def tests_run(installed: Path) -> Path:
    """A checkout whose test.sh only prints its commands."""
    for name in ("test.sh", "infra/test-tools.sh"):
        shutil.copy(ROOT / name, installed / name)
    wanted = (installed / ".venv" / "requirements.lock").read_text()
    (installed / ".venv" / "requirements-dev.lock").write_text(wanted)
    append(installed / "infra" / "test-tools.sh", "test_tools_if_possible() { :; }\n")
    return installed


def test_coverage_leaves_the_next_argument_to_pytest(tests_run: Path) -> None:
    result = run(tests_run, str(tests_run / "test.sh"), "--cov", "tests/unit", "-k", "a b")

    assert result.stdout.splitlines()[-6:] == [
        *("-m", "pytest", "tests/unit", "-k", "a b", "--cov")
    ]


def test_asking_for_health_installs_nothing(project: Path) -> None:
    result = run(project, str(project / "healthcheck.sh"))

    assert result.returncode == 1
    assert result.stderr == "Nothing is installed yet: run ./start.sh first\n"
    assert not (project / ".venv").exists()


_DOCKER = """#!/usr/bin/env bash
all="$*"
case "$all" in
  ps*service=*) echo "the-${all##*service=}" ;;
  ps*) echo some ;;
  *Log*the-gateway) printf 'next\\n\\nnext\\n%s\\n' "$LAST_SAID" ;;
  *Log*) printf 'next\\naccepting connections\\n' ;;
  *Name*) echo "${!#}" ;;
  inspect*) echo healthy ;;
esac
"""


@pytest.mark.parametrize(
    ("said", "code"), [(FULL, 1), ("", 0), (f"{FULL}\nnext\n", 0)], ids=["full", "well", "again"]
)
def test_containers_without_room_for_events_are_not_healthy(
    said: str, code: int, project: Path, tmp_path: Path
) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(_DOCKER)
    docker.chmod(0o755)
    environment = os.environ | {"LAST_SAID": said, "PATH": f"{docker.parent}:{os.environ['PATH']}"}

    found = subprocess.run(
        [project / "healthcheck.sh"],
        env=environment,
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
    )

    full = [line for line in found.stdout.splitlines() if line.startswith("stream EVENTS")]
    assert (found.returncode, full) == (code, [f"stream EVENTS    {FULL}"] * code)
    assert found.stderr == ""


def test_asking_for_health_leaves_an_unfinished_environment_alone(installed: Path) -> None:
    unfinished = installed / ".venv" / "unfinished"
    unfinished.touch()

    result = run(installed, str(installed / "healthcheck.sh"), "--data=/kept")

    assert result.stdout.splitlines()[1:] == ["-m", "runtime", "health", "--data=/kept"]
    assert unfinished.exists()


def test_an_environment_that_can_not_be_made_says_why(project: Path) -> None:
    (project / ".venv").write_text("a file where the folder should be")
    command = "source infra/environment.sh; make_venv python3"

    result = run(project, "bash", "-c", f"rm() {{ :; }}; {command}")

    assert result.returncode == 1
    assert "No environment can be created in" in result.stderr
    assert "python3-venv" not in result.stderr


def test_without_arguments_every_folder_of_tests_is_run_in_one_of_two_halves(
    tests_run: Path,
) -> None:
    result = run(tests_run, str(tests_run / "test.sh"))

    said = result.stdout.splitlines()
    assert result.returncode == 0
    assert said.count("pytest") == 2
    for folder in ("tests/e2e", "tests/faults"):
        assert (said.count(folder), said.count(f"--ignore={folder}")) == (1, 1)


def test_the_quick_tier_is_that_of_pure_functions(tests_run: Path) -> None:
    result = run(tests_run, str(tests_run / "test.sh"), "--quick", "-x")

    assert result.stdout.splitlines()[-6:] == [
        *("-m", "pytest", "tests/unit/functions", "-m", "not slow", "-x")
    ]


@pytest.mark.parametrize("failing", ["tests/e2e", "--ignore=tests/e2e"])
def test_a_half_that_fails_fails_the_whole(tests_run: Path, failing: str) -> None:
    python = tests_run / ".venv" / "bin" / "python"
    python.write_text(f'#!/usr/bin/env bash\n[[ "$*" == *" {failing}"* ]] && exit 3\nexit 0\n')

    assert run(tests_run, str(tests_run / "test.sh")).returncode == 3


def test_where_the_tests_are_stopped_the_other_half_ends_too(tests_run: Path) -> None:
    python = tests_run / ".venv" / "bin" / "python"
    python.write_text(
        "#!/usr/bin/env bash\n"
        '[[ "$*" == *" tests/e2e"* ]] && { echo $$ >second; exec sleep 600 >/dev/null 2>&1; }\n'
        '[[ "$*" == *" --ignore=tests/e2e"* ]] || exit 0\n'
        "while [[ ! -s second ]]; do sleep 0.01; done\n"
        "kill -TERM $PPID\n"
    )

    result = run(tests_run, str(tests_run / "test.sh"))

    assert result.returncode == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((tests_run / "second").read_text()), 0)
