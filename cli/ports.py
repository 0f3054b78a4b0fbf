"""Ports on this machine: the requested one, or a free one."""

import socket

from telemetry.loopback import HOST


def is_free(port: int) -> bool:
    """Whether a port of the loopback address can be bound now."""
    with socket.socket() as probe:
        # A server that has just ended leaves its port in TIME_WAIT; the next server may bind it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_port(requested: int | None, usual: int, free: int) -> int:
    """Return the requested port, else the usual one, else the `free` one.

    Raises OSError when the requested port is taken.
    """
    if requested is not None:
        if not is_free(requested):
            raise OSError(f"Port {requested} is taken. Choose another one, or leave the option out to get a free one.")
        return requested
    return usual if is_free(usual) else free
