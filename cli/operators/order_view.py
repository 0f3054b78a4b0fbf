"""Renders an order for a terminal of 80 columns, without personal data of travellers."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from cli.http_clients.responses import Json

_COLOURS = {"confirmed": "green", "draft": "yellow", "expired": "red", "cancelled": "red"}


def order_view(order: Json) -> Group:
    """Return the view of an order: status, lines, seats, money, and its draft with the running request."""
    return Group(*_parts(order))


def utc_text(text: str) -> str:
    """Return a time as UTC, to the second."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _parts(order: Json) -> Iterator[RenderableType]:
    status = f"[{_COLOURS.get(order['status'], 'white')}]{order['status']}[/]"
    yield f"[bold]Order {order['number']}[/bold]  {status}, version {order['version']}"
    if order["external_reference"]:
        yield f"reference {escape(order['external_reference'])}"
    yield ""
    if order["lines"]:
        yield _lines(order)
    else:
        yield "No lines."
    if order["reservations"]:
        yield _seats(order["reservations"])
    if order["units"]:
        yield _units(order["units"])
    yield ""
    money = f"paid {order['paid']}, balance {order['balance']}"
    yield f"total [bold]{order['total']} {order['currency']}[/bold], {money}"
    if order.get("refund_owed", "").strip("0."):
        yield f"[red]refund owed[/red]: {order['refund_owed']}, which no card took. See `changeover attention list`."
    if order["draft"]:
        yield from _draft(order["draft"])


def _lines(order: Json) -> Table:
    table = _table("line", "product", "service")
    table.add_column("travellers", justify="right")
    table.add_column("price", justify="right")
    for line in order["lines"]:
        number = line["id"] if line["confirmed"] else f"[yellow]{line['id']}[/yellow]"
        service = line["service"] or ""
        table.add_row(number, line["product"], service, str(len(line["travellers"])), line["price"])
    for fee in order["fees"]:
        table.add_row("", f"fee: {fee['kind']}", "", "", fee["amount"])
    return table


def _seats(reservations: list[Json]) -> Table:
    table = _table("seat", "service", "state", "held until")
    for seat in reservations:
        until = utc_text(seat["expires_at"]) if seat["expires_at"] else ""
        table.add_row(seat["seat"], seat["service"], seat["state"], until)
    return table


def _units(units: list[Json]) -> Table:
    table = _table("unit", "service or day", "state", "held until")
    for unit in units:
        until = utc_text(unit["expires_at"]) if unit["expires_at"] else ""
        table.add_row(unit["product"], unit["service"] or unit["day"], unit["state"], until)
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="dim")


def _draft(draft: Json) -> Iterator[str]:
    yield ""
    until = f", until {utc_text(draft['expires_at'])}" if draft["expires_at"] else ""
    yield f"[bold]Draft[/bold] of version {draft['version']}{until}"
    for verb in ("adds", "removes"):
        if draft[verb]:
            yield f"   {verb} {', '.join(draft[verb])}"
    progress = draft["progress"]
    if progress is None:
        yield "   [yellow]Progress is unknown: Temporal or a worker does not answer.[/yellow]"
        return
    yield from _progress(progress)


def _progress(progress: Json) -> Iterator[str]:
    for step in progress["steps"]:
        if step["state"] == "running":
            yield f"   running: {progress['kind']} {progress['request']}: {escape(step['description'])}"
    if progress["queued"]:
        yield f"   requests in the queue: {progress['queued']}"
    stuck = progress["stuck"]
    if stuck:
        since = utc_text(stuck["since"])
        yield f"   [red]needs attention[/red]: {escape(stuck['description'])}, {stuck['code']} since {since}"
        yield "   See `changeover attention list`."
