"""Ports on this machine: the one asked for, or a free one."""

import socket

from telemetry.loopback import HOST, free_port


def is_free(port: int) -> bool:
    """Whether a port of the loopback address can be bound now."""
    with socket.socket() as probe:
        # A server that has just ended leaves its port waiting; whoever comes next may have it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(wanted: int | None, usual: int) -> int:
    """Return the port asked for, else the usual one, else a free one.

    Raises OSError when a port was asked for and somebody has it.
    """
    if wanted is not None:
        if not is_free(wanted):
            raise OSError(f"Port {wanted} is taken. Name another one, or leave it out to get a free one.")
        return wanted
    return usual if is_free(usual) else free_port()
