"""How starting is shown: a spinner while a part comes, a line with its seconds once it is there."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console


class Starting:
    """Shows one part after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(self, part: str) -> Generator[None]:
        """Show that a part is coming, and that it has come."""
        began = time.monotonic()
        with self._console.status(f"{part} ..."):
            yield
        self._console.print(f"  [green]✓[/green] {part:<44} [dim]{time.monotonic() - began:4.1f} s[/dim]")
