"""`draft`: confirms, discards or extends the open draft of an order."""

from datetime import datetime, timedelta
from typing import Annotated

import httpx2
import typer
from rich.console import Group

from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json, ShopError
from cli.operators.order_view import utc_text
from cli.operators.output import Api, AsJson, Order, Output, open_client
from cli.operators.wait_for_change import exit_code, submit_and_follow
from domain.refusals import NoDraft

_NO_REASON = "requested at the command line"
app = typer.Typer(no_args_is_help=True, help="Confirm, discard or extend an order's open draft.")

_REASON_HELP = "The reason, recorded on the order with your client name. No personal data, please."
Reason = Annotated[str | None, typer.Option("--reason", help=_REASON_HELP)]
Token = Annotated[str | None, typer.Option(help="The payment provider's token with which the balance is paid.")]
Method = Annotated[str, typer.Option(help="The payment method.")]
Until = Annotated[str | None, typer.Option(help="The new deadline with its time zone, such as 2026-12-01T12:00Z.")]
Minutes = Annotated[int | None, typer.Option(min=1, help="The new deadline, in minutes after the current one.")]


@app.command()
def confirm(
    order: Order,
    reason: Annotated[str, typer.Option(help=_REASON_HELP)],
    *,
    token: Token = None,
    method: Method = "card",
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Confirm the draft, and pay its balance with --token.

    An order that is confirmed already stays as it is.
    """
    body = _body(reason) | ({"payment": {"method": method, "token": token}} if token else {})
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        _answer(output, submit_and_follow(client, output, "POST", order, "/confirm", body))


@app.command()
def discard(order: Order, *, reason: Reason = None, api: Api = None, as_json: AsJson = False) -> None:
    """Discard the draft: all its changes are undone.

    The order is then as it was last confirmed. Without a draft nothing happens.
    """
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        _answer(output, submit_and_follow(client, output, "DELETE", order, "/draft", _body(reason)))


@app.command()
def extend(
    order: Order,
    *,
    until: Until = None,
    minutes: Minutes = None,
    reason: Reason = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Extend the deadline of the draft and the holds of its seats, with --until or --minutes."""
    if (until is None) == (minutes is None):
        raise typer.BadParameter("Give the deadline, either --until or --minutes.")
    instant = _instant(until) if until else None
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        deadline = instant or _deadline(client, order) + timedelta(minutes=minutes or 0)
        _answer(
            output,
            submit_and_follow(client, output, "PATCH", order, "", {"expires_at": deadline.isoformat()} | _body(reason)),
        )


def _body(reason: str | None) -> Json:
    return {"reason": reason or _NO_REASON}


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter("Give --until with its time zone, such as 2026-12-01T12:00Z.")
    return instant


def _deadline(client: NativeClient, order: str) -> datetime:
    """Return the current deadline of the draft. Raises ShopError without a draft."""
    draft = client.show(order)["draft"]
    if not draft or not draft["expires_at"]:
        problem = {"code": NoDraft.code, "title": NoDraft.sentence}
        raise ShopError(NoDraft.sentence, httpx2.codes.CONFLICT, problem)
    return datetime.fromisoformat(draft["expires_at"])


def _answer(output: Output, change: Json) -> None:
    """Print the outcome of a change and exit with its exit code."""
    lines = []
    if change["problem"]:
        lines.append(f"[yellow]{change['problem']['title']}[/yellow]")
    order = change["order"]
    if order:
        money = f"total {order['total']} {order['currency']}, balance {order['balance']}"
        lines.append(f"[bold]{order['number']}[/bold] {order['status']}, version {order['version']}: {money}")
        if order["draft"] and order["expires_at"]:
            lines.append(f"its draft expires at {utc_text(order['expires_at'])}")
    output.answer(change, Group(*lines))
    if change["problem"]:
        output.advise(change["problem"])
    raise typer.Exit(exit_code(change))
