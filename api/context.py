"""What the API is made of."""

from dataclasses import dataclass, field, replace

from fastapi import Request

from api.auth.authenticator import AuthSettings
from api.rate_limits.counters import Counters, LocalCounters
from api.settings import DeskSettings, DiscoverSettings, EnturSettings, WatchSettings
from api.workflow_client import OrderWorkflowClient
from domain.access import Caller, TenantAccess
from providers.protocols import OfferCatalogue
from providers.url_policy import UrlPolicy
from store.database.store import Store, TenantStore


@dataclass(frozen=True)
class ApiContext:
    """The store it reads, the catalogue it searches, the engine it asks, and whose orders it serves."""

    unscoped_store: Store
    """The whole store: for who a caller is, and for what serves all of them at once."""
    offers: OfferCatalogue
    workflow_client: OrderWorkflowClient
    tenant: str
    caller: Caller | None = None
    """Who asks, within a request that somebody was let in with; None for what is served to anybody."""
    auth: AuthSettings = field(default_factory=AuthSettings)
    counters: Counters = field(default_factory=LocalCounters)
    """Where requests are counted."""
    changes_per_hour: int = 200
    """How often one order may be asked to change (api/services/order_change_limit.py)."""
    web_ui: str | None = None
    """Where Temporal's Web UI is, for links."""
    entur: EnturSettings = field(default_factory=EnturSettings)
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    desk: DeskSettings | None = None
    """None where the desk is not served."""
    url_policy: UrlPolicy = field(default_factory=UrlPolicy)
    """Where webhooks may be."""
    watching: WatchSettings = field(default_factory=WatchSettings)

    @property
    def store(self) -> TenantStore:
        """The store, as far as the request's caller reaches."""
        return self.unscoped_store.for_tenant(self.access)

    @property
    def client(self) -> str:
        """Who asks, by the name it is registered under; empty where nobody is asked who they are."""
        return self.caller.client if self.caller else ""

    @property
    def access(self) -> TenantAccess:
        """Whose orders are served."""
        return self.caller.access if self.caller else TenantAccess(self.tenant)


def api_context(request: Request) -> ApiContext:
    """Return the parts of the application that handles a request, as far as its caller reaches."""
    made: ApiContext = request.app.state.parts
    caller: Caller | None = getattr(request.state, "caller", None)
    return replace(made, tenant=caller.access.tenant, caller=caller) if caller else made
