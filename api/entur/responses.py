"""The response to a change on Entur's routes: it always has all four members."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from domain.changes import ChangeState, ReplacedLines
from domain.operations import Operation, ReplaceLines
from store.changes.changes import outcome_of, request_of
from store.tables import ChangeRow


class ResponseModel(BaseModel):
    """Base of the response models: camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ReplacedOrderLineIds(ResponseModel):
    """Lines as the request named them, and the lines that replaced them."""

    original_order_line_ids: list[str]
    replaced_by_order_line_ids: list[str]


class OrderLineIdsAndReservationIds(ResponseModel):
    """Lines and reservations that a change added."""

    order_id: str
    order_line_ids: list[str] = []
    reservation_ids: list[str] = []
    replaced_by_order_line_ids: list[ReplacedOrderLineIds] = []


def response_of(row: ChangeRow) -> OrderLineIdsAndReservationIds:
    """Return the lines and reservations a change added; empty until it is done.

    Replaced lines have the ids that the request used; those that went along, or were renewed because the order had
    expired, have their own.
    """
    outcome = outcome_of(row)
    if outcome is None or outcome.state is not ChangeState.DONE:
        return OrderLineIdsAndReservationIds(order_id=row.order_number or "")
    operations = request_of(row).operations
    return OrderLineIdsAndReservationIds(
        order_id=outcome.order.number,
        order_line_ids=list(outcome.lines),
        reservation_ids=list(outcome.reservations),
        replaced_by_order_line_ids=[
            ReplacedOrderLineIds(
                original_order_line_ids=_named(each, operations), replaced_by_order_line_ids=list(each.replacements)
            )
            for each in outcome.replaced
        ],
    )


def _named(replaced: ReplacedLines, operations: Sequence[Operation]) -> list[str]:
    """Return the ids by which a request named the lines that it replaced; their own if it did not."""
    operation = operations[replaced.operation] if replaced.operation is not None else None
    return list(operation.lines if isinstance(operation, ReplaceLines) else replaced.originals)
