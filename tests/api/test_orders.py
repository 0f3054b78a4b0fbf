"""Orders, their changes and their history."""

from collections.abc import Sequence
from datetime import timedelta

from domain.offers import Service
from providers.embedded.offers import EmbeddedOffers
from temporal.names import StepName
from tests.support.canary import ADULT, BORN, CHILD, FAMILY, GIVEN
from tests.support.world import CARD, Answer, Json, World, add, people, replace

DOCUMENT = "2021-10-22T10:00:00Z"


async def test_a_new_order_is_an_empty_draft_without_a_workflow(world: World) -> None:
    body = {"currency": "NOK", "external_reference": "shop-77", "distribution_channel": "KOL:DistributionChannel:App"}
    answer = await world.post("/v1/orders", body)
    assert answer.status == 201
    order = answer.body["number"]
    assert answer.headers["location"] == f"/v1/orders/{order}"
    assert (answer.body["status"], answer.body["version"], answer.body["lines"]) == ("draft", 1, [])
    assert answer.body == await world.show(order)
    found = [each async for each in world.client.list_workflows(f"OrderNumber = '{order}'")]
    assert found == []


async def test_the_documents_product_swap(world: World) -> None:
    order = await world.order("CHF")
    born = [{"id": "helma", "birth_date": "2000-02-18"}, {"id": "huan", "birth_date": "2010-02-18"}]
    for product, total in (("nova_zurichcard72", "90.00"), ("nova_zurichcard24", "46.00")):
        search = {"product": product, "valid_from": DOCUMENT, "travellers": born}
        (bundle,) = (await world.post("/v1/offers", search)).body["offer_bundles"]
        assert bundle["total"] == total
        lines = await world.lines(order)
        operation = replace(lines, bundle["id"]) if lines else {"op": "add_lines", "offer_bundle_id": bundle["id"]}
        assert (await world.change(order, operation)).status == 200
    shown = await world.show(order)
    assert [line["price"] for line in shown["lines"]] == ["27.00", "19.00"]
    assert (shown["total"], shown["tax"], {line["position"] for line in shown["lines"]}) == ("46.00", "3.29", {1})


async def test_travellers_may_be_completed_later_but_before_the_confirmation(world: World) -> None:
    order = await world.order("CHF")
    born = [{"id": ADULT, "birth_date": BORN.isoformat()}, {"id": CHILD, "birth_date": "1979-02-18"}]
    search = {"product": "nova_zurichcard72", "valid_from": DOCUMENT, "travellers": born}
    (bundle,) = (await world.post("/v1/offers", search)).body["offer_bundles"]
    answer = await world.change(order, {"op": "add_lines", "offer_bundle_id": bundle["id"]})
    assert answer.status == 200
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (409, "TRAVELLERS_INCOMPLETE")
    missing = [(each["line"], each["traveller"], each["field"]) for each in refused.body["errors"]]
    assert missing == [(f"{order}-{n}", 0, field) for n in (1, 2) for field in ("given_name", "family_name")]
    details = [
        {"id": ADULT, "given_name": GIVEN, "family_name": FAMILY},
        {"id": CHILD, "given_name": GIVEN, "family_name": FAMILY, "birth_date": "1980-01-01"},
    ]
    answer = await world.change(order, {"op": "set_travellers", "travellers": details})
    assert answer.body["warnings"] == [
        {"code": "FIELD_FROZEN", "traveller": CHILD, "field": "birth_date"}
        | dict.fromkeys(("line", "amount", "expires_at"))
    ]
    assert (await world.confirm(order, CARD)).status == 200
    shown = await world.show(order)
    assert [each["birth_date"] for each in shown["travellers"]] == [BORN.isoformat(), "1979-02-18"]


async def test_one_go_needs_every_detail_at_once(world: World) -> None:
    order = await world.order("CHF")
    bundle = await world.offer("nova_zurichcard24", ADULT, valid_from="2021-10-22T10:00:00Z")
    answer = await world.change(order, {"op": "add_lines", "offer_bundle_id": bundle}, confirm=True, payment=CARD)
    assert (answer.status, answer.code) == (409, "TRAVELLERS_INCOMPLETE")
    assert await world.lines(order) == []


async def test_confirming_a_confirmed_order_and_discarding_nothing_change_nothing(world: World) -> None:
    order = await world.sold(ADULT)
    before, tag = world.snapshot(order), (await world.send("GET", f"/v1/orders/{order}")).headers["etag"]
    assert (await world.confirm(order)).status == 200
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert (await world.send("GET", f"/v1/orders/{order}")).headers["etag"] == tag


async def test_an_empty_order_has_nothing_to_confirm(world: World) -> None:
    answer = await world.confirm(await world.order(), CARD)
    assert (answer.status, answer.code) == (409, "ORDER_EMPTY")


async def test_a_discarded_draft_of_a_new_order_leaves_it_as_it_was_created(world: World) -> None:
    order = await world.order()
    before = world.snapshot(order)
    bundle = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, add(bundle, ADULT))
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert world.seats_of(order) == []


