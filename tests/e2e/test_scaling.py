"""`eps scale` beside a supervisor that runs."""

import asyncio
import json
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import pytest

from runtime.cli.health import check_health
from runtime.local.embedded.tcp_ports import LOOPBACK
from runtime.local.supervisor.control import NoSupervisor, ask_to_scale
from tests.e2e.test_supervisor import Supervised, until


@pytest.fixture
async def system(request: pytest.FixtureRequest) -> AsyncIterator[Supervised]:
    with tempfile.TemporaryDirectory(prefix="eps-scale-") as parent:
        folder = Path(parent) / getattr(request, "param", "short")
        folder.mkdir()
        supervised = Supervised(folder)
        yield supervised
        await supervised.end()


def targets_of(system: Supervised) -> dict[str, str]:
    groups = json.loads((system.data_dir / "targets.json").read_text())
    return {group["labels"]["instance"]: group["targets"][0] for group in groups}


async def scale(system: Supervised, *wanted: str) -> list[str]:
    said: list[str] = []
    await ask_to_scale(system.data_dir, wanted, said.append)
    return said


@pytest.mark.parametrize("system", ["short", "long" * 60], indirect=True)
async def test_replicas_come_and_go_and_everyone_knows(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    first = system.pid_of("fb-collector")

    more = await scale(system, "fb-collector=3")
    of_three = targets_of(system)
    health = await check_health(system.data_dir)
    third = system.pid_of("fb-collector-3")
    fewer = await scale(system, "fb-collector=2")

    assert more[-1] == "fb-collector: 3 running, 1 before"
    assert of_three.keys() == {"gateway", "fb-collector", "fb-collector-2", "fb-collector-3"}
    assert f"fb-collector-3 started: http://{of_three['fb-collector-3']}/metrics" in more
    assert health.ok
    assert sum(line.startswith("fb-collector") for line in health.lines) == 3
    assert fewer == ["fb-collector-3 stopped", "fb-collector: 2 running, 3 before"]
    assert targets_of(system).keys() == {"gateway", "fb-collector", "fb-collector-2"}
    assert system.processes.keys() >= {"fb-collector", "fb-collector-2"}
    assert "fb-collector-3" not in system.processes
    assert not psutil.pid_exists(third)
    assert system.pid_of("fb-collector") == first
    assert (system.data_dir / "control.sock").stat().st_mode & 0o777 == 0o600


async def test_one_that_was_added_comes_back_and_is_stopped_with_all(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    await scale(system, "fb-collector=2")
    before = system.pid_of("fb-collector-2")

    system.kill("fb-collector-2")
    await until(lambda: system.pid_of("fb-collector-2") not in {before, None})
    children = system.descendants()
    system.signal(signal.SIGINT)

    assert await system.exit_code() == 0
    assert system.said("fb-collector-2 stopped")
    assert not any(child.is_running() for child in children)
    assert not (system.data_dir / "control.sock").exists()
    with pytest.raises(NoSupervisor, match="nothing is running on"):
        await scale(system, "fb-collector=3")


@pytest.mark.parametrize("wanted", ["fb-collector=0", "nobody=2", "fb-collector=33", "reporter=2"])
async def test_what_can_not_be_is_refused_and_changes_nothing(
    wanted: str, system: Supervised
) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    before = system.processes

    with pytest.raises(NoSupervisor, match=f"{wanted} is not a scale"):
        await scale(system, wanted)

    assert system.processes == before


async def test_wishes_at_once_are_met_one_after_the_other(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()

    await asyncio.gather(
        *(scale(system, f"fb-collector={count}", "gateway=2") for count in (4, 2, 3))
    )
    last = await scale(system, "fb-collector=2", "gateway=1")

    assert last[-1] == "gateway: 1 running, 2 before"
    assert targets_of(system).keys() == {"gateway", "fb-collector", "fb-collector-2"}


async def test_a_stop_while_it_scales_ends_both(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    scaling = asyncio.create_task(scale(system, "fb-collector=20"))
    await until(lambda: len(system.descendants()) > 20)

    system.signal(signal.SIGINT)

    assert await system.exit_code() == 0
    with pytest.raises(NoSupervisor, match="being stopped"):
        await scaling


async def test_garbage_on_the_socket_does_no_harm(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    folder = os.open(system.data_dir, os.O_RDONLY)
    for garbage in (b"", b"\xff\xfe\n", b"x" * 100_000, b"\n"):
        with socket.socket(socket.AF_UNIX) as client, suppress(ConnectionError):
            client.connect(f"/proc/self/fd/{folder}/control.sock")
            client.sendall(garbage)
    os.close(folder)

    assert (await scale(system, "gateway=2"))[-1] == "gateway: 2 running, 1 before"
    port = urlsplit(system.processes["gateway-2"]["url"]).port
    socket.create_connection((LOOPBACK, port or 0)).close()


async def test_the_command_reports_its_results_and_faults(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()

    assert "fb-collector: 2 running, 1 before" in await system.told("scale", "fb-collector=2")
    assert "nobody=2 is not a scale" in await system.told("scale", "nobody=2")
    assert "reporter=2 is not a scale" in await system.told("scale", "reporter=2")
