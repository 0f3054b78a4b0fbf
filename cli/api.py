"""`api`: runs the API process."""

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
from runtime.bootstrap import Components, bounded_inventory, build_components
from runtime.observability import collectors, start_observability
from runtime.settings import Settings
from runtime.startup_checks import check_configuration
from runtime.temporal_client import connect
from telemetry.metrics_server import metrics_served

# A request is answered 503 if Temporal does not answer within these 2 seconds.
QUICK = RetryConfig(initial_interval_millis=50, max_interval_millis=500, max_elapsed_time_millis=2000, max_retries=5)


class Server(uvicorn.Server):
    """A server that shuts down at SIGINT and SIGTERM, and ends its streams before it waits for running requests."""

    def __init__(self, config: uvicorn.Config, change_streams: ChangeStreams) -> None:
        super().__init__(config)
        self._change_streams = change_streams

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle signals ourselves: uvicorn raises them again, so a clean shutdown would end with an error code."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, self.handle_exit, signum, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving: running requests finish; streams end, and their clients resume them at another process."""
        self._change_streams.close()
        await super().shutdown(sockets)


async def serve(settings: Settings) -> None:
    """Serve the API until SIGINT or SIGTERM."""
    check_configuration(settings)
    components = build_components(settings)
    with start_observability(
        "changeover-api", metrics_port=settings.api_metrics_port, tracing=settings.tracing
    ) as process:
        client = await connect(settings, lazy=True, retry=QUICK, observability=process)
        with metrics_served(
            settings.metrics_host, settings.api_metrics_port, collectors(components.store, client, process)
        ):
            counters = _build_counters(settings.rate_limit_redis.get_secret_value())
            await _build_server(settings, components, client, counters).serve()
            await counters.close()
    components.store.close()


def _build_auth(settings: Settings) -> AuthSettings:
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


def _build_counters(url: str) -> Counters:
    return RedisCounters(url) if url else LocalCounters()


def _build_server(settings: Settings, components: Components, client: Client, counters: Counters) -> Server:
    context = ApiContext(
        unscoped_store=components.store,
        offers=components.offers,
        inventory=bounded_inventory(components, settings),
        workflow_client=OrderWorkflowClient(
            client, components.external_systems, reseats_by_itself=bool(settings.reseat)
        ),
        tenant=settings.tenant,
        payments=components.payments,
        auth=_build_auth(settings),
        counters=counters,
        changes_per_hour=settings.changes_per_hour,
        tax_rounding=settings.tax_rounding,
        web_ui=settings.web_ui,
        entur=EnturSettings(
            settings.entur_supplement_path, settings.entur_unnamed_per_minute, settings.entur_named_per_minute
        ),
        discover=DiscoverSettings(settings.discover_base_path, settings.discover_strict),
        desk=DeskSettings(frozenset({settings.api_host, *settings.desk_hosts})) if settings.serves_desk else None,
        url_policy=components.url_policy,
        watching=WatchSettings(settings.watchers, settings.watchers_per_client, settings.watch_life),
    )
    app = create_app(context)
    if settings.tracing:
        from api.middleware.request_tracing import TracingMiddleware  # noqa: PLC0415 - tracing is optional

        app.add_middleware(TracingMiddleware)
    return Server(build_config(app, settings), app.state.change_streams)


def build_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration for an application."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,  # uvicorn logs as the rest of the process does (telemetry/logs.py)
        access_log=False,
        server_header=False,
        # By default uvicorn trusts the proxy headers of every connection from this machine.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        http=SlowClientProtocol,
        ws="none",
        limit_concurrency=settings.connections,
    )
