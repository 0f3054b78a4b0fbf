"""The scope that each route requires. AuthenticatedRoute refuses a route without an entry."""

from collections.abc import Mapping

from domain.access import Scope

_ROUTES: Mapping[Scope, tuple[str, ...]] = {
    Scope.READ: (
        *("get_order", "get_options", "get_history", "get_change", "watch_change"),
        *("get_sales_order", "get_change_options"),
        *("discover_order", "discover_item"),
    ),
    Scope.CHANGE: (
        *("search_offers", "create_order", "quote", "change", "discard", "extend"),
        *("reserve_offers", "update_order", "add_supplements", "reset"),
        *("discover_create", "discover_update", "discover_offers"),
        *("discover_add_item", "discover_update_item", "discover_remove_item"),
    ),
    Scope.CONFIRM: ("confirm", "pay", "confirm_order_lines"),
    Scope.OPERATE: (
        "get_attention",
        "get_order_attention",
        "retry_now",
        "done_by_hand",
        "payout",
        "reverse",
        "reseat",
        "close_dispute",
    ),
    Scope.ADMINISTER: (
        *("subscribe", "get_webhooks", "get_webhook", "change_webhook", "unsubscribe"),
        *("rotate_secret", "test_webhook", "get_deliveries"),
    ),
}
SCOPE_OF: Mapping[str, Scope] = {name: scope for scope, names in _ROUTES.items() for name in names}
"""By the route's name. A change that is confirmed in the same request also requires `confirm`."""
FOR_PRICES = frozenset({"search_offers", "quote", "get_options", "get_change_options", "discover_offers"})
"""Routes that return prices without a commitment. They have their own rate limit against price scraping."""
SIGNED_ROUTES = frozenset({"receive_provider_event"})
"""The one exception: a payment provider has no API key or access token. Its signature authenticates its request."""
