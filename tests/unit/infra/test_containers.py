"""The containers' files agree with the code, with each other and with the documents."""

import re
from typing import Any

import pytest

from functions.senders.table import SENDERS
from runtime.catalogue import FUNCTIONS
from runtime.cli import probe
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.http.pages.assets import SCRIPT, STYLE
from runtime.local.embedded.postgres_server import DATABASE
from tests.unit.compose_files import BASE, ROOT, read, services_of, variables_of, volumes_of

SERVICES = services_of(BASE)
OWN = [name for name, it in SERVICES.items() if it["image"].startswith("event-processing-system")]
MOST_MEBIBYTES = 4096
_UNITS = {"m": 1, "g": 1024}


def mebibytes(limit: str) -> int:
    return int(limit[:-1]) * _UNITS[limit[-1]]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def published(service: dict[str, Any]) -> list[int]:
    """List the host ports of a service."""
    return [int(port.split(":")[-2]) for port in service.get("ports", [])]


def words_of(array: str) -> list[str]:
    """Read an array of infra/containers.sh."""
    match = re.search(rf"^readonly {array}=\((.*)\)", text_of("infra/containers.sh"), re.MULTILINE)
    assert match is not None
    return match[1].split()


def test_all_that_the_system_has_is_there() -> None:
    servers = {"postgres", "nats", "edge", "prometheus", "grafana"}

    assert set(SERVICES) == servers | set(FUNCTIONS) | {"migrate", "publisher"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_checked_from_inside(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {}).get("test")

    assert check or (name in FUNCTIONS and "runtime.cli.probe" in text_of("infra/Dockerfile"))


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]

    assert tag == "local" if name in OWN else re.match(r"v?\d+\.\d+", tag)


