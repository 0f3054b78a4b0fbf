"""What the API is made of."""

from dataclasses import dataclass, field

from fastapi import Request

from api.desk.settings import DeskSettings
from api.discover.settings import DiscoverSettings
from api.engine import Engine
from api.entur.settings import EnturSettings
from api.watching import WatchSettings
from providers.endpoints import Endpoints
from providers.protocols import OfferCatalogue
from store.database import Store


@dataclass(frozen=True)
class ApiParts:
    """The store it reads, the catalogue it searches, the engine it asks, and whose orders it serves."""

    store: Store
    offers: OfferCatalogue
    engine: Engine
    tenant: str
    web_ui: str | None = None
    """Where Temporal's Web UI is, for links."""
    entur: EnturSettings = field(default_factory=EnturSettings)
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    desk: DeskSettings | None = None
    """None where the desk is not served."""
    endpoints: Endpoints = field(default_factory=Endpoints)
    """Where webhooks may be."""
    watching: WatchSettings = field(default_factory=WatchSettings)


def parts(request: Request) -> ApiParts:
    """Return the parts of the application that handles a request."""
    made: ApiParts = request.app.state.parts
    return made