async def test_history_lists_every_event_oldest_first(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    changed = await world.change(order, replace([f"{order}-1"], bundle))
    await world.discard(order)
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    assert [event["type"] for event in events] == [
        "order_created",
        "order_changed",
        "payment_authorised",
        "payment_captured",
        "seats_confirmed",
        "order_confirmed",
        "order_changed",
        "change_undone",
        "draft_discarded",
    ]
    assert [event["number"] for event in events] == list(range(1, 10))
    assert events[6]["change"] == changed.change
    assert events[6]["data"] == {
        "version": 2,
        "balance": "100.00",
        "added": [f"{order}-2"],
        "removed": [f"{order}-1"],
    }
    page = (await world.send("GET", f"/v1/orders/{order}/history?after=7&limit=1")).body["events"]
    assert [event["number"] for event in page] == [8]


async def test_a_change_shows_its_steps_its_quote_and_why_it_was_refused(world: World) -> None:
    full = world.train(coaches=1, seats=1)
    await world.sold(CHILD, train=full)
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=full)
    answer = await world.change(order, replace([f"{order}-1"], bundle))
    shown = (await world.send("GET", f"/v1/changes/{answer.change}")).body
    assert [(step["step"], step["state"], step["refused"]) for step in shown["steps"]] == [
        (StepName.PLAN_CHANGE, "done", False),
        (StepName.VALIDATE_TRAVELLERS, "done", False),
        (StepName.QUOTE_CHANGE, "done", False),
        (StepName.RESERVE_SEATS, "done", True),
    ]
    assert (shown["state"], shown["problem"]["code"], shown["quote"]["difference"]) == ("refused", "SOLD_OUT", "100.00")


async def test_a_quote_prices_a_change_and_leaves_no_trace(world: World) -> None:
    order = await world.sold(ADULT)
    tag = (await world.send("GET", f"/v1/orders/{order}")).headers["etag"]
    before, train = world.snapshot(order), world.train(coaches=1, seats=1)
    bundle = await world.offer("flexible", ADULT, service=train)
    quote = await world.post(f"/v1/orders/{order}/quotes", {"operations": [replace([f"{order}-1"], bundle)]})
    assert (quote.status, quote.body["difference"], quote.body["fee"]) == (200, "100.00", "50.00")
    assert world.snapshot(order) == before
    assert (await world.send("GET", f"/v1/orders/{order}")).headers["etag"] == tag
    unknown = await world.post(f"/v1/orders/{order}/quotes", {"operations": [replace([f"{order}-1"], "nothing")]})
    assert (unknown.status, unknown.code) == (404, "OFFER_NOT_FOUND")
    await world.sold(CHILD, train=train)


async def test_supplements_are_sold_on_top_and_follow_their_line(world: World) -> None:
    order = await world.sold(ADULT)
    meals = {"op": "add_supplements", "line": f"{order}-1", "supplements": [{"supplement": "MEAL", "count": 2}]}
    answer = await world.change(order, meals, confirm=True, payment=CARD)
    assert (answer.status, answer.body["order"]["total"]) == (200, "477.00")
    assert answer.body["reservations"] == []
    bundle = await world.offer("flexible", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], bundle))
    shown = await world.show(order)
    assert [(line["product"], line["supplement_of"]) for line in shown["lines"]] == [
        ("flexible", None),
        ("MEAL", f"{order}-4"),
        ("MEAL", f"{order}-4"),
    ]


async def test_a_supplement_that_would_change_seating_is_refused(world: World) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    for name in ("UPGRADE", "SEAT_RESERVATION"):
        wish = {"op": "add_supplements", "line": f"{order}-1", "supplements": [{"supplement": name}]}
        answer = await world.change(order, wish)
        assert (answer.status, answer.code) == (409, "SEATING_CHANGE_NOT_SUPPORTED")
    assert world.snapshot(order) == before


async def test_a_companion_takes_over_the_ticket(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("standard", CHILD, service=world.train())
    wish = {"offer_bundle_id": bundle, "travellers": people(CHILD)}
    answer = await world.change(
        order,
        {"op": "replace_lines", "lines": [f"{order}-1"], "with": [wish]},
        refund_price_difference=True,
        confirm=True,
    )
    assert (answer.status, answer.body["quote"]["to_refund"]) == (200, "99.50")
    assert [each["id"] for each in (await world.show(order))["travellers"]] == [CHILD]


async def test_a_line_of_a_departed_train_cannot_be_changed(world: World) -> None:
    train = world.train(leaves_in=timedelta(milliseconds=1500))
    order = await world.sold(ADULT, train=train)
    bundle = await world.offer("standard", ADULT, service=world.train())
    while True:
        answer = await world.post(f"/v1/orders/{order}/quotes", {"operations": [replace([f"{order}-1"], bundle)]})
        if answer.status != 200:
            break
    assert (answer.status, answer.code) == (409, "SERVICE_DEPARTED")
    refused = await world.change(order, replace([f"{order}-1"], bundle))
    assert refused.code == "SERVICE_DEPARTED"


class ForgetsServices(EmbeddedOffers):
    """A catalogue that knows no departure any more."""

    def services(self, tenant: str, ids: Sequence[str]) -> dict[str, Service]:
        """Return none."""
        return {}


async def test_a_line_departs_as_it_was_sold_though_the_catalogue_forgets_its_service(world: World) -> None:
    order = await world.sold(ADULT, train=world.train(leaves_in=timedelta(hours=2)))
    removal = {"operations": [{"op": "remove_lines", "lines": [f"{order}-1"]}], "refund_price_difference": True}

    async def quote_and_options(api: World) -> tuple[Answer, list[Json]]:
        quote = await api.post(f"/v1/orders/{order}/quotes", removal)
        shown = await api.send("GET", f"/v1/orders/{order}/change-options")
        assert shown.status == 200, shown.body
        return quote, shown.body["lines"][0]["options"]

    async with world.with_api(offers=ForgetsServices(world.components.store)) as api:
        quote, options = await quote_and_options(api)
        assert (quote.status, bool(options)) == (200, True)
        with world.clock_at(world.components.store.now() + timedelta(hours=3)):
            quote, options = await quote_and_options(api)
            assert (quote.code, options) == ("SERVICE_DEPARTED", [])
