"""The context of an API request: the dependencies of its handler and the authenticated caller."""

from dataclasses import dataclass, field, replace

from fastapi import Request

from api.auth.authenticator import AuthSettings
from api.rate_limits.counters import Counters, LocalCounters
from api.settings import DeskSettings, DiscoverSettings, EnturSettings, WatchSettings
from api.workflow_client import OrderWorkflowClient
from domain.access import Caller, TenantAccess
from domain.taxes import TaxRounding
from providers.bounded_providers import unavailable_providers
from providers.protocols import CountsFreePlaces, OfferCatalogue, PaymentProvider
from providers.url_policy import UrlPolicy
from store.database.store import Store, TenantStore


@dataclass(frozen=True)
class ApiContext:
    """The store, providers, workflow client and settings that request handlers use, and the caller's tenant."""

    unscoped_store: Store
    """The store without tenant scope: for authentication, health checks and streams that serve every tenant."""
    offers: OfferCatalogue
    inventory: CountsFreePlaces
    """Asked only how much is free; steps of the worker hold and sell."""
    workflow_client: OrderWorkflowClient
    tenant: str
    payments: PaymentProvider | None = None
    """Only its book is read, for the desk; steps of the worker authorise and settle. None: it is not read."""
    caller: Caller | None = None
    """The authenticated caller of the request; None outside of a request and on routes without authentication."""
    auth: AuthSettings = field(default_factory=AuthSettings)
    counters: Counters = field(default_factory=LocalCounters)
    """The counters of the rate limits."""
    changes_per_hour: int = 200
    """How many change requests one order accepts per hour (api/services/order_change_limit.py)."""
    tax_rounding: TaxRounding = TaxRounding.LINE
    """How the tax of new orders is rounded."""
    web_ui: str | None = None
    """The address of Temporal's Web UI, for links."""
    entur: EnturSettings = field(default_factory=EnturSettings)
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    desk: DeskSettings | None = None
    """None if the desk is not served."""
    url_policy: UrlPolicy = field(default_factory=UrlPolicy)
    """Decides which URLs a webhook may have."""
    watching: WatchSettings = field(default_factory=WatchSettings)

    @property
    def store(self) -> TenantStore:
        """The store, restricted to the caller's tenant and channel."""
        return self.unscoped_store.for_tenant(self.access)

    @property
    def unavailable_providers(self) -> list[str]:
        """External providers that this process asked in vain the last time."""
        return unavailable_providers(self.offers, self.inventory)

    @property
    def client(self) -> str:
        """The registered name of the calling client; empty if authentication is off."""
        return self.caller.client if self.caller else ""

    @property
    def access(self) -> TenantAccess:
        """The tenant and channel whose orders the caller may access."""
        return self.caller.access if self.caller else TenantAccess(self.tenant)


# Dependencies are coroutines, though they wait for nothing: FastAPI runs a plain function in a thread, and that costs
# more than the function itself.
async def api_context(request: Request) -> ApiContext:
    """Return the application's context, restricted to the caller of a request."""
    ctx: ApiContext = request.app.state.context
    caller: Caller | None = getattr(request.state, "caller", None)
    return replace(ctx, tenant=caller.access.tenant, caller=caller) if caller else ctx
