"""Shows the start of a process: a spinner while a part starts, then a line with its duration."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console


class Starting:
    """Shows the parts of an installation as they start, one after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(self, part: str) -> Generator[None]:
        """Show a spinner while the block lasts, then the part and its duration."""
        began = time.monotonic()
        with self._console.status(f"{part} ..."):
            yield
        self._console.print(f"  [green]✓[/green] {part:<44} [dim]{time.monotonic() - began:4.1f} s[/dim]")
