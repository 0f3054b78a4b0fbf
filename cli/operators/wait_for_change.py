"""Waits for a change, telling what happens, and says how to find it again when the waiting is cut short."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import typer

from cli.exit_codes import Code
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json, ShopError
from cli.operators.output import Output
from cli.rendering import told_line


def ask(shop: NativeClient, speaker: Output, method: str, order: str, way: str, body: Json | None = None) -> Json:
    """Ask something of an order, tell its steps, and return its change once it has ended."""
    with found_again(speaker, f"It may be under way: `changeover order show {order}` says."):
        change = shop.begin(method, f"/v1/orders/{order}{way}", body)
    with found_again(speaker, f"It goes on: `changeover change watch {change}` shows how it ends."):
        for told in shop.follow(change):
            speaker.line(told_line(told))
        return shop.change(change)


def exit_code(change: Json) -> Code:
    """Return what a change that has ended is as an exit code."""
    return Code.DONE if change["state"] == "done" else Code.NO


@contextmanager
def found_again(speaker: Output, hint: str) -> Iterator[None]:
    """Say where to look when Ctrl-C, or an API that went away, cuts the waiting short."""
    try:
        yield
    except KeyboardInterrupt:
        speaker.hint(hint)
        raise typer.Exit(Code.INTERRUPTED) from None
    except httpx2.TransportError:
        speaker.hint(hint)
        raise
    except ShopError as error:
        if error.status >= httpx2.codes.INTERNAL_SERVER_ERROR:
            speaker.hint(hint)
        raise
