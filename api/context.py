"""What the API is made of."""

from dataclasses import dataclass, field, replace

from fastapi import Request

from api.auth.authenticator import AccessSettings
from api.rate_limits.counters import Buckets, OwnBuckets
from api.settings import DeskSettings, DiscoverSettings, EnturSettings, WatchSettings
from api.workflow_client import Engine
from domain.access import Caller, Reach
from providers.protocols import OfferCatalogue
from providers.url_policy import Endpoints
from store.database.store import Store, Within


@dataclass(frozen=True)
class ApiParts:
    """The store it reads, the catalogue it searches, the engine it asks, and whose orders it serves."""

    everything: Store
    """The whole store: for who a caller is, and for what serves all of them at once."""
    offers: OfferCatalogue
    engine: Engine
    tenant: str
    caller: Caller | None = None
    """Who asks, within a request that somebody was let in with; None for what is served to anybody."""
    access: AccessSettings = field(default_factory=AccessSettings)
    buckets: Buckets = field(default_factory=OwnBuckets)
    """Where requests are counted."""
    changes_per_hour: int = 200
    """How often one order may be asked to change (api/services/order_change_limit.py)."""
    web_ui: str | None = None
    """Where Temporal's Web UI is, for links."""
    entur: EnturSettings = field(default_factory=EnturSettings)
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    desk: DeskSettings | None = None
    """None where the desk is not served."""
    endpoints: Endpoints = field(default_factory=Endpoints)
    """Where webhooks may be."""
    watching: WatchSettings = field(default_factory=WatchSettings)

    @property
    def store(self) -> Within:
        """The store, as far as the request's caller reaches."""
        return self.everything.within(self.reach)

    @property
    def client(self) -> str:
        """Who asks, by the name it is registered under; empty where nobody is asked who they are."""
        return self.caller.client if self.caller else ""

    @property
    def reach(self) -> Reach:
        """Whose orders are served."""
        return self.caller.reach if self.caller else Reach(self.tenant)


def parts(request: Request) -> ApiParts:
    """Return the parts of the application that handles a request, as far as its caller reaches."""
    made: ApiParts = request.app.state.parts
    caller: Caller | None = getattr(request.state, "caller", None)
    return replace(made, tenant=caller.reach.tenant, caller=caller) if caller else made
