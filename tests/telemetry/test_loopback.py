"""Ports for servers on this machine."""

from telemetry.loopback import free_ports


def test_ports_that_are_chosen_together_differ() -> None:
    """Chosen one after another, of so many at least two are the same: the system gives a port again once it is free."""
    ports = free_ports(500)
    assert len(set(ports)) == 500
