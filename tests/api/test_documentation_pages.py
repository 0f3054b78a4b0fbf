"""The documentation pages are complete and load everything from the API's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page

from tests.support.browser import chromium, open_page
from tests.support.world import World

pytestmark = [pytest.mark.only_on("sqlite"), pytest.mark.journeys]

OPERATION = {"/docs": ".opblock", "/redoc": "[data-section-id^='tag/'][data-section-id*='/operation/']"}


@dataclass
class Visit:
    """A page in a browser, with its requests and errors."""

    page: Page
    requested: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    """Requests that the page's content security policy prevented: the logo of ReDoc's vendor."""
    errors: list[str] = field(default_factory=list)

    @property
    def hosts(self) -> set[str]:
        """The hosts that requests went to."""
        return {urlsplit(each).netloc for each in self.requested - self.forbidden if each.startswith("http")}


@asynccontextmanager
async def visit(address: str) -> AsyncIterator[Visit]:
    """Open a page in a browser."""
    async with chromium() as browser, open_page(browser) as page:
        visited = Visit(page)
        visited.page.on("request", lambda request: visited.requested.add(request.url))
        visited.page.on(
            "requestfailed", lambda each: visited.forbidden.add(each.url) if each.failure == "csp" else None
        )
        visited.page.on("pageerror", lambda error: visited.errors.append(str(error)))
        await visited.page.goto(address)
        yield visited


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_lists_every_operation_and_no_request_leaves_the_origin(world: World, path: str) -> None:
    home = str(world.http.base_url).rstrip("/")
    paths = (await world.send("GET", "/openapi.json")).body["paths"]
    operations = sum(len(methods) for methods in paths.values())
    async with visit(f"{home}{path}") as visited:
        await visited.page.wait_for_selector(OPERATION[path])
        assert await visited.page.locator(OPERATION[path]).count() == operations
        await visited.page.wait_for_load_state("networkidle")
    assert visited.hosts == {urlsplit(home).netloc}
    assert visited.errors == []


async def test_pages_may_load_only_what_we_serve(world: World) -> None:
    for path in ("/docs", "/redoc"):
        policy = (await world.http.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
    assert "script-src" not in (await world.http.get("/health")).headers["content-security-policy"]
