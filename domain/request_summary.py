"""What a request asks, in words for an operator: counts, amounts and deadlines, nothing personal."""

from domain.changes import ChangeRequest
from domain.operations import (
    AddLines,
    AddSupplements,
    KeepPositions,
    Operation,
    RemoveLines,
    ReplaceLines,
    SetPosition,
    SetTravellers,
)

MOST_SAID = 4


def summarise(request: ChangeRequest) -> str:
    """Return what a request asks beyond its kind; empty when the kind says all."""
    said = [_words(operation) for operation in request.operations[:MOST_SAID]]
    if len(request.operations) > MOST_SAID:
        said.append(f"{len(request.operations) - MOST_SAID} more")
    if request.amount:
        said.append(request.amount.display)
    if request.expires_at:
        said.append(f"until {request.expires_at:%Y-%m-%d %H:%M} UTC")
    if request.confirm:
        said.append("confirmed in one go")
    return ", ".join(said)


def _words(operation: Operation) -> str:
    match operation:
        case AddLines():
            said = "take an offer"
        case ReplaceLines():
            said = f"replace {_counted(len(operation.lines), 'line')} by {_counted(len(operation.with_), 'offer')}"
        case SetPosition():
            said = f"set position {operation.position}"
        case KeepPositions():
            said = f"keep {_counted(len(operation.positions), 'position')}"
        case RemoveLines():
            lines = _counted(len(operation.lines), "line")
            said = f"remove position {operation.position}" if operation.position else f"remove {lines}"
        case AddSupplements():
            said = f"add {_counted(sum(each.count for each in operation.supplements), 'supplement')}"
        case SetTravellers():
            said = f"set the details of {_counted(len(operation.travellers), 'traveller')}"
    return said


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
