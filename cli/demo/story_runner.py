"""How a story is shown in a terminal: each step as it happens, then the money."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.live import Live
from rich.table import Table

from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json
from cli.rendering import steps_of


class StoryRunner:
    """Runs requests of a shop before an audience."""

    def __init__(self, shop: NativeClient, web_ui: str, console: Console) -> None:
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
                live.update(steps_of(change, self.notes))

            change = self.shop.ask(path, body, seen)
        self.console.print(steps_of(change, self.notes))
        return change


class StoryError(Exception):
    """A story did not end as it is told."""
