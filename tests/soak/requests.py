"""Builds the HTTP request of an act of the program, for the current state of its order."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from cli.demo.stories import DECLINE, OK, add, replace
from cli.http_clients.discover import WEST
from cli.http_clients.entur import HEADERS
from tests.soak.http_client import HttpClient, Json, RequestSpec, Same
from tests.soak.program import Act, Kind, Through
from tests.soak.travel import departure, in_francs, item, newcomers, people, person, train

SALES, MARKET = "/sales/v1", "/b2bmarket/v1"


class RequestBuilder:
    """Builds the requests of the program."""

    def __init__(self, http_client: HttpClient, now: Callable[[], datetime]) -> None:
        self._http_client = http_client
        self._now = now
        self._today: date = now().date()

    async def build(self, act: Act, number: str) -> RequestSpec | None:
        """Return the request of an act on an order; None if the act is not possible in its current state."""
        order = await self._http_client.read("GET", f"/v1/orders/{number}")
        if order is None:
            return None
        if act.kind is Kind.DEADLINE:
            until = self._now() + timedelta(seconds=act.seconds)
            return RequestSpec(
                "PATCH", f"/v1/orders/{number}", {"expires_at": until.isoformat()}, _prefer(act), Same.BODY
            )
        if act.kind in _PLAIN:
            return _PLAIN[act.kind](act, order)
        lines = {Through.NATIVE: self._native, Through.ENTUR: self._entur, Through.DISCOVER: self._market}
        return await lines[act.through](act, order)

    async def build_opening(self, act: Act) -> RequestSpec | None:
        """Return the request that creates an order: with its first lines through a façade, empty natively."""
        if act.through is Through.NATIVE:
            return RequestSpec("POST", "/v1/orders", {"currency": "CHF" if act.francs else "NOK"}, same=Same.BODY)
        if act.through is Through.DISCOVER:
            items = [item(act, self._today, people(act.party))]
            return RequestSpec("POST", f"{MARKET}/orders", {"orderedItem": items}, WEST)
        return await self._reserve(act, {}, people(act.party))

    async def _native(self, act: Act, order: Json) -> RequestSpec | None:
        lines = [line["id"] for line in order["lines"]]
        if lines and act.kind not in (Kind.ADD, Kind.SALE):
            bundles = await self._find(act, [person(each["id"]) for each in order["travellers"]])
            return _changes(act, order, replace(lines, bundles[0]["id"])) if bundles else None
        new = newcomers(order, act.party)
        bundles = await self._find(act, new)
        return _changes(act, order, add(bundles[0]["id"], new)) if bundles else None

    async def _entur(self, act: Act, order: Json) -> RequestSpec | None:
        if not order["lines"] or act.kind is Kind.ADD:
            return await self._reserve(act, {"orderId": order["number"]}, newcomers(order, act.party))
        configurations = []
        for line in order["lines"]:
            offers = await self._offers(act, [person(each) for each in line["travellers"]])
            configurations += [{"offerId": each, "orderLineId": line["id"]} for each in offers]
        body = {"orderId": order["number"], "offerConfigurations": configurations, "refundPriceDifference": act.refund}
        return (
            RequestSpec("POST", f"{SALES}/update-order", body, _entur_headers(act), Same.CHANGE)
            if configurations
            else None
        )

    async def _reserve(self, act: Act, order: Json, travellers: list[Json]) -> RequestSpec | None:
        offers = [{"offerId": each} for each in await self._offers(act, travellers)]
        body = {**order, "offerConfigurations": offers}
        return (
            RequestSpec("POST", f"{SALES}/reserve-offers", body, _entur_headers(act), Same.CHANGE) if offers else None
        )

    async def _market(self, act: Act, order: Json) -> RequestSpec | None:
        path, positions = f"{MARKET}/orders/{order['number']}/items", _positions(order)
        if positions and act.kind is not Kind.ADD:
            chosen = positions[act.party % len(positions)]
            aboard = [each for line in order["lines"] if line["position"] == chosen for each in line["travellers"]]
            changed = item(act, self._today, [person(each) for each in dict.fromkeys(aboard)])
            return RequestSpec("PUT", f"{path}/{order['number']}-{chosen}", changed, WEST)
        new = newcomers(order, act.party)
        return RequestSpec("POST", path, item(act, self._today, new), WEST) if new else None

    async def _offers(self, act: Act, travellers: list[Json]) -> list[str]:
        return [offer["id"] for bundle in await self._find(act, travellers) for offer in bundle["offers"]]

    async def _find(self, act: Act, travellers: list[Json]) -> list[Json]:
        """Return the first bundle found, in a list; empty without travellers or without an offer."""
        if not travellers:
            return []
        query: Json = {"travellers": [{"id": each["id"], "birth_date": each["birth_date"]} for each in travellers]}
        if act.francs:
            query |= {"product": in_francs(act), "valid_from": departure(act, self._today).isoformat()}
        else:
            query |= {"product": "flexible" if act.flexible else "standard", "service": train(act, self._today)}
        found = await self._http_client.read("POST", "/v1/offers", query)
        return found["offer_bundles"][:1] if found else []


def _changes(act: Act, order: Json, operation: Json) -> RequestSpec:
    body: Json = {"operations": [operation], "refund_price_difference": act.refund}
    if act.kind in (Kind.IN_ONE_GO, Kind.SALE):
        body |= {"confirm": True, "payment": _card(act)}
    return RequestSpec("POST", f"/v1/orders/{order['number']}/changes", body, _prefer(act), same=Same.BODY)


def _pay(act: Act, order: Json) -> RequestSpec | None:
    amount_due = order["balance"]
    if amount_due.startswith("-") or not amount_due.strip("0."):
        return None
    body = {"amount": amount_due, "currency": order["currency"], **_card(act)}
    return RequestSpec("POST", f"/v1/orders/{order['number']}/payments", body, _prefer(act), same=Same.BODY)


def _confirm(act: Act, order: Json) -> RequestSpec:
    if act.through is Through.ENTUR:
        path = f"{SALES}/orders/{order['number']}/orderlines/confirm"
        return RequestSpec("POST", path, None, _entur_headers(act), Same.CHANGE)
    path = f"/v1/orders/{order['number']}/confirm"
    return RequestSpec("POST", path, {"payment": _card(act)}, _prefer(act), same=Same.BODY)


def _discard(act: Act, order: Json) -> RequestSpec:
    if act.through is Through.ENTUR:
        return RequestSpec("POST", f"{SALES}/orders/{order['number']}/reset", None, _entur_headers(act), Same.CHANGE)
    return RequestSpec("DELETE", f"/v1/orders/{order['number']}/draft", None, _prefer(act), same=Same.BODY)


def _remove(act: Act, order: Json) -> RequestSpec | None:
    positions = _positions(order)
    if len(positions) < 2:
        return None
    if act.through is Through.DISCOVER:
        number = order["number"]
        return RequestSpec("DELETE", f"{MARKET}/orders/{number}/items/{number}-{positions[-1]}", None, WEST)
    return _changes(act, order, {"op": "remove_lines", "position": positions[-1]})


_PLAIN: dict[Kind, Callable[[Act, Json], RequestSpec | None]] = {
    Kind.PAY: _pay,
    Kind.CONFIRM: _confirm,
    Kind.DISCARD: _discard,
    Kind.REMOVE: _remove,
}


def _positions(order: Json) -> list[int]:
    return sorted({line["position"] for line in order["lines"]})


def _card(act: Act) -> Json:
    return {"method": "card", "token": DECLINE if act.declined else OK}


def _prefer(act: Act) -> dict[str, str]:
    return {"Prefer": "respond-async"} if act.in_background else {}


def _entur_headers(act: Act) -> dict[str, str]:
    return {**HEADERS, "ET-Client-Name": f"soak-{act.client}"}
