"""What the record of a step says from the beginning: its command, its undo, and what guards read of it."""

from typing import Any, NamedTuple, Protocol

from domain.money import Money


class KeyedCommand(Protocol):
    """The part of a step's command that its record needs."""

    @property
    def step(self) -> str:
        """The name of the activity."""

    @property
    def change(self) -> str:
        """The id of the change."""

    @property
    def order(self) -> str:
        """The number of the order."""

    @property
    def key(self) -> str:
        """The step key, the same for every attempt."""

    def model_dump_json(self, *, exclude_defaults: bool) -> str:
        """Return the command as JSON."""


class Size(NamedTuple):
    """What guards read in a step's record: dual control, limits of holds, and money at risk."""

    amount: Money | None = None
    """The amount that the step moves at its provider."""
    units: str | None = None
    """How many seats and units it holds at each place, as `store/orders/hold_counts.py` writes them."""


class NewRecord(NamedTuple):
    """A step that gets a record: its command, the name of its undo if it has one, and its size."""

    command: KeyedCommand
    undo: str | None = None
    size: Size = Size()

    def row(self, tenant: str) -> dict[str, Any]:
        """Return the columns that stay as they are."""
        command, amount = self.command, self.size.amount
        return {
            "tenant": tenant,
            "key": command.key,
            "order_number": command.order,
            "change": command.change,
            "step": command.step,
            "command": command.model_dump_json(exclude_defaults=True),
            "undo": self.undo,
            "amount_minor": amount.minor if amount else None,
            "currency": amount.currency if amount else None,
            "units": self.size.units,
        }