def test_all_fits_the_memory_that_was_promised() -> None:
    limits = [mebibytes(service["mem_limit"]) for service in SERVICES.values()]

    assert sum(limits) <= MOST_MEBIBYTES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_on_its_port(name: str) -> None:
    assert SERVICES[name]["command"] == ["eps", "run", name]
    assert SERVICES[name]["environment"]["PORT"] == FUNCTIONS[name].port


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_handed_every_setting_that_it_knows(name: str) -> None:
    settings = {field.upper() for field in FUNCTIONS[name].kind.settings.model_fields}

    assert settings - set(SERVICES[name]["environment"]) == {"HOST"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_scaled_takes_no_port_of_the_machine(name: str) -> None:
    assert published(SERVICES[name]) == []


def test_the_edge_has_the_ports_of_all_functions() -> None:
    ports = {name: function.port for name, function in FUNCTIONS.items()}
    edge = text_of("infra/haproxy.cfg")

    bound = {name: int(port) for port, name in re.findall(r"bind :(\d+) name (\S+)", edge)}
    handed = re.findall(
        r"^backend (\S+)\n  server-template \S+ \d+ (\S+):(\d+)$", edge, re.MULTILINE
    )

    assert bound == ports
    assert sorted(handed) == sorted((name, name, str(port)) for name, port in ports.items())
    assert sorted(published(SERVICES["edge"])) == sorted(ports.values())
    assert set(re.findall(r"nbsrv\(([\w-]+)\)", edge)) == set(ports)


INSIDE = ("/metrics", "/health/ready", "/health/live")
CLIENTS_PATHS = {
    path
    for document in (
        gateway_document(url="http://x", body_size_limit=1, senders=[it.name for it in SENDERS]),
        reporter_document(url="http://x"),
    )
    for path in document["paths"]
    if path not in INSIDE
}


def opened(edge: str, path: str) -> bool:
    """Return whether the edge's list has a path, compared like HAProxy: byte by byte."""
    exact = [each for line in re.findall(r"\bpath ((?:/\S+ ?)+)", edge) for each in line.split()]
    beginnings = re.findall(r"path_beg (.*)", edge)
    patterns = [it for line in re.findall(r"path_reg (.*)", edge) for it in line.split()]
    plain = path.replace("{major}", "25").replace("{minor}", "0").replace("{dataset}", "123")
    return (
        path in exact
        or any(path.startswith(it) for line in beginnings for it in line.split())
        or any(re.search(it, plain) for it in patterns)
    )


@pytest.mark.parametrize("path", sorted(CLIENTS_PATHS))
def test_the_edge_opens_the_paths_of_clients(path: str) -> None:
    assert opened(text_of("infra/haproxy.cfg"), path)


@pytest.mark.parametrize("file", ["infra/haproxy.cfg", "infra/scaling/haproxy.cfg"])
@pytest.mark.parametrize("path", [*INSIDE, "//metrics", "/%6detrics", "/metrics/", "/"])
def test_an_edge_does_not_open_internal_paths(path: str, file: str) -> None:
    edge = re.sub(r"^  acl page .*$", "", text_of(file), flags=re.MULTILINE)

    assert "return status 404" in edge
    assert not opened(edge, path)


@pytest.mark.parametrize(
    "path", ["/", "/trail", "/sign-in", "/session", "/session/end", STYLE.path, SCRIPT.path]
)
def test_the_edge_opens_pages_of_the_reporter_alone(path: str) -> None:
    edge = text_of("infra/haproxy.cfg")
    pages = re.findall(r"^  acl page path(?:_beg)? (.*)$", edge, flags=re.MULTILINE)

    assert any(
        path == it or (it == "/assets/" and path.startswith(it))
        for line in pages
        for it in line.split()
    )
    assert "unless listed or page { so_name reporter } or {" in edge


@pytest.mark.parametrize(
    "path",
    ["/events", "/cloudevents", "/api", *(path for sender in SENDERS for path in sender.paths)],
)
def test_the_edge_of_gateways_opens_what_senders_need(path: str) -> None:
    assert opened(text_of("infra/scaling/haproxy.cfg"), path.replace(":int", ""))


def test_only_on_a_developer_s_machine_the_edge_opens_all() -> None:
    assert SERVICES["edge"]["environment"]["EDGE_OPENS"] == "all"
    assert "or { env(EDGE_OPENS) -m str all }" in text_of("infra/haproxy.cfg")
    assert services_of(STAGING)["edge"]["environment"]["EDGE_OPENS"] == ""


@pytest.mark.parametrize("name", OWN)
def test_our_own_can_change_nothing_of_the_machine(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "volumes" not in service


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_when_what_it_needs_is_ready(name: str) -> None:
    environment = SERVICES[name]["environment"]
    needed = {"edge": "service_started"}
    if "NATS_URL" in environment:
        needed["nats"] = "service_healthy"
    if "DATABASE_URL" in environment:
        needed["migrate"] = "service_completed_successfully"

    found = {it: how["condition"] for it, how in SERVICES[name]["depends_on"].items()}
    servers = {it: condition for it, condition in found.items() if it not in FUNCTIONS}

    assert servers == needed


def test_data_are_kept_in_named_volumes() -> None:
    mounts = [mount for it in SERVICES.values() for mount in it.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}

    assert named == volumes_of(BASE) == {"postgres", "nats", "prometheus", "grafana"}


def test_the_publisher_sends_to_the_gateway() -> None:
    endpoint = SERVICES["publisher"]["environment"]["EVENT_ENDPOINT"]

    assert endpoint == f"http://gateway:{FUNCTIONS['gateway'].port}/events"


def test_the_scripts_know_every_service() -> None:
    known = words_of("INFRASTRUCTURE") + words_of("APPLICATION") + words_of("MONITORING")

    assert sorted(known + words_of("MAY_FINISH")) == sorted(SERVICES)
    assert sorted(words_of("SCALABLE")) == sorted(FUNCTIONS)


def test_the_probe_knows_the_ports() -> None:
    assert sorted(probe.PORTS) == sorted(function.port for function in FUNCTIONS.values())


def test_the_database_is_as_the_embedded_one() -> None:
    flags = [it.removeprefix("-c") for it in SERVICES["postgres"]["command"][1:]]
    embedded = text_of("runtime/local/embedded/postgres.conf").replace(" ", "")

    assert [it for it in flags if it not in embedded] == ["shared_buffers=256MB"]
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == DATABASE


def test_every_variable_is_in_the_example() -> None:
    example = text_of(".env.example")

    named = set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))

    assert sorted(variables_of(BASE) - named) == []


