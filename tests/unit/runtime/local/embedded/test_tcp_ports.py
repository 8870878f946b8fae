import socket
from collections.abc import Iterator

import pytest

from runtime.local.embedded.tcp_ports import (
    LOOPBACK,
    PortsTaken,
    PortWish,
    choose_ports,
    free_port,
    why_not,
)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_can_be_had() -> None:
    port = free_port()

    assert why_not(port) is None
    assert choose_ports([PortWish("GATEWAY_PORT", port)]) == ({"GATEWAY_PORT": port}, [])


def test_a_port_taken_on_every_address_is_taken() -> None:
    with socket.create_server(("", 0)) as server:
        assert why_not(server.getsockname()[1]) == "Address already in use"


def test_free_ports_are_not_given_twice() -> None:
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50


def test_zero_is_any_free_port() -> None:
    chosen, notes = choose_ports([PortWish("GATEWAY_PORT", 0), PortWish("REPORTER_PORT", 0)])

    assert 0 not in chosen.values()
    assert len(set(chosen.values())) == 2
    assert notes == []


def test_a_port_that_may_move_does_and_says_so(taken: int) -> None:
    chosen, notes = choose_ports([PortWish("POSTGRES_PORT", taken, may_move=True)])

    assert chosen["POSTGRES_PORT"] != taken
    assert notes == [f"port {taken} is in use: POSTGRES_PORT is now {chosen['POSTGRES_PORT']}"]


def test_every_port_that_is_taken_is_named_with_its_setting(taken: int) -> None:
    free = free_port()
    wishes = [PortWish("A_PORT", taken), PortWish("B_PORT", free), PortWish("C_PORT", free)]

    with pytest.raises(PortsTaken) as caught:
        choose_ports(wishes)

    assert str(caught.value).splitlines()[1:] == [
        f"  {taken}, from A_PORT: Address already in use",
        f"  {free}, from C_PORT: B_PORT uses it already",
    ]
