"""The loopback address and its free ports."""

import socket
from contextlib import ExitStack

HOST = "127.0.0.1"


def listening_socket() -> socket.socket:
    """Return a socket bound to a free port; hand it to a server, so that no other process takes the port meanwhile."""
    bound = socket.socket()
    bound.bind((HOST, 0))
    return bound


def free_port() -> int:
    """Return a port that no process uses now. Another process may take it before the caller does."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Return as many different ports, likewise: all are bound until the last is chosen, so that none comes twice."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
