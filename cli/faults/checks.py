"""What must be true once a change that met trouble has ended; shown beside what was before."""

from rich.console import Console
from rich.table import Table

from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.responses import Json
from store import invariants
from store.database.store import Store


def as_before(stage: StoryRunner, before: Json, after: Json) -> None:
    """Show both and see that nothing of an order differs."""
    compare(stage, before, after)
    if after != before:
        raise StoryError(f"order {before['number']} is not as it was")
    stage.say("[green]Exactly as before: lines, seats, money, version.[/green]")


def changed_once(stage: StoryRunner, before: Json, after: Json) -> None:
    """Show both and see that an order is the new one: changed, paid and seated once."""
    compare(stage, before, after)
    once = (after["status"], after["version"], after["balance"], len(after["lines"]), len(after["reservations"]))
    if once != ("confirmed", before["version"] + 1, "0.00", len(before["lines"]), len(before["reservations"])):
        raise StoryError(f"order {before['number']} is neither the old one nor the new one")
    if after["paid"] != after["total"] or seats(after) == seats(before):
        raise StoryError(f"order {before['number']} is not paid and seated as changed")
    stage.say("[green]The new order, once: one version more, paid what it costs, seated.[/green]")


def changed_in_draft(stage: StoryRunner, before: Json, after: Json) -> None:
    """Show both and see that an order's draft holds the new lines in the place of the old."""
    compare(stage, before, after)
    same = ("status", "version", "paid")
    if [after[name] for name in same] != [before[name] for name in same] or after["lines"] == before["lines"]:
        raise StoryError(f"the draft of order {before['number']} is not the changed one")
    stage.say("[green]The draft holds the change, once; what is confirmed is as it was.[/green]")


def compare(stage: StoryRunner, before: Json, after: Json) -> None:
    """Show an order as it was and as it is."""
    table = Table.grid(padding=(0, 2))
    for name, old in _told(before).items():
        new = _told(after)[name]
        table.add_row("  ", f"[dim]{name}[/dim]", old, "→", new if new != old else "[dim]the same[/dim]")
    stage.say(f"[cyan]order {after['number']}[/cyan], before and after:")
    stage.console.print(table)


def seats(order: Json) -> list[str]:
    """Return the seats an order has."""
    return [f"{seat['service']} {seat['seat']}" for seat in order["reservations"]]


def _told(order: Json) -> dict[str, str]:
    return {
        "status": f"{order['status']} v{order['version']}",
        "lines": ", ".join(sorted({line["product"] for line in order["lines"]})) + f" ({len(order['lines'])})",
        "total, paid": f"{order['total']}, {order['paid']} {order['currency']}",
        "balance": str(order["balance"]),
        "seats": ", ".join(seats(order)).replace(", ", "\n"),
    }


def books_hold(console: Console, database: str) -> None:
    """See that everything which must be true of the books is."""
    store = Store(database)
    try:
        with store.read() as tx:
            wrong = list(invariants.violations(tx))
    finally:
        store.close()
    if wrong:
        raise StoryError(f"the books do not hold: {wrong[0].invariant}: {wrong[0].what}")
    console.print(f"\n[green]The books hold:[/green] all {len(invariants.INVARIANTS)} rules of `changeover check`.")
