"""Checks of an order after a change with injected faults, printed with the order before and after."""

from contextlib import closing

from rich.console import Console
from rich.table import Table

from cli import demo_bank, payment_book
from cli.demo.story_runner import StoryError, StoryRunner
from cli.http_clients.responses import Json
from store import invariants
from store.database.store import Store


def expect_unchanged(story: StoryRunner, before: Json, after: Json) -> None:
    """Print both and check that the order is unchanged."""
    compare(story, before, after)
    if after != before:
        raise StoryError(f"order {before['number']} is not as it was")
    story.say("[green]Exactly as before: lines, seats, money, version.[/green]")


def expect_changed_once(story: StoryRunner, before: Json, after: Json) -> None:
    """Print both and check that the order is changed, paid and seated exactly once."""
    compare(story, before, after)
    actual = (after["status"], after["version"], after["balance"], len(after["lines"]), len(after["reservations"]))
    if actual != ("confirmed", before["version"] + 1, "0.00", len(before["lines"]), len(before["reservations"])):
        raise StoryError(f"order {before['number']} is neither the old one nor the new one")
    if after["paid"] != after["total"] or seats(after) == seats(before):
        raise StoryError(f"order {before['number']} is not paid and seated as changed")
    story.say("[green]Changed exactly once: one version more, paid in full, seated.[/green]")


def expect_changed_draft(story: StoryRunner, before: Json, after: Json) -> None:
    """Print both and check that the order's draft holds the new lines instead of the old ones."""
    compare(story, before, after)
    same = ("status", "version", "paid")
    if [after[name] for name in same] != [before[name] for name in same] or after["lines"] == before["lines"]:
        raise StoryError(f"the draft of order {before['number']} is not the changed one")
    story.say("[green]The draft holds the change exactly once; the confirmed version is unchanged.[/green]")


def expect_paid_out(story: StoryRunner, before: Json, after: Json) -> None:
    """Print both and check that the refund is no longer owed, and nothing else has changed."""
    compare(story, before, after)
    nothing = {"refund_owed": "0.00"}
    if before["refund_owed"] == "0.00" or after != before | nothing:
        raise StoryError(f"the refund of order {before['number']} is not recorded as paid, or something else changed")
    story.say("[green]Recorded as paid once; everything else as before.[/green]")


def compare(story: StoryRunner, before: Json, after: Json) -> None:
    """Print an order before and after."""
    table = Table.grid(padding=(0, 2))
    for name, old in _summarise(before).items():
        new = _summarise(after)[name]
        table.add_row("  ", f"[dim]{name}[/dim]", old, "→", new if new != old else "[dim]the same[/dim]")
    story.say(f"[cyan]order {after['number']}[/cyan], before and after:")
    story.console.print(table)


def seats(order: Json) -> list[str]:
    """Return the seats of an order."""
    return [f"{seat['service']} {seat['seat']}" for seat in order["reservations"]]


def _summarise(order: Json) -> dict[str, str]:
    return {
        "status": f"{order['status']} v{order['version']}",
        "lines": ", ".join(sorted({line["product"] for line in order["lines"]})) + f" ({len(order['lines'])})",
        "total, paid": f"{order['total']}, {order['paid']} {order['currency']}",
        "balance": str(order["balance"]),
        "refund owed": str(order.get("refund_owed", "0.00")),
        "seats": ", ".join(seats(order)).replace(", ", "\n"),
    }


def check_invariants(console: Console, database: str) -> None:
    """Run all consistency checks on a database. Raises StoryError on a violation."""
    store = Store(database)
    try:
        with store.read() as tx:
            violated = list(invariants.violations(tx))
    finally:
        store.close()
    if violated:
        raise StoryError(f"consistency check failed: {violated[0].invariant}: {violated[0].what}")
    console.print(f"\n[green]All {len(invariants.INVARIANTS)} consistency checks pass[/green] (`changeover check`).")


def check_books(console: Console, database: str, bank: demo_bank.DemoBank) -> None:
    """Compare our ledger with the demo bank's own book. Raises StoryError unless they agree."""
    with closing(demo_bank.connect(bank.address)) as provider:
        read = payment_book.compare_with(database, provider)
    if read.comparison is None:
        raise StoryError(read.reason or "")
    if read.comparison.differences:
        raise StoryError(f"the bank's book differs from our ledger: {read.comparison.differences[0].sentence}")
    console.print(
        f"\n[green]Both books agree[/green]: our ledger, the bank's own; {read.comparison.payments} payments."
    )
