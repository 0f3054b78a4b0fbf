"""What is sold out is neither offered nor configured; what an order has counts as free for it."""

from tests.support.discover_client import HELMA, JHON, DiscoverClient, codes, item, without_names


async def test_a_product_without_units_left_is_not_offered_to_another_order(market: DiscoverClient) -> None:
    card = market.product(capacity=1)
    first, other = await market.order(item(card, JHON)), await market.order()
    query = item(card, *without_names(HELMA))["orderedItem"]
    search = await market.send("POST", f"/orders/{other}/offers", query)
    assert (search.body["offerBundle"], codes(search)) == ([], ["sold_out"])
    assert codes(await market.add(other, item(card, HELMA))) == ["sold_out"]
    assert len(await market.offers(first, card, *without_names(HELMA))) == 1
    assert await market.offers(first, card, *without_names(HELMA, JHON)) == []
    removed = await market.remove(f"{first}-1")
    assert removed.status == 200, removed.body
    assert codes(await market.add(other, item(card, HELMA))) == []


async def test_an_item_keeps_its_unit_when_it_is_configured_again(market: DiscoverClient) -> None:
    card = market.product(capacity=1)
    order = await market.order(item(card, JHON))
    (unit,) = (await market.world.show(order))["units"]
    again = await market.put(f"{order}-1", item(card, HELMA))
    assert (again.status, codes(again)) == (200, [])
    assert [each["id"] for each in (await market.world.show(order))["units"]] == [unit["id"]]


async def test_a_full_train_is_not_offered(market: DiscoverClient) -> None:
    product, _, departs = market.panorama(seats=1)
    order = await market.order(item(product, JHON, valid_from=departs))
    other = await market.order()
    assert await market.offers(other, product, *without_names(HELMA), valid_from=departs) == []
    assert len(await market.offers(order, product, *without_names(HELMA), valid_from=departs)) == 1
