"""`order`: shows an order."""

import typer

from cli.operators.order_view import order_view
from cli.operators.output import Api, AsJson, Order, Output, open_client

app = typer.Typer(no_args_is_help=True, help="Show an order.")


@app.callback()
def _orders() -> None:
    """Keep `show` a subcommand although it is the only one: Typer would otherwise merge the two."""


@app.command()
def show(order: Order, *, api: Api = None, as_json: AsJson = False) -> None:
    """Show an order with its lines, seats and money, and the deadline and progress of its draft."""
    output = Output(as_json=as_json)
    with open_client(api, output) as client:
        document = client.show(order)
        output.answer(document, order_view(document))
