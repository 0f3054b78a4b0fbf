"""Connects a process to Temporal."""

from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RetryConfig

from runtime.observability import Observability
from runtime.settings import Settings
from temporal.data_converter import DATA_CONVERTER


async def connect(
    settings: Settings,
    *,
    lazy: bool = False,
    retry: RetryConfig | None = None,
    observability: Observability | None = None,
) -> Client:
    """Connect to Temporal by its environment profile, or else to the address in the settings.

    A lazy client connects at its first call. With `observability`, the client serves metrics and exports spans.
    """
    config: dict[str, Any] = {"target_host": settings.temporal_address}
    config |= ClientConfig.load_client_connect_config()
    config |= {"runtime": observability.runtime, "plugins": observability.plugins} if observability else {}
    return await Client.connect(**config, data_converter=DATA_CONVERTER, lazy=lazy, retry_config=retry)
