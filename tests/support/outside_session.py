"""An installation whose seats and payments are outside of our database, so that its steps may be done by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from providers.embedded.inventory import EmbeddedInventory
from tests.support.installation import prepare_database, running_world
from tests.support.watched_bank import WatchedBank, provider_for
from tests.support.world import World


class OutsideInventory(EmbeddedInventory):
    """The embedded inventory as if it were outside of our database."""

    external = True


@asynccontextmanager
async def running_outside(url: str, temporal: str, namespace: str, **settings: Any) -> AsyncIterator[World]:
    """Start worker and API on an empty database, with an external inventory and the fake bank."""
    with provider_for(WatchedBank()) as payments:
        providers: dict[str, Any] = {"payments": payments, "inventory": OutsideInventory}
        async with running_world(prepare_database(url), temporal, namespace, **providers, **settings) as world:
            yield world
