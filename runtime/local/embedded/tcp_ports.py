"""TCP ports on this machine: find free ones, explain taken ones, choose."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


class PortsTaken(Exception):
    """Ports that are needed can't be used; the message has a line for each."""


@dataclass(frozen=True, slots=True)
class PortWish:
    """A port that a component wants.

    Attributes:
        setting: Its setting, ``GATEWAY_PORT``.
        port: The wanted port; 0 for any free one.
        may_move: Whether another port may replace it if it is taken.
    """

    setting: str
    port: int
    may_move: bool = False


def choose_ports(wishes: Iterable[PortWish]) -> tuple[dict[str, int], list[str]]:
    """Give every wish a free port of its own.

    Returns:
        The port of each setting, and a line for each that moved.

    Raises:
        PortsTaken: Some can't be had; it names them all.
    """
    chosen: dict[str, int] = {}
    notes, faults = [], []
    for wish in wishes:
        why = _why_not(wish.port, chosen)
        chosen[wish.setting] = wish.port if wish.port and not why else free_port()
        if why and wish.may_move:
            notes.append(
                f"port {wish.port} is in use: {wish.setting} is now {chosen[wish.setting]}"
            )
        elif why:
            faults.append(f"  {wish.port}, from {wish.setting}: {why}")
    if faults:
        raise PortsTaken("\n".join(["These ports can't be used; choose others:", *faults]))
    return chosen, notes


def _why_not(port: int, chosen: dict[str, int]) -> str | None:
    if port == 0:
        return None
    same = [setting for setting, other in chosen.items() if other == port]
    return f"{same[0]} uses it already" if same else why_not(port)


def why_not(port: int) -> str | None:
    """Explain why nothing can listen on ``port``, or return None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            return error.strerror or str(error)
    return None


def free_port() -> int:
    """Find a port that is free, and will stay so for about a minute.

    The connection made here leaves it in TIME_WAIT, in which the kernel gives it only to
    a server that asks for this very port.
    """
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, 0))
        server.listen(1)
        address: tuple[str, int] = server.getsockname()
        with socket.create_connection(address) as client:
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first is the one in TIME_WAIT
            client.recv(1)
    return address[1]
