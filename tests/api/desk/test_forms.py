"""Forms of the desk have their stated effects, once, and only if they come from the desk's own pages."""

import pytest

from cli.faults.injection import Fault
from runtime.settings import Settings
from temporal.names import StepName
from tests.api.desk.visitor import Visitor, words_of
from tests.support.stuck_orders import start_stuck_change, wait_until_between_attempts
from tests.support.world import World


async def test_a_draft_is_discarded_once_however_often_the_form_is_sent(world: World, visitor: Visitor) -> None:
    order, before = await world.open_draft()
    path = f"/desk/orders/{order}/discard"
    assert "1 line removed" in await visitor.see(path)
    fields = await visitor.form_of(path)
    first, second = await visitor.send(path, fields), await visitor.send(path, fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    assert world.snapshot(order) == before
    page = words_of(await visitor.see(first.headers["location"]))
    assert "Discard: done." in page
    assert "Discard done an operator, at the desk" in page
    assert len([row for row in world.changes_of(order) if row.kind == "discard"]) == 1


async def test_a_draft_is_confirmed_once_nothing_is_owed(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    path = f"/desk/orders/{order}/confirm"
    assert "100.00 NOK is still due" in words_of(await visitor.see(path))
    await world.pay(order, "100.00")
    without_reason = await visitor.fill_in(path)
    assert (without_reason.status_code, "A reason must not be blank." in without_reason.text) == (422, True)
    answer = await visitor.fill_in(path, reason="paid at the counter")
    timeline = words_of(await visitor.see(f"/desk/orders/{order}")).partition("Timeline")[2]
    assert timeline.count("“paid at the counter”") == 1
    assert "requested by an operator" in timeline
    assert "Confirmation: done." in words_of(await visitor.see(answer.headers["location"]))
    assert (await world.show(order))["confirmed_version"] == 2
    assert "The order has no open draft." in words_of(await visitor.see(path))


async def test_a_draft_is_extended_to_the_time_chosen(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    path = f"/desk/orders/{order}/extend"
    fields = await visitor.form_of(path)
    answer = await visitor.send(path, fields)
    assert "New deadline: done." in words_of(await visitor.see(answer.headers["location"]))
    assert (await world.show(order))["draft"]["expires_at"] == fields["expires_at"]
    for wrong in ("2001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "soon"):
        assert (await visitor.fill_in(path, expires_at=wrong)).status_code == 422
    await world.discard(order)


async def test_an_action_on_an_order_that_changed_since_the_page_was_shown_is_refused(
    world: World, visitor: Visitor
) -> None:
    order, _ = await world.open_draft()
    path = f"/desk/orders/{order}/discard"
    fields = await visitor.form_of(path)
    await world.pay(order, "100.00")
    before = world.snapshot(order)
    answer = await visitor.send(path, fields)
    assert "STALE_ORDER" in await visitor.see(answer.headers["location"])
    assert world.snapshot(order) == before
    await world.discard(order)


@pytest.mark.only_on("sqlite")  # it concerns the browser's headers only
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Cookie": ""},
        {"Cookie": "changeover_desk=" + 43 * "x"},
    ],
    ids=str,
)
async def test_a_form_from_elsewhere_is_refused(world: World, visitor: Visitor, headers: dict[str, str]) -> None:
    order, _ = await world.open_draft()
    before = world.snapshot(order)
    path = f"/desk/orders/{order}/discard"
    fields = await visitor.form_of(path)
    answer = await visitor.send(path, fields, **headers)
    assert (answer.status_code, "CROSS_SITE_FORM" in answer.text) == (403, True)
    assert world.snapshot(order) == before
    assert (await visitor.send(path, fields | {"token": ""})).status_code == 403
    assert (await visitor.send(path, fields | {"key": "1"})).status_code == 400
    assert (await visitor.send(path, fields | {"event": "x"})).status_code == 400
    assert (await visitor.send(path, fields, **{"Content-Type": "text/plain"})).status_code == 400
    assert (await visitor.send(path, fields)).status_code == 303


@pytest.mark.only_on("sqlite")  # likewise
async def test_a_request_under_an_unknown_host_name_is_refused(visitor: Visitor) -> None:
    for host in ("rebound.example", "127.0.0.1.rebound.example", "localhost.example:80", ""):
        answer = await visitor.http.get("/desk", headers={"Host": host})
        assert (answer.status_code, "HOST_UNKNOWN" in answer.text) == (421, True)
    for host in ("localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert (await visitor.http.get("/desk", headers={"Host": host})).status_code == 200


async def test_a_step_of_our_own_database_is_not_offered_to_be_done_by_hand(world: World, visitor: Visitor) -> None:
    order, pending, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    path = f"/desk/orders/{order}/done-by-hand"
    page = await visitor.see(f"/desk/orders/{order}")
    assert path not in page
    assert "There is nothing to do by hand." in words_of(page)
    assert "The step is in our own database" in await visitor.see(path)
    fields = await visitor.form_of(f"/desk/orders/{order}", f"/desk/orders/{order}/retry-now")
    refused = await visitor.send(path, fields | {"reason": "as I say"})
    assert (refused.status_code, "NOT_BY_HAND" in refused.text) == (409, True)
    armed.fault = Fault.LOST
    assert (await visitor.fill_in(f"/desk/orders/{order}/retry-now")).status_code == 303
    await pending


async def test_marking_a_step_as_done_by_hand_needs_a_reason_and_is_recorded(outside: World) -> None:
    order, pending, _ = await start_stuck_change(outside, StepName.RELEASE_SEATS)
    visitor, path = Visitor(outside.http), f"/desk/orders/{order}/done-by-hand"
    assert "The provider is not called again." in await visitor.see(path)
    for reason in ("  ", "x\u202ey", 201 * "x"):
        refused = await visitor.fill_in(path, reason=reason)
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    answer = await visitor.fill_in(path, reason="released at the counter")
    assert answer.status_code == 303
    await pending
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert "release seats marked as done by hand by an operator: “released at the counter”" in page
    assert "No step of this order is stuck" in await visitor.see(path)
    late = await visitor.send(path, {"token": visitor.cookie.partition("=")[2], "key": 36 * "a", "reason": "x"})
    assert (late.status_code, "NOTHING_STUCK" in late.text) == (409, True)


async def test_a_retry_sent_twice_is_recorded_once(world: World, visitor: Visitor) -> None:
    order, pending, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    path = f"/desk/orders/{order}/retry-now"
    fields, before = await visitor.form_of(path), await wait_until_between_attempts(world, order)
    for _ in range(2):
        assert (await visitor.send(path, fields)).status_code == 303
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    assert [event["type"] for event in events].count("retry_requested") == 1
    await wait_until_between_attempts(world, order, before)
    armed.fault = Fault.LOST
    assert (await visitor.fill_in(path)).status_code == 303
    assert (await pending).status == 200


def test_it_is_served_on_loopback_unless_switched_off_and_elsewhere_only_when_switched_on() -> None:
    assert Settings().serves_desk
    assert not Settings(desk=False).serves_desk
    assert not Settings(api_host="0.0.0.0").serves_desk  # noqa: S104 - the case under test
    assert Settings(api_host="10.0.0.7", desk=True).serves_desk
