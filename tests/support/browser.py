"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")  # noqa: TID251 - whose machine it is, not how it runs
HEIGHT = 900
TIMEOUT_MS = 20_000
# No sandbox: tests may run as root. Nothing is asked of the network but what a test opens. Grey edges of letters,
# not coloured ones, make pictures the same everywhere, and smaller.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-proxy-server",
    "--disable-lcd-text",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser; skips the test where there is none."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"there is no {CHROMIUM}: install Debian's chromium, or name one by CHROMIUM")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield started
        await started.close()


@asynccontextmanager
async def open_page(browser: Browser, width: int = 1280, *, dark: bool = False) -> AsyncIterator[Page]:
    """Open a page of a width, light or dark, with cookies of its own."""
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
