"""Serves /metrics to Prometheus on a port of its own, so that clients of the API cannot read it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.registry import Collector


@contextmanager
def metrics_served(host: str, port: int, collectors: Sequence[Collector]) -> Iterator[None]:
    """Serve /metrics until the block ends; port 0 serves nothing. Raises OSError when the port is in use."""
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        raise OSError(f"Metrics cannot be served at {host}:{port}: {error.strerror}") from error
    for each in collectors:
        REGISTRY.register(each)
    try:
        yield
    finally:
        for each in collectors:
            REGISTRY.unregister(each)
        server.shutdown()
        server.server_close()
        thread.join()
