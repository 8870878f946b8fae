"""The banner that `eps up` prints when everything is ready."""

from collections.abc import Iterator
from pathlib import Path

from runtime.local.supervisor.plan import Plan
from runtime.local.supervisor.secrets import secrets_file
from runtime.telemetry.safe_urls import without_password

_DOCUMENTED = ("gateway", "reporter")
_WIDTH = 14
_WHOLE_DAYS = 10


def banner(
    plan: Plan,
    *,
    database_url: str,
    nats_url: str,
    monitoring_url: str | None,
    data_dir: Path,
    disk_days: float | None = None,
) -> str:
    """Show every URL, with an example of a report; for secrets, the file that has them.

    Args:
        plan: What runs.
        database_url: With or without its password, which is left out.
        nats_url: Same.
        monitoring_url: The broker's, if it is known.
        data_dir: Where data are stored.
        disk_days: How long the disk will last; None if unknown.
    """
    monitoring = f"  monitoring {monitoring_url}" if monitoring_url else ""
    file = secrets_file(data_dir)
    rows = [
        *_function_rows(plan),
        ("database", without_password(database_url)),
        ("broker", ",".join(map(without_password, nats_url.split(","))) + monitoring),
        *([("passwords", str(file))] if file.exists() else []),
        ("data", str(data_dir)),
        *([] if disk_days is None else [("disk", _lasts(disk_days))]),
    ]
    table = [f"  {name:<{_WIDTH}} {where}" for name, where in rows]
    return "\n".join(
        [
            "",
            "Everything is ready. Ctrl-C stops it; the data are kept.",
            *_pages(plan),
            "",
            *table,
            *_example(plan),
            "",
        ]
    )


def _lasts(days: float) -> str:
    number = f"{days:,.1f}" if days < _WHOLE_DAYS else f"{days:,.0f}"
    return (
        f"full in {number} days at the rate of the last hour with events; eps archive frees space"
    )


def _pages(plan: Plan) -> list[str]:
    reporters = [replica for replica in plan.replicas if replica.function.name == "reporter"]
    return [f"Reports and the state of the system: {reporter.url}" for reporter in reporters[:1]]


def _function_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    for replica in plan.replicas:
        if replica.function.name in _DOCUMENTED:
            yield replica.name, f"{replica.url}/api"
    for replica in plan.replicas:
        name = "metrics" if replica is plan.replicas[0] else ""
        yield name, f"{replica.url}/metrics  {replica.name}"


def _example(plan: Plan) -> list[str]:
    reporters = [replica for replica in plan.replicas if replica.function.name == "reporter"]
    return [f"\n  curl '{reporter.url}/reports/events'" for reporter in reporters[:1]]
