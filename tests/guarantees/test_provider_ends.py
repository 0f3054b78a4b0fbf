"""What providers hold and authorise ends: a draft ends before it, and no money moves on what is too short."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.support.deadlines import CONFIRMATION_NEEDS
from providers.embedded.inventory import EmbeddedInventory
from providers.protocols import Held, HoldRequest
from store.database.store import Store
from tests.support.canary import ADULT
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.watched_bank import WatchedBank, provider_for
from tests.support.world import CARD, Answer, Json, World

TEN_MINUTES, QUARTER = timedelta(minutes=10), timedelta(minutes=15)


class BriefInventory(EmbeddedInventory):
    """An external inventory that holds for a limited time, however long is requested."""

    external = True
    longest: timedelta | None = None

    def _allowed(self, until: datetime) -> datetime:
        return min(until, self._store.now() + self.longest) if self.longest else until

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold, and say until when."""
        until = self._allowed(until)
        return [replace(each, until=until) for each in super().hold(tenant, key, requests, until)]

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend, and say until when."""
        super().extend(tenant, references, self._allowed(until))
        return self._allowed(until)


@dataclass
class Brief:
    """A world, and the external systems beside it."""

    world: World
    inventory: BriefInventory
    bank: WatchedBank


@pytest.fixture(scope="module")
async def brief_installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Brief]:
    url = f"sqlite:///{tmp_path_factory.mktemp('brief') / 'brief.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "brief")
    inventories: list[BriefInventory] = []

    def inventory(store: Store) -> BriefInventory:
        inventories.append(BriefInventory(store))
        return inventories[-1]

    bank = WatchedBank()
    options: dict[str, Any] = {"inventory": inventory}
    with provider_for(bank) as payments:
        async with running_world(
            prepare_database(url), temporal, f"brief-{database_kind}", payments, **options
        ) as world:
            yield Brief(world, inventories[0], bank)
            check_invariants(world)


@pytest.fixture
def brief(brief_installation: Brief) -> Iterator[Brief]:
    yield brief_installation
    brief_installation.inventory.longest = brief_installation.bank.life = None
    brief_installation.bank.before_answer = lambda _call: None


async def shortened(world: World, order: str) -> list[Json]:
    events = (await world.send("GET", f"/v1/orders/{order}/history?limit=200")).body["events"]
    return [each["data"] for each in events if each["type"] == "deadline_shortened"]


async def ends(world: World, order: str) -> datetime:
    return datetime.fromisoformat((await world.show(order))["draft"]["expires_at"])


async def set_deadline(world: World, order: str, deadline: datetime) -> Answer:
    return await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": deadline.isoformat()})


def warnings(answer: Answer) -> list[tuple[str, datetime]]:
    return [(each["code"], datetime.fromisoformat(each["expires_at"])) for each in answer.body["warnings"]]


async def test_our_own_inventory_and_payments_shorten_no_draft(world: World) -> None:
    order, _ = await world.open_draft()
    now = world.components.store.now()
    assert await ends(world, order) > now + timedelta(minutes=19)
    paid = await world.pay(order, "40.00")
    assert (paid.status, paid.body["warnings"]) == (200, [])
    assert (await set_deadline(world, order, now + timedelta(days=3))).status == 200
    assert await ends(world, order) == now + timedelta(days=3)
    assert await shortened(world, order) == []
    assert (await world.discard(order)).status == 200


async def test_providers_that_hold_as_long_as_requested_shorten_no_draft(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    answer = await world.upgrade(order)
    assert (answer.status, answer.body["warnings"]) == (200, [])
    later = world.components.store.now() + timedelta(days=3)
    assert (await set_deadline(world, order, later)).status == 200
    assert (await ends(world, order), await shortened(world, order)) == (later, [])


async def test_a_draft_ends_before_what_is_held_for_it_and_says_so(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    brief.inventory.longest = TEN_MINUTES
    before = world.components.store.now()
    answer = await world.upgrade(order)
    end = await ends(world, order)
    limit = TEN_MINUTES - CONFIRMATION_NEEDS
    assert before + limit <= end <= world.components.store.now() + limit
    assert (answer.status, warnings(answer)) == (200, [("DEADLINE_SHORTENED", end)])
    assert await shortened(world, order) == [{"expires_at": end.isoformat(), "because": "hold"}]
    # The next change holds again, so that the draft lives on.
    assert (await world.upgrade(order)).status == 200
    assert await ends(world, order) > end
    assert (await world.confirm(order, CARD)).status == 200


async def test_a_deadline_beyond_what_is_held_is_refused_with_the_latest(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    brief.inventory.longest = TEN_MINUTES
    await world.upgrade(order)
    before, now = await ends(world, order), world.components.store.now()
    refused = await set_deadline(world, order, now + timedelta(hours=1))
    assert (refused.status, refused.code) == (409, "DEADLINE_TOO_LATE")
    latest = datetime.fromisoformat(refused.body["errors"][0]["latest"])
    assert before < latest <= world.components.store.now() + TEN_MINUTES - CONFIRMATION_NEEDS
    assert await ends(world, order) == before
    assert (await set_deadline(world, order, now + timedelta(minutes=3))).status == 200
    assert await ends(world, order) == now + timedelta(minutes=3)


async def test_a_draft_ends_before_its_authorisation_and_says_so(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    await world.upgrade(order)
    hour = world.components.store.now() + timedelta(hours=1)
    assert (await set_deadline(world, order, hour)).status == 200
    brief.bank.life = QUARTER
    paid = await world.pay(order, "40.00")
    end, now = await ends(world, order), world.components.store.now()
    assert now < end <= now + QUARTER - CONFIRMATION_NEEDS
    assert (paid.status, warnings(paid)) == (200, [("DEADLINE_SHORTENED", end)])
    assert await shortened(world, order) == [{"expires_at": end.isoformat(), "because": "authorisation"}]
    refused = await set_deadline(world, order, hour)
    assert (refused.status, refused.code) == (409, "DEADLINE_TOO_LATE")
    assert refused.body["errors"] == [{"latest": end.isoformat()}]
    # A later change of the draft leaves the authorisation as it is.
    assert (await world.upgrade(order)).status == 200
    assert await ends(world, order) == end
    assert (await world.confirm(order, CARD)).status == 200


async def test_an_authorisation_that_ends_at_once_is_voided_and_refused(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    await world.upgrade(order)
    before = world.snapshot(order)
    brief.bank.life = timedelta(minutes=9)
    refused = await world.pay(order, "40.00")
    assert (refused.status, refused.code) == (409, "AUTHORISATION_TOO_SHORT")
    assert world.snapshot(order) == before
    account = brief.bank.accounts[f"{refused.body['change']}/authorise_payment"]
    assert (account.voided, account.captured) == (True, 0)


async def test_a_change_in_one_go_on_holds_that_are_too_short_is_refused_before_any_money(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    before, calls = world.snapshot(order), len(brief.bank.calls)
    brief.inventory.longest = timedelta(minutes=2)
    refused = await world.upgrade(order, confirm=True, payment=CARD)
    assert (refused.status, refused.code) == (409, "HOLD_TOO_SHORT")
    assert world.snapshot(order) == before
    assert len(brief.bank.calls) == calls
    assert [each for each in world.seats_of(order) if each.endswith("held")] == []


async def test_a_confirmation_on_holds_that_are_too_short_is_refused_before_any_money(brief: Brief) -> None:
    world = brief.world
    order = await world.sold(ADULT)
    await world.upgrade(order)
    before, calls = world.snapshot(order), len(brief.bank.calls)
    brief.inventory.longest = timedelta(minutes=2)
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (409, "HOLD_TOO_SHORT")
    assert (world.snapshot(order), len(brief.bank.calls)) == (before, calls)
    brief.inventory.longest = None
    assert (await world.confirm(order, CARD)).status == 200


async def test_a_hold_that_has_become_too_short_during_the_payment_moves_no_money(brief: Brief) -> None:
    world, store = brief.world, brief.world.components.store
    order = await world.sold(ADULT)
    before, usual = world.snapshot(order), store.now
    brief.inventory.longest = TEN_MINUTES

    def take_long(call: str) -> None:
        if call.startswith("authorise"):
            store.now = lambda: usual() + timedelta(minutes=6)

    brief.bank.before_answer = take_long
    try:
        refused = await world.upgrade(order, confirm=True, payment=CARD)
    finally:
        store.now = usual
    assert (refused.status, refused.code) == (409, "HOLD_TOO_SHORT")
    assert world.snapshot(order) == before
    assert f"capture {refused.body['change']}/settle_price_difference/1" not in brief.bank.calls
    account = brief.bank.accounts[f"{refused.body['change']}/authorise_payment"]
    assert (account.voided, account.captured) == (True, 0)
