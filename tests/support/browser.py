"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from tests.support.required_parts import skip_without

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")  # noqa: TID251 - where this machine has it, not a setting
HEIGHT = 900
TIMEOUT_MS = 20_000
# No sandbox: tests may run as root. The browser opens no network connection except those of the pages a test opens.
# Grey instead of coloured edges of letters make screenshots smaller and the same on every machine.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-proxy-server",
    "--disable-lcd-text",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser; skip the test if Chromium is not installed."""
    if shutil.which(CHROMIUM) is None:
        skip_without("chromium", f"{CHROMIUM} does not exist: install Debian's chromium, or set CHROMIUM to its path")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield started
        await started.close()


@asynccontextmanager
async def open_page(browser: Browser, width: int = 1280, *, dark: bool = False) -> AsyncIterator[Page]:
    """Open a page of this width in pixels, light or dark, with its own cookies."""
    context = await browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(TIMEOUT_MS)
    yield await context.new_page()
    await context.close()
