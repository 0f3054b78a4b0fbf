"""What a change is answered with on Entur's routes: all four members, always."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from domain.changes import Outcome
from domain.operations import RemoveLines, ReplaceLines
from store.changes import request_of
from store.tables import ChangeRow


class Said(BaseModel):
    """A member of these answers: camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ReplacedOrderLineIds(Said):
    """Lines as the request named them, and what came in their place."""

    original_order_line_ids: list[str]
    replaced_by_order_line_ids: list[str]


class OrderLineIdsAndReservationIds(Said):
    """What a change added."""

    order_id: str
    order_line_ids: list[str]
    reservation_ids: list[str]
    replaced_by_order_line_ids: list[ReplacedOrderLineIds]


def answer_of(row: ChangeRow, outcome: Outcome | None) -> OrderLineIdsAndReservationIds:
    """Return what a change added; nothing yet while it runs. Replaced lines bear the names the request used."""
    asked = [op.lines for op in request_of(row).operations if isinstance(op, ReplaceLines | RemoveLines)]
    replaced = outcome.replaced if outcome else ()
    return OrderLineIdsAndReservationIds(
        order_id=row.order_number or "",
        order_line_ids=list(outcome.lines) if outcome else [],
        reservation_ids=list(outcome.reservations) if outcome else [],
        replaced_by_order_line_ids=[
            ReplacedOrderLineIds(
                original_order_line_ids=list(names), replaced_by_order_line_ids=list(each.replacements)
            )
            for names, each in zip(asked, replaced, strict=False)
        ],
    )
