"""Operators find an order in Temporal's Web UI, read its state and act on it, in a real browser."""

import os
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cli.faults.injection import Fault
from telemetry.loopback import HOST, free_port
from temporal.names import StepName
from tests.support.browser import open_page
from tests.support.canary import ADULT
from tests.support.installation import prepare_database, running_world
from tests.support.stuck_orders import start_stuck_change
from tests.support.temporal_server import temporal_server
from tests.support.world import DECLINED, World, add
from workflows.saga import step_runner

NAMESPACE = "sqlite"
expect.set_options(timeout=20_000)
COLUMNS = ("OrderState", "ChangeKind", "PriceDiffMinor", "Channel", "NeedsAttention", "StuckStep", "DraftExpires")
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module")
def web_ui() -> str:
    return f"http://{HOST}:{free_port()}"


@pytest.fixture(scope="module")
async def desk(web_ui: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    database = prepare_database(f"sqlite:///{tmp_path_factory.mktemp('desk') / 'desk.db'}")
    async with (
        temporal_server(web_ui=int(web_ui.rpartition(":")[2])) as server,
        running_world(database, server.address, NAMESPACE) as world,
    ):
        yield world


@pytest.fixture
async def page(desk: World, browser: Browser) -> AsyncIterator[Page]:
    async with open_page(browser, 1700) as opened:
        yield opened
    desk.faults.clear()


@pytest.fixture(autouse=True)
def _early_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=3))


async def find_rows(page: Page, web_ui: str, query: str) -> Locator:
    """Paste a query and return the rows of the list."""
    await page.goto(f"{web_ui}/namespaces/{NAMESPACE}/workflows?query={quote(query)}")
    return page.get_by_role("row").filter(has_text="order/")


async def open_details(page: Page, web_ui: str, order: str) -> Locator:
    """Open the page of an order's draft and return its details."""
    await page.goto(f"{web_ui}/namespaces/{NAMESPACE}/workflows/order%2F{order}")
    await page.get_by_role("tab", name="User Metadata").click()
    return page.frame_locator("#user-metadata-current-details").locator("body")


async def send(page: Page, update: str, data: str | None = None) -> Locator:
    """Fill in the form "Send an Update" and return the dialogue."""
    await page.get_by_role("button", name="More Actions").click()
    await page.get_by_role("menu").get_by_text("Send an Update").click()
    dialogue = page.get_by_role("dialog")
    await dialogue.get_by_role("button", name="Select an Update").click()
    await dialogue.get_by_role("option", name=re.compile(f"^{update}")).click()
    if data:
        await dialogue.locator(".cm-content").click()
        await page.keyboard.insert_text(data)
    await dialogue.get_by_role("button", name="Submit").click()
    return dialogue


async def picture(page: Page, name: str, height: int = 900) -> None:
    """Save a screenshot for the docs, if screenshots are enabled."""
    if os.environ.get("CHANGEOVER_SCREENSHOTS"):  # noqa: TID251 - a switch of the tests
        await page.set_viewport_size({"width": 1300, "height": height})
        await page.screenshot(path=IMAGES / f"web-ui-{name}.png")


async def test_an_order_is_found_by_number_correlation_channel_and_state(desk: World, page: Page, web_ui: str) -> None:
    correlation = f"call-{uuid.uuid4()}"
    order_data = {"currency": "NOK", "distribution_channel": "ch-phone"}
    order = str((await desk.post("/v1/orders", order_data)).body["number"])
    bundle = await desk.offer("standard", ADULT, service=desk.train())
    await desk.change(order, add(bundle, ADULT), X_Correlation_Id=correlation)
    for query in (
        f"OrderNumber = '{order}'",
        f"CorrelationId = '{correlation}'",
        "Channel = 'ch-phone' AND ExecutionStatus = 'Running'",
        f"OrderState = 'draft' AND ChangeKind = 'change' AND OrderNumber = '{order}'",
    ):
        rows = await find_rows(page, web_ui, query)
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text(f"order/{order}")


async def test_the_list_shows_the_stuck_step_in_its_columns(desk: World, page: Page, web_ui: str) -> None:
    order, request, armed = await start_stuck_change(desk, StepName.SETTLE_PRICE_DIFFERENCE)
    await desk.open_draft()
    rows = await find_rows(page, web_ui, "WorkflowType = 'OrderDraft' AND ExecutionStatus = 'Running'")
    await page.get_by_role("button", name="Configure Columns").click()
    for name in ("Run ID", "Type", "End"):
        await page.get_by_role("button", name=f"Remove {name} column").click()
    for name in COLUMNS:
        await page.get_by_role("button", name=f"Add {name} column").click()
    await page.get_by_role("button", name="Close Workflows Table configuration").click()
    row = rows.filter(has_text=f"order/{order}")
    await expect(row).to_contain_text(StepName.SETTLE_PRICE_DIFFERENCE)
    await expect(row).to_contain_text("true")
    await picture(page, "list")
    armed.fault = Fault.LOST
    await desk.workflow(order).execute_update("retry_now")
    assert (await request).status == 200


