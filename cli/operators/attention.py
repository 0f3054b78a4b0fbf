"""`attention`: what waits for an operator, and what to do about it."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape

from cli.exit_codes import Code
from cli.http_clients.responses import Json
from cli.operators.order_view import moment
from cli.operators.output import Api, AsJson, Order, Output, output_of

app = typer.Typer(invoke_without_command=True, help="What waits for an operator: steps that keep failing.")

Reason = Annotated[str, typer.Option(help="Why; recorded on the order. No names, please.")]
_DONE = {
    "retry-now": "tried again, and recorded on the order.",
    "done-by-hand": "taken for done by hand; recorded on the order as our own books are mended.",
}


@app.callback()
def attention(context: typer.Context) -> None:
    """See what waits for an operator, and help. Alone it is `attention list`."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(*, api: Api = None, as_json: AsJson = False) -> None:
    """List the orders with a step that keeps failing, and books that do not agree: exit code 1 when there are any."""
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        found = shop.attention()
    speaker.answer(found, Group(*_words(found)))
    raise typer.Exit(Code.NO if found["stuck"] or found["discrepancies"] else Code.DONE)


@app.command()
def retry(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Have an order's stuck step tried again at once."""
    _help(order, "retry-now", reason, api, Output(as_json=as_json))


@app.command("done-by-hand")
def done_by_hand(order: Order, reason: Reason, *, api: Api = None, as_json: AsJson = False) -> None:
    """Say that an order's stuck step was done at its provider; only our own books are mended."""
    _help(order, "done-by-hand", reason, api, Output(as_json=as_json))


def _help(order: str, how: str, reason: str, api: str | None, speaker: Output) -> None:
    with output_of(api, speaker) as shop:
        shop.help(order, how, reason)
    speaker.answer({"order": order, "help": how}, f"{order}: {_DONE[how]}")


def _words(found: Json) -> Iterator[str]:
    for stuck in found["stuck"]:
        yield f"[bold]{stuck['order']}[/bold] {stuck['kind'] or ''} {stuck['request'] or ''}".rstrip()
        yield f"   {escape(stuck['description'])}: keeps failing with {stuck['code']} since {moment(stuck['since'])}"
        yield from (f"   left: {escape(word)}" for word in stuck["unsettled"])
        for said in stuck["statements"]:
            yield f"   said to be done by {said['who']} at {moment(said['at'])}: {escape(said['reason'])}"
    if found["stuck"]:
        yield "Help by `changeover attention retry` or `done-by-hand`, with the order and a --reason."
    else:
        yield "[green]No order waits for an operator.[/green]"
    for drift in found["discrepancies"]:
        yield f"[red]books[/red] {drift['invariant']}: order {drift['order'] or '-'}: {escape(drift['what'])}"
    if found["discrepancies"]:
        yield "`changeover check` says what each of these means."
