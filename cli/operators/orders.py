"""`order`: an order as it stands."""

import typer

from cli.operators.order_view import order_picture
from cli.operators.output import Api, AsJson, Order, Output, output_of

app = typer.Typer(no_args_is_help=True, help="Orders as they stand.")


@app.callback()
def _orders() -> None:
    """Keep `show` a command of its own while it is the only one."""


@app.command()
def show(order: Order, *, api: Api = None, as_json: AsJson = False) -> None:
    """Show an order: status, lines, seats, money, its draft with the deadline, and what waits."""
    speaker = Output(as_json=as_json)
    with output_of(api, speaker) as shop:
        found = shop.show(order)
        speaker.answer(found, order_picture(found))
