"""Start-up checks.

A process refuses to start if the API is reachable from other hosts without authentication, or if production uses
SQLite or Temporal's development server.
"""

from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from api.settings import LOOPBACK
from runtime.settings import Settings

_NO_AUTHENTICATION = (
    "the API would accept unauthenticated requests. Set CHANGEOVER_KEY_PEPPER or CHANGEOVER_TOKEN_ISSUER"
    " (docs/authentication.md), or bind it to 127.0.0.1"
)
_PRIVATE_WEBHOOKS = (
    "CHANGEOVER_WEBHOOKS_ALLOW_PRIVATE is for development: a subscriber could make the worker call your own network"
)
_SQLITE = "CHANGEOVER_DATABASE is SQLite, which is for a single machine"
_DEVELOPMENT_SERVER = (
    "this Temporal server keeps its histories in SQLite: it is a development server, without authentication"
    " (docs/deployment.md)"
)


class UnsafeConfigurationError(Exception):
    """The configuration would expose the API or risk losing data; the message says what to set instead."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Not started: {why}.")


def check_configuration(settings: Settings) -> None:
    """Raise UnsafeConfigurationError for an API without authentication on other hosts or in production.

    There it must also refuse private webhook addresses; the database must pass `check_database`.
    """
    check_database(settings)
    if not settings.production and settings.api_host in LOOPBACK:
        return
    if not settings.authentication_enabled:
        raise UnsafeConfigurationError(_NO_AUTHENTICATION)
    if settings.webhooks_allow_private:
        raise UnsafeConfigurationError(_PRIVATE_WEBHOOKS)


def check_database(settings: Settings) -> None:
    """Raise UnsafeConfigurationError when production uses SQLite."""
    if settings.production and settings.database.startswith("sqlite"):
        raise UnsafeConfigurationError(_SQLITE)


async def check_temporal_server(client: Client) -> None:
    """Raise UnsafeConfigurationError for Temporal's development server. A server that hides its store passes."""
    try:
        cluster = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    except (RPCError, RuntimeError):
        return
    if cluster.persistence_store == "sqlite":
        raise UnsafeConfigurationError(_DEVELOPMENT_SERVER)