def test_what_the_image_is_made_of_reaches_the_builder() -> None:
    dockerfile = text_of("infra/Dockerfile")
    locks = re.findall(r"LOCK=(\S+)", dockerfile)  # the default, and that of an archive
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    copied = [" ".join(locks) if names == "${LOCK}" else names for names in copied]
    let_in = set(re.findall(r"^!(.+)$", text_of(".dockerignore"), re.MULTILINE))

    assert {name for names in copied for name in names.split()} == let_in


STAGING = "compose.staging.yml"
PRODUCTION = "compose.production.yml"
DEVELOPMENT = "compose.development.yml"
OVERLAYS = [DEVELOPMENT, STAGING, PRODUCTION]
ADDRESSES = {"DATABASE_URL", "NATS_URL", "OPERATOR_DATABASE_URL"}
INNER = {"postgres", "nats", "prometheus"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_changes_services_that_there_are(overlay: str) -> None:
    assert set(services_of(overlay)) <= set(SERVICES)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_says_for_each_function_where_it_runs(overlay: str) -> None:
    services = services_of(overlay)

    told = {services[name]["environment"]["ENVIRONMENT"] for name in FUNCTIONS}

    assert told == {re.split(r"\.", overlay)[1]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_of_an_overlay_is_in_the_example(overlay: str) -> None:
    named = set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", text_of(".env.example"), re.MULTILINE))

    assert sorted(variables_of(overlay) - named) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_development_a_function_is_restarted_from_the_mounted_source(name: str) -> None:
    service = services_of(DEVELOPMENT)[name]

    assert service["command"] == ["watchfiles", f"python -m runtime run {name}", "/src"]
    assert service["volumes"] == [f"./{it}:/src/{it}:ro" for it in ("functions", "runtime")]


@pytest.mark.parametrize("name", INNER)
def test_in_staging_internal_services_are_not_published(name: str) -> None:
    assert SERVICES[name]["ports"]
    assert services_of(STAGING)[name]["ports"] is None


def test_in_staging_gateway_and_reporter_are_published_and_nothing_else_of_the_edge() -> None:
    ports = published(services_of(STAGING)["edge"])

    assert ports == [FUNCTIONS["gateway"].port, FUNCTIONS["reporter"].port]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_staging_addresses_and_keys_are_secrets(name: str) -> None:
    service = services_of(STAGING)[name]
    base = SERVICES[name]["environment"]
    secrets = {it if isinstance(it, str) else it["target"] for it in service["secrets"]}
    addresses = {it for it in base if it in ADDRESSES}
    is_asked = "NATS_URL" not in addresses or "DATABASE_URL" not in addresses
    keys = {it for it in base if is_asked and it.endswith(("_API_KEYS", "_PEPPER"))}

    assert {it for it in addresses if service["environment"][it] == ""} == addresses
    assert {it.lower() for it in addresses | keys} | {"ca.crt"} == secrets


def test_in_staging_no_default_password_is_left() -> None:
    for name, service in services_of(STAGING).items():
        base = SERVICES[name].get("environment", {})
        passwords = {it for it, value in base.items() if "PASSWORD" in it and value}

        told = service.get("environment", {})
        left = passwords - {it for it, value in told.items() if value == ""}

        assert left == set(), name


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "publisher"}))
def test_in_staging_what_ends_is_started_again_and_logs_are_bounded(name: str) -> None:
    service = services_of(STAGING)[name]

    assert service["restart"] == "always"
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


def test_every_secret_is_made() -> None:
    secrets = {it["file"] for it in read(STAGING)["secrets"].values()}
    script = text_of("infra/make-secrets.sh")

    stems = {re.split(r"[._/]", it)[1] for it in secrets}

    assert {it for it in stems if it not in script} == set()


@pytest.mark.parametrize("name", [*FUNCTIONS, "migrate"])
def test_in_production_nothing_starts_without_the_rules_of_staging(name: str) -> None:
    service = services_of(PRODUCTION)[name]
    addresses = {it for it in SERVICES[name]["environment"] if it in {"DATABASE_URL", "NATS_URL"}}

    assert {it for it in addresses if service["environment"].get(it) == ""} == addresses
    assert service["build"] is None
