"""Checks the lines that a confirmation names: a draft is confirmed as a whole, so nobody may be left out."""

from collections.abc import Iterable

from domain.lineage import current_lines
from domain.orders import Order
from domain.refusals import LineRemoved, PartialConfirmNotSupported


def check_named_lines(order: Order, named: Iterable[str] | None) -> None:
    """Check that the lines named, by any of their ids, are all of the order's; None names all of them.

    Supplements go with their line. A confirmed line that the draft gives up may be named too. Raises LineNotFound,
    LineRemoved and PartialConfirmNotSupported, with each line that is left out.
    """
    if named is None:
        return
    confirmed = {line.id for line in order.confirmed_lines}
    covered: set[str] = set()
    for line_id in named:
        current = current_lines(order, line_id)
        if not current and line_id not in confirmed:
            raise LineRemoved({"line": line_id})
        covered.update(line.id for line in current)
    left_out: list[dict[str, str | int]] = [
        {"line": line.id} for line in order.live_lines if not line.supplement_of and line.id not in covered
    ]
    if left_out:
        raise PartialConfirmNotSupported(*left_out)
