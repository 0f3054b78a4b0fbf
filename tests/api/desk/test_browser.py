"""An operator at the desk, with a real browser. Screenshots for docs/desk.md with CHANGEOVER_SCREENSHOTS=1."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Page, Request, expect
from sqlalchemy import text

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.browser import open_page
from tests.support.canary import ADULT, CHILD
from tests.support.stuck_orders import start_stuck_change
from tests.support.world import CARD, World, add, replace

# What a browser does with a page is the same on any store.
pytestmark = pytest.mark.only_on("sqlite")
MAX_BYTES = 150_000
IMAGES = Path(__file__).parents[3] / "docs" / "images"
SHOOT = bool(os.environ.get("CHANGEOVER_SCREENSHOTS"))  # noqa: TID251 - a test's own switch


@asynccontextmanager
async def desk(world: World, browser: Browser, width: int = 1280, *, dark: bool = False) -> AsyncIterator[Page]:
    """A page that must load nothing from another origin and log no error in the console."""
    origin, foreign_urls, errors = str(world.http.base_url), list[str](), list[str]()

    def record(request: Request) -> None:
        if not request.url.startswith(origin):
            foreign_urls.append(request.url)

    async with open_page(browser, width, dark=dark) as page:
        page.on("request", record)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert (foreign_urls, errors) == ([], [])


async def open_at(page: Page, world: World, path: str = "") -> Page:
    await page.goto(f"{world.http.base_url}/desk{path}")
    return page


async def until_listed(page: Page, world: World, order: str) -> None:
    """Reload the queue until an order is on it: Temporal's list lags behind by a moment."""
    async with asyncio.timeout(20):
        while True:
            await open_at(page, world, "/attention")
            if await page.locator(f"#stuck-{order}").count():
                return


async def test_an_operator_finds_a_stuck_order_reads_the_money_at_risk_tries_again_and_sees_it_done(
    world: World, browser: Browser
) -> None:
    order, pending, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    async with desk(world, browser) as page:
        await until_listed(page, world, order)
        card = page.get_by_role("article").filter(has_text=order)
        await expect(card.get_by_text("100.00 NOK authorised").first).to_be_visible()
        await card.get_by_label("Reason").fill("the bank answers again")
        armed.fault = Fault.LOST
        await card.get_by_role("button", name="Try again now").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(order)
        assert (await pending).status == 200
        await page.reload()
        await expect(page.get_by_role("status")).to_contain_text("No step is stuck any more.")
        await expect(page.locator(".timeline")).to_contain_text("tried again by an operator: “the bank answers again”")
        await expect(page.get_by_text("2 is confirmed")).to_be_visible()


async def test_a_draft_is_discarded_with_the_keyboard_alone(world: World, browser: Browser) -> None:
    order, before = await world.open_draft()
    async with desk(world, browser) as page:
        await open_at(page, world)
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to content")).to_be_focused()
        await expect(page.get_by_text("Skip to content")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await tab_to(page, order)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/orders/{order}")
        await tab_to(page, "Discard…")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/discard")
        await tab_to(page, "Discard")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Discard: done.")
    assert world.snapshot(order) == before


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this text has the focus; assert that its outline is visible."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        text, outline = await page.evaluate(
            "() => { const e = document.activeElement; return [e.innerText, getComputedStyle(e).outlineStyle]; }"
        )
        if text == name:
            assert outline == "solid"
            return
    raise AssertionError(f"{name} cannot be reached")


async def test_a_form_on_a_page_of_another_site_does_nothing(world: World, browser: Browser) -> None:
    order, _ = await world.open_draft()
    before = world.snapshot(order)
    target = f"{world.http.base_url}/desk/orders/{order}/discard"
    form = f'<form method="post" action="{target}"><button>A prize</button></form>'
    async with open_page(browser) as page:
        await open_at(page, world, f"/orders/{order}")
        await page.route("http://elsewhere.example/", lambda route: route.fulfill(content_type="text/html", body=form))
        await page.goto("http://elsewhere.example/")
        await page.get_by_role("button").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Form refused")
        await page.goto("http://elsewhere.example/")
        framed = await page.evaluate(
            "url => new Promise(done => { const f = document.createElement('iframe'); f.src = url;"
            " f.onload = () => { try { done(f.contentDocument === null) } catch { done(true) } };"
            " document.body.append(f) })",
            target,
        )
        assert framed
        assert not [frame for frame in page.frames[1:] if await frame.locator("form").count()]
    assert world.snapshot(order) == before
    await world.discard(order)


