"""A reversible step that a next release might add, with its undo: it holds a bay of a car park for the change.

It takes two places: its class beside its command, here, and the registry, to which `register` adds it. Besides, a flow
asks for it, or it would not run.
"""

from collections.abc import Generator, Iterator
from typing import Any, ClassVar, final

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import Session

from activities import flows
from activities.order_lines import SWAP_OFFER_BUNDLE
from activities.support import flow, registry
from activities.support.step_context import StepContext
from activities.support.step_kinds import Command, Reversible
from domain.orders import Order
from store.changes.step_records import StepState
from store.orders.orders import lock_order
from store.tables import OrderRow, StepRecordRow
from temporal.names import System
from tests.support.world import World

_METADATA = sa.MetaData()
_CAR_PARK = sa.Table("car_park", _METADATA, sa.Column("key", sa.String(100), primary_key=True))
"""The provider's own book: the keys that hold a bay."""
_BAYS = sa.Table(
    "parking_bays", _METADATA, sa.Column("key", sa.String(100), primary_key=True), sa.Column("order_number", sa.String)
)
"""Our own rows."""


class HoldParkingCommand(Command):
    """Hold a bay."""

    step: ClassVar[str] = "hold_parking"

    def summary(self) -> str:
        """Describe the step."""
        return "hold a bay of the car park"


class HoldParkingResult(BaseModel):
    """How many bays are held."""

    bays: int


@final
class HoldParking(Reversible[HoldParkingCommand, HoldParkingResult]):
    """Holds a bay of the car park."""

    system = System.SEATS
    undo_name = "release_parking"

    def call(self, context: StepContext, order: OrderRow, command: HoldParkingCommand) -> int:
        """Hold a bay under the key, once."""
        with context.store.write() as tx:
            if not _is_held(tx, command.key):
                tx.connection().execute(_CAR_PARK.insert(), {"key": command.key})
        return 1

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: HoldParkingCommand, response: int
    ) -> HoldParkingResult:
        """Add the bay to the order."""
        tx.connection().execute(_BAYS.insert(), {"key": command.key, "order_number": order.number})
        return HoldParkingResult(bays=response)

    def undo_call(self, context: StepContext, order: OrderRow, command: HoldParkingCommand) -> None:
        """Release what the key holds, if anything."""
        with context.store.write() as tx:
            tx.connection().execute(_CAR_PARK.delete().where(_CAR_PARK.c.key == command.key))

    def revert(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: HoldParkingCommand,
        result: HoldParkingResult,
    ) -> None:
        """Take the bay off the order."""
        tx.connection().execute(_BAYS.delete().where(_BAYS.c.key == command.key))

    def describe_undo(self, tx: Session, order: Order, record: StepRecordRow) -> Iterator[str]:
        """Yield the bay that is released."""
        if record.withdrawn_at is None:
            yield "1 bay of the car park released"


def _is_held(tx: Session, key: str) -> bool:
    return tx.connection().execute(sa.select(_CAR_PARK).where(_CAR_PARK.c.key == key)).first() is not None


HOLD_PARKING = HoldParking()


def register(release: pytest.MonkeyPatch) -> None:
    """Add the step to the registry, and let a change ask for it before its lines are put on the order."""
    release.setattr(registry, "STEPS", (*registry.STEPS, HOLD_PARKING))
    ask_for_others = flow.ask

    def ask(step: Any, command: Any) -> Generator[Any, Any, Any]:
        if step is SWAP_OFFER_BUNDLE:
            about = {"change": command.change, "order": command.order}
            yield from ask_for_others(HOLD_PARKING, HoldParkingCommand(**about))
        return (yield from ask_for_others(step, command))

    release.setattr(flows, "ask", ask)
    steps, at = flows.CHANGE.steps, flows.CHANGE.steps.index(SWAP_OFFER_BUNDLE)
    # A flow is frozen: a release declares its steps where it declares the flow.
    release.setitem(vars(flows.CHANGE), "steps", (*steps[:at], HOLD_PARKING, *steps[at:]))


def open_car_park(world: World) -> None:
    """Create the tables of the car park."""
    with world.components.store.write() as tx:
        _METADATA.create_all(tx.connection())


def leave_behind(world: World, change: str, order: str) -> None:
    """Leave a bay held and on the order, as if the run of a failed change had been terminated before its undo."""
    command = HoldParkingCommand(change=change, order=order)
    with world.components.store.write() as tx:
        record = tx.get_one(StepRecordRow, command.key)
        record.state, record.withdrawn_at = StepState.DONE, None
        row = lock_order(tx, order)
        HOLD_PARKING.record(world.components, tx, row, command, HOLD_PARKING.call(world.components, row, command))


def bays(world: World, order: str) -> tuple[list[str], list[str]]:
    """Return the keys of an order's changes that hold a bay, by the car park's book and by our own rows."""
    keys = [f"{row.id}/hold_parking" for row in world.changes_of(order)]
    with world.components.store.read() as tx:
        book = [key for key in keys if _is_held(tx, key)]
        ours = tx.connection().execute(sa.select(_BAYS.c.key).where(_BAYS.c.order_number == order)).scalars()
        return book, sorted(ours, key=keys.index)
