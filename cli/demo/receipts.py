"""The demo's receipts: the money of a quote and of an order, per line and per tax rate."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.table import Table

from cli.http_clients.responses import Json

_FEES = {"change": "fee", "change_non_refundable": "kept"}
Lines = Mapping[str, Json]
"""The lines that a receipt may name, live or given up, by their ids."""


def lines_of(*orders: Json) -> Lines:
    """Return the lines of an order at several times, by their ids."""
    return {line["id"]: line for order in orders for line in order["lines"]}


def quote_receipt(quote: Json, lines: Lines) -> Table:
    """Return what a change gives up, takes, charges and keeps; the amounts add up to what is due, or paid back."""
    table = _table()
    for line in quote["lines"]:
        word, sign = ("taken", 1) if line["taken"] else ("given up", -1)
        amounts = (str(sign * Decimal(line[name])) for name in ("price", "tax"))
        _add(table, word, lines[line["line"]], *amounts)
    _add_fees(table, quote["fees"], lines)
    due = Decimal(quote["difference"]) + Decimal(quote["not_refundable"])
    _add_sums(table, str(due), quote["tax"], quote["taxes"])
    return table


def order_receipt(order: Json, lines: Lines) -> Table:
    """Return the lines and fees of an order with their tax; the amounts add up to its total."""
    table = _table()
    for line in order["lines"]:
        _add(table, "sold", line, line["price"], line["tax"])
    _add_fees(table, order["fees"], lines)
    _add_sums(table, order["total"], order["tax"], order["taxes"])
    return table


def _table() -> Table:
    table = Table.grid(padding=(0, 1))
    for heading in ("", "what", "who", "product", "train"):
        table.add_column(heading)
    for heading in ("rate", "amount", "tax"):
        table.add_column(heading, justify="right")
    table.show_header = True
    return table


def _add(table: Table, what: str, line: Json, amount: str, tax: str) -> None:
    about = (", ".join(line["travellers"]), line["product"], line["service"], _percent(line["tax_rate"]))
    table.add_row("    ", what, *about, amount, tax)


def _add_fees(table: Table, fees: Sequence[Json], lines: Lines) -> None:
    for fee in fees:
        line = lines.get(fee["line"] or "")
        about = (", ".join(line["travellers"]), line["product"]) if line else ("", "")
        table.add_row("    ", _FEES[fee["kind"]], *about, "", "", fee["amount"], fee["tax"])


def _add_sums(table: Table, amount: str, tax: str, taxes: Sequence[Json]) -> None:
    table.add_row("    ", "[bold]together[/bold]", "", "", "", "", f"[bold]{amount}[/bold]", f"[bold]{tax}[/bold]")
    for each in taxes:
        rated = str(amount_at(each))
        table.add_row("    ", "of this", "", "", "", _percent(each["rate"]), rated, each["tax"])


def amount_at(tax: Json) -> Decimal:
    """Return the amount that is taxed at one rate, with the tax."""
    return Decimal(tax["base"]) + Decimal(tax["tax"])


def _percent(rate: str) -> str:
    return f"{(Decimal(rate) * 100).normalize():f} %"
