"""Shows a story in a terminal: each step as it happens, then the order and its money."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.live import Live
from rich.table import Table

from cli.http_clients.native import NativeClient
from cli.http_clients.responses import Json
from cli.rendering import steps_table


class StoryRunner:
    """Runs the requests of a story and prints what happens."""

    def __init__(self, client: NativeClient, web_ui: str, console: Console) -> None:
        self.client = client
        self.console = console
        self.notes: dict[str, str] = {}
        """The faults injected into steps and undos, by their names; printed beside them."""
        self.on_poll: Callable[[Json], None] = lambda _change: None
        """Called with the change each time it is polled."""
        self._web_ui = web_ui

    def title(self, number: int | str, text: str) -> None:
        """Print the title of a story."""
        self.console.print()
        self.console.rule(f"[bold]{number}. {text}[/bold]", align="left")

    def say(self, text: str) -> None:
        """Print a line between two requests."""
        self.console.print(f"   {text}")

    def show(self, request: str, body: Json, answer: Json) -> None:
        """Print a request and its response as sent over HTTP."""
        self.console.print(f"   [bold]{request}[/bold]")
        for sign, document in (("→", body), ("←", answer)):
            text = JSON.from_data(document, indent=None, ensure_ascii=False).text
            text.no_wrap, text.overflow = False, "fold"
            grid = Table.grid(padding=(0, 1))
            grid.add_row("    ", sign, text)
            self.console.print(grid)

    def change(self, order: str, *operations: Json, **more: Any) -> Json:
        """Run a change of one or several operations and print its steps."""
        confirmed = ", confirmed at once" if more.get("confirm") else ""
        named = ", ".join(dict.fromkeys(operation["op"].replace("_", " ") for operation in operations))
        request = f"change: {named}{confirmed}"
        return self._run(request, f"/v1/orders/{order}/changes", {"operations": operations, **more})

    def confirm(self, order: str, token: str) -> Json:
        """Confirm a draft and print its steps."""
        return self._run("confirm", f"/v1/orders/{order}/confirm", {"payment": {"method": "card", "token": token}})

    def payout(self, order: str, amount: str, reason: str) -> Json:
        """Record that a refund was paid by hand and print the steps."""
        body = {"amount": amount, "reason": reason}
        return self._run("refund paid by hand", f"/v1/orders/{order}/attention/payout", body)

    def discard(self, order: str) -> Json:
        """Discard a draft and print its steps."""
        return self._run("discard the draft", f"/v1/orders/{order}/draft", None)

    def expect(self, change: Json, state: str, code: str | None = None) -> None:
        """Raise StoryError unless a change ended in this state, with this problem code."""
        actual = (change.get("problem") or {}).get("code")
        if change["state"] != state or actual != code:
            raise StoryError(f"expected {state} {code or ''}, got {change['state']} {actual or ''}")

    def order(self, number: str) -> Json:
        """Print an order and the link to its page in the Web UI; return the order."""
        order = self.client.show(number)
        seats = ", ".join(f"{seat['service']} {seat['seat']}" for seat in order["reservations"])
        money = f"total {order['total']} {order['currency']}, paid {order['paid']}, balance {order['balance']}"
        self.say(f"[cyan]order {number}[/cyan] {order['status']} v{order['version']}: {money}")
        if seats:
            self.say(f"seats {seats}")
        self.where(number)
        return order

    def where(self, number: str) -> None:
        """Print the link to an order's page in the Web UI."""
        page = f"{self._web_ui}/namespaces/default/workflows/order%2F{number}"
        # Not wrapped: a terminal would cut the link in two.
        self.console.print(f"   [dim]{page}[/dim]", soft_wrap=True)

    def _run(self, request: str, path: str, body: Json | None) -> Json:
        self.console.print(f"   [bold]{request}[/bold]")
        with Live(console=self.console, refresh_per_second=20, transient=True) as live:

            def show_progress(change: Json) -> None:
                self.on_poll(change)
                live.update(steps_table(change, self.notes))

            change = self.client.run_watched(path, body, show_progress)
        self.console.print(steps_table(change, self.notes))
        return change


class StoryError(Exception):
    """A story did not end as expected."""
