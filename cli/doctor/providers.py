"""Checks the external offer catalogue and inventory: whether each answers in time, and what it may answer."""

from collections.abc import Callable, Iterator
from typing import Any

from cli.doctor.findings import Finding, bad, ok
from cli.doctor.target import Target
from providers.bounded_calls import BoundedCalls
from providers.bounded_providers import BoundedInventory, BoundedOffers
from providers.errors import ProviderUnavailableError
from providers.loader import ProviderSettingError, closing_provider, load_provider
from providers.protocols import Inventory, OfferCatalogue, SeatRequest

FIX = "docs/operations.md#a-provider-does-not-answer"
_UNKNOWN = "doctor"
"""An id that no catalogue has: an answer that it is unknown is an answer."""


def examine(target: Target) -> Iterator[Finding]:
    """Ask each external provider about an unknown id; nothing to find for embedded ones."""
    settings, tenant = target.settings, target.settings.tenant
    if settings.offers:
        yield _check(
            "offer catalogue",
            lambda: load_provider(OfferCatalogue, "OFFERS", settings.offers),
            lambda provider: BoundedOffers(provider, _calls(target, "offers")).products(tenant, [_UNKNOWN]),
        )
    if settings.seats:
        yield _check(
            "inventory",
            lambda: load_provider(Inventory, "SEATS", settings.seats),
            lambda provider: BoundedInventory(provider, _calls(target, "seats")).free(
                tenant, [SeatRequest(_UNKNOWN, 1)], []
            ),
        )


def _calls(target: Target, provider: str) -> BoundedCalls:
    return BoundedCalls(provider, target.settings.lookup_timeout, 1, in_transaction=lambda: False)


def _check(name: str, load: Callable[[], object], ask: Callable[[Any], object]) -> Finding:
    try:
        with closing_provider(load()) as provider:
            ask(provider)
    except ProviderSettingError as error:
        return bad(str(error), "correct the setting")
    except ProviderUnavailableError as error:
        return bad(f"the {name} gives no usable answer: {error}", FIX)
    return ok(f"the {name} answers")
