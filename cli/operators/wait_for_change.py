"""Submits a request, prints its events until the change has ended, and says how to resume after an interruption."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import typer

from cli.exit_codes import Code
from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json, ShopError
from cli.operators.output import Output
from cli.rendering import event_line


def submit_and_follow(
    client: NativeClient, output: Output, method: str, order: str, path: str, body: Json | None = None
) -> Json:
    """Submit a request for an order, print its events, and return its change once it has ended."""
    with hint_when_cut_short(output, f"The request may be running: see `changeover order show {order}`."):
        change = client.submit(method, f"/v1/orders/{order}{path}", body)
    with hint_when_cut_short(output, f"The change continues: `changeover change watch {change}` shows how it ends."):
        for event in client.follow(change):
            output.line(event_line(event))
        return client.change(change)


def exit_code(change: Json) -> Code:
    """Return the exit code for a change that has ended."""
    return Code.DONE if change["state"] == "done" else Code.NO


@contextmanager
def hint_when_cut_short(output: Output, hint: str) -> Iterator[None]:
    """Print a hint when Ctrl-C or an unreachable API cuts the block short."""
    try:
        yield
    except KeyboardInterrupt:
        output.hint(hint)
        raise typer.Exit(Code.INTERRUPTED) from None
    except httpx2.TransportError:
        output.hint(hint)
        raise
    except ShopError as error:
        if error.status >= httpx2.codes.INTERNAL_SERVER_ERROR:
            output.hint(hint)
        raise
