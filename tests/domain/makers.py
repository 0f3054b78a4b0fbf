"""Builders of orders, offers and requests for tests of the rules."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.changes import ChangeKind, ChangeRequest
from domain.money import Money
from domain.offers import Offer, OfferBundle, OfferedTraveller, Service
from domain.orders import Order, OrderLine, OrderStatus, Reservation, ReservationState, TravellerSeat
from domain.planning.builder import CatalogueSlice
from domain.planning.supplements import terms_of
from domain.products import GroupSize, PriceRow, Product, Supplement
from domain.settlement import Payment
from domain.taxes import TaxRounding
from domain.travellers import Traveller

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
DAY = date(2027, 3, 1)
LEAVES = datetime(2027, 3, 1, 7, 25, tzinfo=UTC)
NUMBER = "26-100001"


def nok(minor: int) -> Money:
    return Money(minor, "NOK")


def product(name: str, price: int, fee: int = 0, group: int = 0) -> Product:
    return Product(
        id=name,
        name=name,
        currency="NOK",
        prices=(PriceRow(min_age=0, max_age=2500, price=nok(price)),),
        tax_rate=Decimal("0.12"),
        change_fee=nok(fee),
        railway_line="north",
        group=GroupSize(smallest=1, largest=group) if group else None,
        supplements=("MEAL", "UPGRADE"),
    )


PRODUCTS = {
    p.id: p for p in (product("standard", 29900, 5000), product("flexible", 34900), product("saver", 19900, 3000))
}
PRODUCTS["compartment"] = product("compartment", 119600, group=6)
PRODUCTS["bus"] = PRODUCTS["saver"].model_copy(update={"id": "bus", "supplements": ()})
SUPPLEMENTS = {
    "MEAL": Supplement(id="MEAL", name="Meal", price=nok(8900), tax_rate=Decimal("0.15"), changes_seating=False),
    "UPGRADE": Supplement(id="UPGRADE", name="First", price=nok(12000), tax_rate=Decimal("0.12"), changes_seating=True),
}
SERVICES = {
    name: Service(id=name, railway_line="north", departs_at=LEAVES + timedelta(hours=hours), day=DAY)
    for name, hours in (("morning", 0), ("noon", 4), ("evening", 10))
} | {"gone": Service(id="gone", railway_line="north", departs_at=NOW, day=NOW.date())}


def bundle(name: str, kind: str, service: str | None, *travellers: str, born: date = date(1990, 5, 4)) -> OfferBundle:
    sold = PRODUCTS[kind]
    price = sold.prices[0].price
    mapped = tuple(
        OfferedTraveller(id=each, birth_date=born, price=nok(0) if sold.group else price) for each in travellers
    )
    offer = Offer(
        id=f"{name}-offer",
        product=kind,
        tax_rate=sold.tax_rate,
        terms=sold.sale_terms,
        travellers=mapped,
        smallest=1,
        largest=sold.group.largest if sold.group else len(travellers),
        group=sold.group is not None,
        group_price=price if sold.group else None,
    )
    return OfferBundle(
        id=name,
        currency="NOK",
        service=service,
        valid_from=SERVICES[service].departs_at if service else LEAVES,
        first_day=DAY,
        expires_at=NOW + timedelta(minutes=20),
        offers=(offer,),
    )


def catalogue_slice(*bundles: OfferBundle) -> CatalogueSlice:
    return CatalogueSlice({each.id: each for each in bundles}, PRODUCTS, SUPPLEMENTS, SERVICES)


def line(number: int, kind: str, service: str | None, *travellers: str, **more: Any) -> OrderLine:
    values: dict[str, Any] = {
        "id": f"{NUMBER}-{number}",
        "position": number,
        "product": kind,
        "service": service,
        "valid_from": SERVICES[service].departs_at if service else LEAVES,
        "first_day": DAY,
        "valid_until": None,
        "last_day": None,
        "travellers": travellers,
        "price": PRODUCTS[kind].prices[0].price if kind in PRODUCTS else SUPPLEMENTS[kind].price,
        "tax_rate": Decimal("0.12"),
        "terms": PRODUCTS[kind].sale_terms if kind in PRODUCTS else terms_of(SUPPLEMENTS[kind]),
        "offer_bundle": f"sold-{number}",
        "offer": None,
        "supplement_of": None,
        "replaces": (),
        "sale": f"{NUMBER}-{number}",
        "external_reference": None,
        "added_by": "C1",
        "added_in": 1,
    }
    return OrderLine(**(values | more))


def seat(number: int, service: str, state: ReservationState = ReservationState.CONFIRMED) -> Reservation:
    name = f"{NUMBER}-s{number}"
    return Reservation(id=name, service=service, coach=1, seat=number, state=state, expires_at=None)


def sits(*seats: tuple[str, int]) -> tuple[TravellerSeat, ...]:
    """Return the seats of a line: travellers with the numbers of their reservations."""
    return tuple(TravellerSeat(traveller=who, reservation=f"{NUMBER}-s{number}") for who, number in seats)


def order(*lines: OrderLine, confirmed: int = 1, version: int = 1, **more: Any) -> Order:
    aboard = dict.fromkeys(traveller for each in lines for traveller in each.travellers)
    values: dict[str, Any] = {
        "number": NUMBER,
        "currency": "NOK",
        "status": OrderStatus.CONFIRMED if confirmed == version else OrderStatus.DRAFT,
        "version": version,
        "confirmed_version": confirmed,
        "draft_opened_by": None if confirmed == version else "C1",
        "expires_at": None,
        "expires_asked": None,
        "last_event": 5,
        "tax_rounding": TaxRounding.LINE,
        "lines": lines,
        "travellers": tuple(complete(each) for each in aboard),
        "confirmed_travellers": tuple(complete(each) for each in aboard) if confirmed else (),
        "fees": (),
        "confirmed_fees": (),
        "groups": (),
        "reservations": (),
        "units": (),
        "payments": (),
    }
    return Order(**(values | more))


def complete(name: str) -> Traveller:
    return Traveller(id=name, given_name="Given", family_name="Family", birth_date=date(1990, 5, 4))


def captured(
    minor: int, key: str = "C1/authorise_payment", refunded: int = 0, refund_owed: int = 0, paid_out: int = 0
) -> Payment:
    amounts = {"refunded": nok(refunded), "refund_owed": nok(refund_owed), "paid_out": nok(paid_out)}
    return Payment(key=key, authorised=nok(minor), captured=nok(minor), open=False, **amounts)


def authorised(minor: int, key: str = "C2/authorise_payment") -> Payment:
    nothing = {"captured": nok(0), "refunded": nok(0), "refund_owed": nok(0), "paid_out": nok(0)}
    return Payment(key=key, authorised=nok(minor), open=True, **nothing)


def change_request(*operations: Mapping[str, Any], **more: Any) -> ChangeRequest:
    return ChangeRequest.model_validate({"kind": ChangeKind.CHANGE, "operations": operations, **more})


def replace_operation(lines: Sequence[int], *wishes: str, **more: Any) -> dict[str, Any]:
    return {
        "op": "replace_lines",
        "lines": [f"{NUMBER}-{number}" for number in lines],
        "with": [{"offer_bundle_id": wish, **more} for wish in wishes],
    }
