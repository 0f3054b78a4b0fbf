"""The fake systems of examples/ behind a proxy that injects faults, and the example providers in front of them."""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

from pydantic import SecretStr

from domain.money import Money
from examples.fake_systems.bank import ACTION_REQUIRED, DECLINE, PENDING_REFUND, REFUSE_CAPTURE, REFUSE_REFUND, Bank
from examples.fake_systems.railway import Railway
from examples.fake_systems.server import FakeSystems, serving, stocked
from examples.providers.bank_payments import BankPayments, BankSettings
from examples.providers.railway_inventory import RailwayInventory, RailwaySettings
from examples.providers.shop_offers import ShopOffers, ShopSettings
from providers.contracts import FaultProxy, InventoryUnderTest, OffersUnderTest, PaymentsUnderTest
from providers.protocols import StockRequest
from store.database.store import utc_now

SECRET = SecretStr("not much of one")
# As short as a busy machine allows: an answer without a fault must still come in time.
SHORT_TIMEOUT = timedelta(seconds=2)


@contextmanager
def serve_behind_proxy(systems: FakeSystems) -> Iterator[FaultProxy]:
    """Serve the fake systems; yield the proxy in front of them that injects faults."""
    with serving(systems) as address, FaultProxy(address) as proxy:
        yield proxy


@contextmanager
def external_payments(bank: Bank | None = None, kind: type[BankPayments] = BankPayments) -> Iterator[PaymentsUnderTest]:
    """Yield the example payment provider, connected to the fake bank through the proxy."""
    served = bank or Bank()
    with serve_behind_proxy(FakeSystems(bank=served)) as proxy:
        settings = BankSettings(url=proxy.url, secret=SECRET, timeout=SHORT_TIMEOUT)
        with closing(kind(settings)) as provider:
            tokens = ("tok_ok", DECLINE, REFUSE_CAPTURE, REFUSE_REFUND, PENDING_REFUND)
            yield PaymentsUnderTest(
                provider,
                *tokens,
                action_required=ACTION_REQUIRED,
                trouble=proxy,
                end_authorisation=served.end_authorisation,
                end_refund=lambda key, paid: served.end_refund(key, paid=paid),
            )


@contextmanager
def external_inventory(
    railway: Railway | None = None, kind: type[RailwayInventory] = RailwayInventory
) -> Iterator[InventoryUnderTest]:
    """Yield the example inventory, connected to the fake railway through the proxy."""
    served, numbers = railway or Railway(), itertools.count(1)

    def train(seats: int) -> str:
        service = f"T{next(numbers)}"
        served.put(service, 1, seats)
        return service

    def item(capacity: int) -> StockRequest:
        name = f"I{len(served.capacities)}"
        served.capacities[name] = capacity
        # Stock on a departure and stock on a day in turn.
        if len(served.capacities) % 2:
            return StockRequest(name, train(0), None, 1)
        return StockRequest(name, None, served.now().date(), 1)

    def wait(life: timedelta) -> None:
        before = served.now
        served.now = lambda: before() + life

    @contextmanager
    def slow() -> Iterator[None]:
        served.slow = True
        yield
        served.catch_up()

    @contextmanager
    def priced() -> Iterator[None]:
        served.extension_price = Money(500, "NOK")
        yield
        served.extension_price = None

    with serve_behind_proxy(FakeSystems(railway=served)) as proxy:
        settings = RailwaySettings(url=proxy.url, secret=SECRET, timeout=SHORT_TIMEOUT)
        with closing(kind(settings)) as provider:
            now = lambda: served.now()  # noqa: E731, PLW0108 - `wait` replaces its clock
            yield InventoryUnderTest(provider, train, wait, item, proxy, now, slow, priced)


@contextmanager
def external_offers(
    kind: type[ShopOffers] = ShopOffers, product: str = "standard", *, fresh: timedelta = timedelta(0)
) -> Iterator[OffersUnderTest]:
    """Yield the example offer provider, connected to the fake shop through the proxy."""
    with serve_behind_proxy(stocked()) as proxy:
        settings = ShopSettings(url=proxy.url, timeout=SHORT_TIMEOUT, fresh=fresh)
        with closing(kind(settings)) as provider:
            service = f"4711-{(utc_now() + timedelta(days=3)).date()}" if product == "standard" else None
            yield OffersUnderTest(provider, product, service, trouble=proxy)