async def test_a_stuck_step_is_found_read_and_retried(desk: World, page: Page, web_ui: str) -> None:
    order, request, armed = await start_stuck_change(desk, StepName.SETTLE_PRICE_DIFFERENCE)
    await expect(await find_rows(page, web_ui, f"NeedsAttention = true AND OrderNumber = '{order}'")).to_have_count(1)
    details = await open_details(page, web_ui, order)
    for text in (
        "Needs attention: INJECTED",
        StepName.SETTLE_PRICE_DIFFERENCE,
        "100.00 NOK authorised",
        "replace 1 line by 1 offer, confirmed in one go",
        "100.00 NOK against the confirmed version",
    ):
        await expect(details).to_contain_text(text)
    await picture(page, "needs-attention", 1400)
    armed.fault = Fault.LOST
    dialogue = await send(page, "retry_now", '{"reason": "the bank is back"}')
    await expect(dialogue).to_have_count(0)
    assert (await request).status == 200
    await page.reload()
    await expect(page.get_by_text("COMPLETED").first).to_be_visible()
    assert "retry_requested" in str((await desk.send("GET", f"/v1/orders/{order}/history")).body)


async def test_a_draft_shows_its_state_and_is_extended_and_discarded_by_a_form(
    desk: World, page: Page, web_ui: str
) -> None:
    order, before = await desk.open_draft()
    details = await open_details(page, web_ui, order)
    for text in ("change: replace 1 line by 1 offer — done", "100.00 NOK against", "hold 1 seat on", "until 2"):
        await expect(details).to_contain_text(text)
    await picture(page, "draft", 1100)
    due = (await desk.show(order))["draft"]["expires_at"]
    await expect(await send(page, "extend", '{"minutes": 90}')).to_have_count(0)
    assert (await desk.show(order))["draft"]["expires_at"] > due
    await expect(await send(page, "discard")).to_have_count(0)
    await desk.wait_for_end(order)
    assert desk.snapshot(order) == before


async def test_a_form_with_wrong_data_shows_what_is_needed(desk: World, page: Page, web_ui: str) -> None:
    order, _ = await desk.open_draft()
    await open_details(page, web_ui, order)
    for update, data, text in (
        ("confirm", None, "NEEDS_REASON: Confirm the draft"),
        ("extend", None, 'NEEDS_DEADLINE: Set the draft\'s deadline: {"minutes": 30}'),
        ("done_by_hand", None, "NOTHING_STUCK"),
        ("extend", '{"minutes": "soon"}', "INVALID_DATA"),
    ):
        dialogue = await send(page, update, data)
        await expect(dialogue).to_contain_text(text)
        assert ".py" not in await dialogue.inner_text()
        await dialogue.get_by_role("button", name="Cancel").last.click()


async def test_an_operators_confirmation_of_an_unpaid_draft_is_refused_with_its_code(
    desk: World, page: Page, web_ui: str
) -> None:
    order, _ = await desk.open_draft()
    await open_details(page, web_ui, order)
    await expect(await send(page, "confirm", '{"reason": "as they asked"}')).to_have_count(0)
    await page.keyboard.press("r")
    details = page.frame_locator("#user-metadata-current-details").locator("body")
    await expect(details).to_contain_text("confirm — refused: BALANCE_NOT_ZERO")


async def test_a_failure_shows_its_code_and_no_stack_trace(desk: World, page: Page, web_ui: str) -> None:
    order = await desk.sold(ADULT)
    await desk.upgrade(order)
    desk.faults.break_groups(order)
    await desk.confirm(order, DECLINED)
    details = await open_details(page, web_ui, order)
    await expect(details).to_contain_text("failed: PAYMENT_REFUSED")
    await page.get_by_role("tab", name=re.compile("^Event History")).click()
    row = page.get_by_role("row").filter(has_text=re.compile(r"authorise \d"), has_not_text="undo")
    await row.first.click()
    shown = page.get_by_text(re.compile('"message": "PAYMENT_REFUSED: '))
    await expect(shown.first).to_be_visible()
    await shown.first.scroll_into_view_if_needed()
    assert ".py" not in await page.locator("body").inner_text()
    await picture(page, "refused")
