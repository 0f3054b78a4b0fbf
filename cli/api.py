"""The API process."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from temporalio.client import Client
from temporalio.service import RetryConfig

from api.app import create_app
from api.auth.access_tokens import TokenVerifier
from api.auth.authenticator import AuthSettings
from api.context import ApiContext
from api.middleware.slow_clients import SlowClientProtocol
from api.rate_limits.counters import Counters, LocalCounters, RedisCounters
from api.services.change_stream import ChangeStreams
from api.settings import DeskSettings, DiscoverSettings, EnturSettings, TokenSettings, WatchSettings
from api.workflow_client import OrderWorkflowClient
from runtime.bootstrap import Components, build_components
from runtime.observability import collectors, start_observability
from runtime.settings import Settings
from runtime.startup_checks import check_configuration
from runtime.temporal_client import connect
from telemetry.metrics_server import metrics_served

# A request that cannot reach Temporal is answered 503 within its own patience.
QUICK = RetryConfig(initial_interval_millis=50, max_interval_millis=500, max_elapsed_time_millis=2000, max_retries=5)


class Server(uvicorn.Server):
    """Takes a signal for a wish to end, and ends the streams it serves before it waits for requests under way."""

    def __init__(self, config: uvicorn.Config, watchers: ChangeStreams) -> None:
        super().__init__(config)
        self._watchers = watchers

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take signals ourselves: uvicorn would raise them again, and a good end look like a bad one."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, self.handle_exit, signum, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving: requests under way are finished, streams end and are resumed elsewhere."""
        self._watchers.close()
        await super().shutdown(sockets)


async def serve(settings: Settings) -> None:
    """Serve the API until told to stop."""
    check_configuration(settings)
    made = build_components(settings)
    with start_observability(
        "changeover-api", metrics_port=settings.api_metrics_port, tracing=settings.tracing
    ) as told:
        client = await connect(settings, lazy=True, retry=QUICK, observability=told)
        with metrics_served(settings.metrics_host, settings.api_metrics_port, collectors(made.store, client, told)):
            buckets = _buckets(settings.rate_limit_redis.get_secret_value())
            await _server(settings, made, client, buckets).serve()
            await buckets.close()
    made.store.close()


def _access(settings: Settings) -> AuthSettings:
    issuer = TokenSettings(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        keys=settings.token_keys,
        algorithms=settings.token_algorithms,
        max_lifetime=settings.token_max_lifetime,
    )
    tokens = TokenVerifier(issuer) if settings.token_issuer else None
    return AuthSettings(
        settings.key_pepper.get_secret_value(),
        tokens,
        settings.client_per_minute,
        settings.unauthenticated_per_minute,
        settings.prices_per_minute,
    )


def _buckets(url: str) -> Counters:
    return RedisCounters(url) if url else LocalCounters()


def _server(settings: Settings, components: Components, client: Client, buckets: Counters) -> Server:
    parts = ApiContext(
        unscoped_store=components.store,
        offers=components.offers,
        workflow_client=OrderWorkflowClient(client, components.external_systems),
        tenant=settings.tenant,
        auth=_access(settings),
        counters=buckets,
        changes_per_hour=settings.changes_per_hour,
        web_ui=settings.web_ui,
        entur=EnturSettings(
            settings.entur_supplement_path, settings.entur_unnamed_per_minute, settings.entur_named_per_minute
        ),
        discover=DiscoverSettings(settings.discover_base_path, settings.discover_strict),
        desk=DeskSettings(frozenset({settings.api_host, *settings.desk_hosts})) if settings.serves_desk else None,
        url_policy=components.url_policy,
        watching=WatchSettings(settings.watchers, settings.watchers_per_client, settings.watch_life),
    )
    app = create_app(parts)
    if settings.tracing:
        from api.middleware.request_tracing import TracingMiddleware  # noqa: PLC0415 - tracing is optional

        app.add_middleware(TracingMiddleware)
    return Server(serving(app, settings), app.state.change_streams)


def serving(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,  # as everybody else's (telemetry/logs.py)
        access_log=False,
        server_header=False,
        # uvicorn believes whoever connects from this machine, unless told not to.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        http=SlowClientProtocol,
        ws="none",
        limit_concurrency=settings.connections,
    )
