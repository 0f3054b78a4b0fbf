"""The API process."""

import socket

import uvicorn
from temporalio.service import RetryConfig

import worker
from api.app import create_app
from api.discover.settings import DiscoverSettings
from api.engine import Engine
from api.entur.settings import EnturSettings
from api.parts import ApiParts
from api.watching import Watchers, WatchSettings
from settings import Settings

# A request that cannot reach Temporal is answered 503 within its own patience.
QUICK = RetryConfig(initial_interval_millis=50, max_interval_millis=500, max_elapsed_time_millis=2000, max_retries=5)


class Server(uvicorn.Server):
    """Ends the streams it serves before it waits for requests under way."""

    def __init__(self, config: uvicorn.Config, watchers: Watchers) -> None:
        super().__init__(config)
        self._watchers = watchers

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving: requests under way are finished, streams end and are resumed elsewhere."""
        self._watchers.close()
        await super().shutdown(sockets)


async def serve(settings: Settings) -> None:
    """Serve the API until told to stop."""
    made = worker.parts(settings)
    client = await worker.connect(settings, lazy=True, retry=QUICK)
    parts = ApiParts(
        store=made.store,
        offers=made.offers,
        engine=Engine(client, settings.outside),
        tenant=settings.tenant,
        entur=EnturSettings(
            settings.entur_supplement_path, settings.entur_unnamed_per_minute, settings.entur_named_per_minute
        ),
        discover=DiscoverSettings(settings.discover_base_path, settings.discover_strict),
        watching=WatchSettings(settings.watchers, settings.watch_life),
    )
    app = create_app(parts)
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        h11_max_incomplete_event_size=32 * 1024,
    )
    await Server(config, app.state.watchers).serve()
    made.store.close()
