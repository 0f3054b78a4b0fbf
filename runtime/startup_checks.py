"""What may be reached from elsewhere is asked who it is; otherwise a process refuses to start and says why."""

from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from api.settings import LOOPBACK
from runtime.settings import Settings

_NOBODY_KNOWN = (
    "the API would answer anybody. Set CHANGEOVER_KEY_PEPPER or CHANGEOVER_TOKEN_ISSUER (docs/authentication.md),"
    " or bind it to 127.0.0.1"
)
_PRIVATE = (
    "CHANGEOVER_WEBHOOKS_ALLOW_PRIVATE is for development: whoever subscribes could have us call your own network"
)
_ONE_FILE = "CHANGEOVER_DATABASE is SQLite, which is for one machine"
_DEVELOPMENT = (
    "this Temporal keeps its histories in SQLite: it is a server for development, and asks nobody who they are"
    " (docs/deployment.md)"
)


class UnsafeConfigurationError(Exception):
    """Somebody who does not belong could get in, or what is kept could be lost: what to set instead."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Not started: {why}.")


def check_configuration(settings: Settings) -> None:
    """Raise UnguardedError when the API would answer other machines, or work in production, without a guard."""
    check_database(settings)
    if not settings.production and settings.api_host in LOOPBACK:
        return
    if not settings.authentication_enabled:
        raise UnsafeConfigurationError(_NOBODY_KNOWN)
    if settings.webhooks_allow_private:
        raise UnsafeConfigurationError(_PRIVATE)


def check_database(settings: Settings) -> None:
    """Raise UnguardedError when production would be kept in one file."""
    if settings.production and settings.database.startswith("sqlite"):
        raise UnsafeConfigurationError(_ONE_FILE)


async def check_temporal_server(client: Client) -> None:
    """Raise UnguardedError when a Temporal is one that is meant for development. One that does not say is none."""
    try:
        found = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    except (RPCError, RuntimeError):
        return
    if found.persistence_store == "sqlite":
        raise UnsafeConfigurationError(_DEVELOPMENT)
