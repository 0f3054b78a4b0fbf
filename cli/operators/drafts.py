"""`draft`: confirm, discard or extend the open draft of an order."""

from datetime import datetime, timedelta
from typing import Annotated

import httpx2
import typer
from rich.console import Group

from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json, ShopError
from cli.operators.order_view import moment
from cli.operators.output import Api, AsJson, Order, Output, output_of
from cli.operators.wait_for_change import ask, exit_code
from domain.refusals import NoDraft

_UNASKED = "asked at the command line"
app = typer.Typer(no_args_is_help=True, help="Confirm, discard or extend an order's open draft.")

_WHY = "Why; recorded on the order as yours. No names, please."
Why = Annotated[str | None, typer.Option("--reason", help=_WHY)]
Token = Annotated[str | None, typer.Option(help="What the balance is paid with: the payment provider's token.")]
Method = Annotated[str, typer.Option(help="How it is paid.")]
Until = Annotated[str | None, typer.Option(help="The new deadline with its zone, such as 2026-12-01T12:00Z.")]
Minutes = Annotated[int | None, typer.Option(min=1, help="Or so many minutes later than the present deadline.")]


@app.command()
def confirm(
    order: Order,
    reason: Annotated[str, typer.Option(help=_WHY)],
    *,
    token: Token = None,
    method: Method = "card",
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Confirm the draft, paying what is owed with --token. An order confirmed already stays as it is."""
    body = _body(reason) | ({"payment": {"method": method, "token": token}} if token else {})
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        _answer(speaker, ask(shop, speaker, "POST", order, "/confirm", body))


@app.command()
def discard(order: Order, *, reason: Why = None, api: Api = None, as_json: AsJson = False) -> None:
    """Take the whole draft back: the order is as it was last confirmed. Without a draft nothing happens."""
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        _answer(speaker, ask(shop, speaker, "DELETE", order, "/draft", _body(reason)))


@app.command()
def extend(
    order: Order,
    *,
    until: Until = None,
    minutes: Minutes = None,
    reason: Why = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Set when the draft ends, its seats first: --until an instant, or --minutes later than now set."""
    if (until is None) == (minutes is None):
        raise typer.BadParameter("Name the deadline, by --until or by --minutes.")
    fixed = _instant(until) if until else None
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        deadline = fixed or _deadline(shop, order) + timedelta(minutes=minutes or 0)
        _answer(speaker, ask(shop, speaker, "PATCH", order, "", {"expires_at": deadline.isoformat()} | _body(reason)))


def _body(reason: str | None) -> Json:
    return {"reason": reason or _UNASKED}


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter("Write --until with its zone, such as 2026-12-01T12:00Z.")
    return instant


def _deadline(shop: NativeClient, order: str) -> datetime:
    """Return when the draft ends as things are. Raises ShopError when there is none."""
    draft = shop.show(order)["draft"]
    if not draft or not draft["expires_at"]:
        problem = {"code": NoDraft.code, "title": NoDraft.sentence}
        raise ShopError(NoDraft.sentence, httpx2.codes.CONFLICT, problem)
    return datetime.fromisoformat(draft["expires_at"])


def _answer(speaker: Output, change: Json) -> None:
    """Say how it ended; the exit code is 1 when the answer was no."""
    words = []
    if change["problem"]:
        words.append(f"[yellow]{change['problem']['title']}[/yellow]")
    order = change["order"]
    if order:
        money = f"total {order['total']} {order['currency']}, balance {order['balance']}"
        words.append(f"[bold]{order['number']}[/bold] {order['status']}, version {order['version']}: {money}")
        if order["draft"] and order["expires_at"]:
            words.append(f"its draft ends at {moment(order['expires_at'])}")
    speaker.answer(change, Group(*words))
    if change["problem"]:
        speaker.advise(change["problem"])
    raise typer.Exit(exit_code(change))
