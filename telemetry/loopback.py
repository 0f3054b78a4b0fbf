"""The loopback address and its free ports."""

import socket

HOST = "127.0.0.1"


def listening_socket() -> socket.socket:
    """Return a socket bound to a free port; hand it to a server, so that no other process takes the port meanwhile."""
    bound = socket.socket()
    bound.bind((HOST, 0))
    return bound


def free_port() -> int:
    """Return a port that no process uses now. Another process may take it before the caller does."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
