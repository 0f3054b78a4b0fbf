"""The documentation pages come from our own process, whole, and ask nobody else for anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page

from tests.support.browser import chromium, open_page
from tests.support.world import World

pytestmark = pytest.mark.only_on("sqlite")

OPERATION = {"/docs": ".opblock", "/redoc": "[data-section-id^='tag/'][data-section-id*='/operation/']"}


@dataclass
class Visit:
    """A page in a browser, and what it asked for and complained of on the way."""

    page: Page
    asked: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    """What the policy of the page kept the browser from asking for at all: ReDoc's maker's logo."""
    broke: list[str] = field(default_factory=list)

    @property
    def went_to(self) -> set[str]:
        """The hosts that requests went to."""
        return {urlsplit(each).netloc for each in self.asked - self.forbidden if each.startswith("http")}


@asynccontextmanager
async def visit(address: str) -> AsyncIterator[Visit]:
    """Open a page as a person would."""
    async with chromium() as browser, open_page(browser) as page:
        seen = Visit(page)
        seen.page.on("request", lambda request: seen.asked.add(request.url))
        seen.page.on("requestfailed", lambda each: seen.forbidden.add(each.url) if each.failure == "csp" else None)
        seen.page.on("pageerror", lambda error: seen.broke.append(str(error)))
        await seen.page.goto(address)
        yield seen


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_lists_every_operation_and_no_request_leaves_the_origin(world: World, path: str) -> None:
    home = str(world.http.base_url).rstrip("/")
    paths = (await world.send("GET", "/openapi.json")).body["paths"]
    operations = sum(len(methods) for methods in paths.values())
    async with visit(f"{home}{path}") as seen:
        await seen.page.wait_for_selector(OPERATION[path])
        assert await seen.page.locator(OPERATION[path]).count() == operations
        await seen.page.wait_for_load_state("networkidle")
    assert seen.went_to == {urlsplit(home).netloc}
    assert seen.broke == []


async def test_pages_may_load_only_what_we_serve(world: World) -> None:
    for path in ("/docs", "/redoc"):
        policy = (await world.http.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
    assert "script-src" not in (await world.http.get("/health")).headers["content-security-policy"]