@pytest.mark.parametrize("width", [320, 1280])
async def test_no_page_is_wider_than_the_screen(world: World, browser: Browser, width: int) -> None:
    order, _ = await world.open_draft()
    (seat, *_) = (await world.show(order))["reservations"]
    async with desk(world, browser, width, dark=True) as page:
        for path in ("", "/attention", f"/orders/{order}", f"/orders/{order}/extend", f"/services/{seat['service']}"):
            await open_at(page, world, path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert await page.locator("h1").count() == 1
    await world.discard(order)


@pytest.mark.skipif(not SHOOT, reason="CHANGEOVER_SCREENSHOTS=1 makes the pictures of docs/desk.md")
async def test_the_pictures_of_the_documentation(world: World, browser: Browser) -> None:
    train, draft = await _set_up_busy_day(world)
    held, pending, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    other, other_pending, other_armed = await start_stuck_change(world, StepName.RELEASE_SEATS)
    sale = next(row.id for row in world.changes_of(draft) if row.kind == "change" and row.state == "done")
    _refund_at_provider(world, sale, 5000)
    later = world.components.store.now() + timedelta(minutes=7)
    try:
        with world.clock_at(later):
            await _shoot_all(world, browser, Scene(train, draft, held, other))
    finally:
        _refund_at_provider(world, sale, -5000)
        armed.fault = other_armed.fault = Fault.LOST
        for order in (held, other):
            await world.post(f"/v1/orders/{order}/attention/retry-now", {"reason": "it is back"})
        await asyncio.gather(pending, other_pending)


@dataclass
class Scene:
    """The orders and the train on the pictures."""

    train: str
    draft: str
    held: str
    other: str


async def _shoot_all(world: World, browser: Browser, scene: Scene) -> None:
    for dark in (False, True):
        mode = "-dark" if dark else ""
        async with desk(world, browser, dark=dark) as page:
            await until_listed(page, world, scene.other)
            await _shoot(page, f"desk-attention{mode}", 880)
            await open_at(page, world, f"/orders/{scene.draft}")
            await _shoot(page, f"desk-order{mode}", 960)
            await open_at(page, world, f"/services/{scene.train}")
            await _shoot(page, f"desk-seats{mode}", 760)
    async with desk(world, browser) as page:
        await open_at(page, world, f"/orders/{scene.draft}")
        await page.locator("#timeline").evaluate("heading => heading.scrollIntoView()")
        await page.screenshot(path=IMAGES / "desk-timeline.png", animations="disabled")
        await open_at(page, world)
        await _shoot(page, "desk-orders", 620)
        await open_at(page, world, f"/orders/{scene.held}/done-by-hand")
        await _shoot(page, "desk-done-by-hand", 560)
    async with desk(world, browser, 390) as page:
        await open_at(page, world, "/attention")
        await _shoot(page, "desk-mobile", 844)


async def _set_up_busy_day(world: World) -> tuple[str, str]:
    """Return a train with seats sold and held, and an order with a history and an open draft on it."""
    train = world.train(coaches=2, seats=32)
    for travellers in ((ADULT, CHILD), (ADULT,), (CHILD,), (ADULT, CHILD)):
        await world.sold(*travellers, train=train)
    body = {"currency": "NOK", "external_reference": "web-5512", "distribution_channel": "App"}
    order = str((await world.post("/v1/orders", body)).body["number"])
    bundle = await world.offer("standard", ADULT, CHILD, service=world.train())
    await world.change(order, add(bundle, ADULT, CHILD), confirm=True, payment=CARD)
    dearer = await world.offer("flexible", ADULT, CHILD, service=train)
    await world.change(order, replace(await world.lines(order), dearer))
    await world.discard(order)
    await world.change(order, replace([f"{order}-1"], "gone"))
    again = await world.offer("flexible", ADULT, CHILD, service=train)
    await world.change(order, replace(await world.lines(order), again))
    await world.pay(order, "100.00")
    return train, order


def _refund_at_provider(world: World, sale: str, minor: int) -> None:
    move = text("UPDATE embedded_payments SET refunded_minor = refunded_minor + :by WHERE key LIKE :key")
    with world.components.store.write() as tx:
        tx.connection().execute(move, {"by": minor, "key": f"{sale}%"})


async def _shoot(page: Page, name: str, height: int) -> None:
    """Take the upper part of a page."""
    IMAGES.mkdir(exist_ok=True)
    width = page.viewport_size["width"] if page.viewport_size else 0
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    picture = await page.screenshot(path=IMAGES / f"{name}.png", clip=clip, full_page=True, animations="disabled")
    assert len(picture) < MAX_BYTES, name
