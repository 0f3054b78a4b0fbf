"""How a story is shown in a terminal: each step as it happens, then the money."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.live import Live
from rich.table import Table

from cli.shop import Json, Shop

_SIGNS = {"done": "[green]✓[/green]", "asked": "[yellow]…[/yellow]", "withdrawn": "[magenta]↩[/magenta]"}


class Stage:
    """Runs requests of a shop before an audience."""

    def __init__(self, shop: Shop, web_ui: str, console: Console) -> None:
        self.shop = shop
        self.console = console
        self.notes: dict[str, str] = {}
        """What is done to a step or an undo on purpose, by its name; shown beside it."""
        self.look: Callable[[Json], None] = lambda _change: None
        """Called with a change each time it is looked at."""
        self._web_ui = web_ui

    def title(self, number: int | str, text: str) -> None:
        """Announce a story."""
        self.console.print()
        self.console.rule(f"[bold]{number}. {text}[/bold]", align="left")

    def say(self, text: str) -> None:
        """Say something between two requests."""
        self.console.print(f"   {text}")

    def show(self, asked: str, body: Json, answer: Json) -> None:
        """Show a request and its answer as they went over the wire."""
        self.console.print(f"   [bold]{asked}[/bold]")
        for sign, said in (("→", body), ("←", answer)):
            text = JSON.from_data(said, indent=None, ensure_ascii=False).text
            text.no_wrap, text.overflow = False, "fold"
            grid = Table.grid(padding=(0, 1))
            grid.add_row("    ", sign, text)
            self.console.print(grid)

    def change(self, order: str, operation: Json, **more: Any) -> Json:
        """Run a change and show its steps."""
        in_one_go = ", confirmed in one go" if more.get("confirm") else ""
        asked = f"change: {operation['op'].replace('_', ' ')}{in_one_go}"
        return self._run(asked, f"/v1/orders/{order}/changes", {"operations": [operation], **more})

    def confirm(self, order: str, token: str) -> Json:
        """Confirm a draft and show its steps."""
        return self._run("confirm", f"/v1/orders/{order}/confirm", {"payment": {"method": "card", "token": token}})

    def discard(self, order: str) -> Json:
        """Discard a draft and show its steps."""
        return self._run("discard the draft", f"/v1/orders/{order}/draft", None)

    def expect(self, change: Json, state: str, code: str | None = None) -> None:
        """End the demo with an error unless a change ended as the story says."""
        said = (change.get("problem") or {}).get("code")
        if change["state"] != state or said != code:
            raise StoryError(f"expected {state} {code or ''}, got {change['state']} {said or ''}")

    def order(self, number: str) -> Json:
        """Show an order and where the Web UI has it."""
        order = self.shop.show(number)
        seats = ", ".join(f"{seat['service']} {seat['seat']}" for seat in order["reservations"])
        money = f"total {order['total']} {order['currency']}, paid {order['paid']}, balance {order['balance']}"
        self.say(f"[cyan]order {number}[/cyan] {order['status']} v{order['version']}: {money}")
        if seats:
            self.say(f"seats {seats}")
        self.where(number)
        return order

    def where(self, number: str) -> None:
        """Say where the Web UI has an order."""
        page = f"{self._web_ui}/namespaces/default/workflows/order%2F{number}"
        # Not wrapped: a terminal would cut the link in two.
        self.console.print(f"   [dim]{page}[/dim]", soft_wrap=True)

    def _run(self, asked: str, path: str, body: Json | None) -> Json:
        self.console.print(f"   [bold]{asked}[/bold]")
        with Live(console=self.console, refresh_per_second=20, transient=True) as live:

            def seen(change: Json) -> None:
                self.look(change)
                live.update(steps(change, self.notes))

            change = self.shop.ask(path, body, seen)
        self.console.print(steps(change, self.notes))
        return change


class StoryError(Exception):
    """A story did not end as it is told."""


def steps(change: Json, notes: Mapping[str, str] | None = None) -> Table:
    """Return a change as it is shown: its steps, what was done to them on purpose, how it ended, the money."""
    table, left = Table.grid(padding=(0, 1)), dict(notes or {})
    for step in change["steps"]:
        name, note = step["step"], left.pop(step["step"], "")
        back = "  [magenta]taken back[/magenta]" if step["state"] == "withdrawn" and not step["refused"] else ""
        sign = "[red]✗[/red]" if step["refused"] else _SIGNS[step["state"]]
        table.add_row("    ", sign, f"{name}{back}{_noted(note)}")
    for name, note in left.items():
        table.add_row("    ", "[red]![/red]", f"{name}{_noted(note)}")
    table.add_row("    ", "=", _end(change))
    quote = change.get("quote")
    if quote:
        price = f"old {quote['old_price']}, new {quote['new_price']}, fee {quote['fee']}"
        table.add_row("    ", " ", f"{price}, difference {quote['difference']} {quote['currency']}")
    return table


def _noted(note: str) -> str:
    return f"  [red]{note}[/red]" if note else ""


def _end(change: Json) -> str:
    problem = change.get("problem")
    if problem:
        return f"[bold yellow]{change['state']}[/bold yellow] {problem['code']}"
    return "[bold green]done[/bold green]" if change["state"] == "done" else str(change["state"])
