"""`attention`: lists what needs attention, resolves stuck steps, records refunds paid by hand, closes disputes."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape

from cli.exit_codes import Code
from cli.http_clients.responses import Json
from cli.operators.order_view import utc_text
from cli.operators.output import Api, AsJson, Order, Output, open_client
from cli.operators.wait_for_change import exit_code, submit_and_follow

app = typer.Typer(invoke_without_command=True, help="List and resolve orders that need attention.")

Reason = Annotated[str, typer.Option(help="The reason, recorded on the order. No personal data, please.")]
Amount = Annotated[str, typer.Option(help="All that is owed, such as 299.00, in the order's currency.")]
Dispute = Annotated[str, typer.Option(help="The payment provider's name of the dispute.")]
_PAID = "Recorded as paid by hand; ledger updated."
_REVERSED = "The stuck change is reversed; what it captured is refunded."
_CLOSED = "The case of the dispute is closed."
_RESEATED = "Other seats are held; the stuck change goes on."
_DONE = {
    "retry-now": "The step is retried; the request is recorded on the order.",
    "done-by-hand": "Recorded as done by hand; ledger updated, audit entry written.",
}


@app.callback()
def attention(context: typer.Context) -> None:
    """List and resolve orders that need attention. Without a command this is `attention list`."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(*, api: Api = None, as_json: AsJson = False) -> None:
    """List orders with a step that keeps failing, a refund that no card took or a dispute, and discrepancies.

    Exits with 1 if there are any.
    """
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        report = client.attention()
    output.answer(report, Group(*describe_attention(report)))
    raise typer.Exit(Code.NO if any(report.values()) else Code.DONE)


@app.command()
def retry(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Retry an order's stuck step at once."""
    _resolve(order, "retry-now", reason, api, Output(as_json=as_json))


@app.command("done-by-hand")
def done_by_hand(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Record that an order's stuck step was done by hand at its provider.

    Only our own records are updated; the provider is not called. A step in our own database cannot be done by hand.
    """
    _resolve(order, "done-by-hand", reason, api, Output(as_json=as_json))


@app.command()
def payout(order: Order, amount: Amount, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Record that a refund which no card took was paid to the customer by hand.

    Only our own records are updated; no provider is called.
    """
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        body = {"amount": amount, "reason": reason}
        change = submit_and_follow(client, output, "POST", order, "/attention/payout", body)
    problem = change["problem"]
    output.answer(change, f"[yellow]{problem['title']}[/yellow]" if problem else f"{order}: {_PAID}")
    if problem:
        output.advise(problem)
    raise typer.Exit(exit_code(change))


@app.command()
def reverse(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Reverse an order's change that is stuck after its payment was settled.

    What it captured is refunded, its seats are released, and the confirmed version of the order stands.
    """
    _take_way_out(order, "reverse", reason, _REVERSED, api, Output(as_json=as_json))


@app.command()
def reseat(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Hold other seats for an order's change that is stuck because its seats are gone.

    As many are held on the same service. The change then goes on; if too few are free, it stays as it was.
    """
    _take_way_out(order, "reseat", reason, _RESEATED, api, Output(as_json=as_json))


@app.command("close-dispute")
def close_dispute(order: Order, dispute: Dispute, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Close the case of a payment that its cardholder disputes. No provider is called, and no money moves."""
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        client.close_dispute(order, dispute, reason)
    output.answer({"order": order, "dispute": dispute}, f"{order}: {_CLOSED}")


def _take_way_out(order: str, action: str, reason: str, done: str, api: str | None, output: Output) -> None:
    with open_client(api, output) as client:
        change = submit_and_follow(client, output, "POST", order, f"/attention/{action}", {"reason": reason})
    problem = change["problem"]
    output.answer(change, f"[yellow]{problem['title']}[/yellow]" if problem else f"{order}: {done}")
    if problem:
        output.advise(problem)
    raise typer.Exit(exit_code(change))


def _resolve(order: str, action: str, reason: str, api: str | None, output: Output) -> None:
    with open_client(api, output) as client:
        client.resolve(order, action, reason)
    output.answer({"order": order, "action": action}, f"{order}: {_DONE[action]}")


def describe_attention(report: Json) -> Iterator[str]:
    """Yield the lines of `attention list` for the API's report."""
    for stuck in report["stuck"]:
        yield f"[bold]{stuck['order']}[/bold] {stuck['kind'] or ''} {stuck['request'] or ''}".rstrip()
        yield f"   {escape(stuck['description'])}: keeps failing with {stuck['code']} since {utc_text(stuck['since'])}"
        next_at = f", the next at {utc_text(stuck['next_at'])}" if stuck["next_at"] else ""
        yield f"   attempts so far: {stuck['attempts']}{next_at}"
        yield from (f"   unsettled: {escape(item)}" for item in stuck["unsettled"])
        yield from _statements(stuck, "done")
    if any(stuck["by_hand"] for stuck in report["stuck"]):
        yield "Resolve with `changeover attention retry`, `done-by-hand`, `reseat` or `reverse`, ORDER and --reason."
    elif report["stuck"]:
        yield "Resolve with `changeover attention retry`, `reseat` or `reverse`, ORDER and --reason; not by hand."
    refunds = report.get("refunds_owed", [])
    yield from _refunds(refunds)
    disputes = report.get("disputes", [])
    yield from _disputes(disputes)
    if not report["stuck"] and not refunds and not disputes:
        yield "[green]No order needs attention.[/green]"
    for each in report["discrepancies"]:
        yield f"[red]discrepancy[/red] {each['invariant']}: order {each['order'] or '-'}: {escape(each['what'])}"
    if report["discrepancies"]:
        yield "`changeover check` describes each consistency check."


def _refunds(refunds: list[Json]) -> Iterator[str]:
    for each in refunds:
        yield f"[bold]{each['order']}[/bold] {each['amount']} {each['currency']} owed to the customer"
        yield f"   no card took the refund of change {each['change']} at {utc_text(each['since'])}"
        yield from _statements(each, "paid")
    if refunds:
        yield "Pay it, then record it with `changeover attention payout`, the order, --amount and a --reason."


def _disputes(disputes: list[Json]) -> Iterator[str]:
    for each in disputes:
        yield f"[bold]{each['order']}[/bold] {each['amount']} {each['currency']} disputed by the cardholder"
        yield f"   {escape(each['dispute'])} since {utc_text(each['since'])}"
    if disputes:
        yield "Answer it at the provider; then `changeover attention close-dispute` it, by --dispute and --reason."


def _statements(case: Json, what: str) -> Iterator[str]:
    for statement in case["statements"]:
        stated_at = utc_text(statement["at"])
        yield f"   stated as {what} by {statement['actor']} at {stated_at}: {escape(statement['reason'])}"
