"""Summaries of requests for operators: counts, amounts and deadlines, without personal data."""

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

MAX_PARTS = 4


def summarise(request: ChangeRequest) -> str:
    """Return a summary of a request beside its kind; empty when the kind says everything."""
    parts = [_describe(operation) for operation in request.operations[:MAX_PARTS]]
    if len(request.operations) > MAX_PARTS:
        parts.append(f"{len(request.operations) - MAX_PARTS} more")
    if request.amount:
        parts.append(request.amount.display)
    if request.expires_at:
        parts.append(f"until {request.expires_at:%Y-%m-%d %H:%M} UTC")
    if request.confirm:
        parts.append("confirmed in one go")
    return ", ".join(parts)


def _describe(operation: Operation) -> str:
    match operation:
        case AddLines():
            text = "add an offer"
        case ReplaceLines():
            text = f"replace {_counted(len(operation.lines), 'line')} by {_counted(len(operation.with_), 'offer')}"
        case SetPosition():
            text = f"set position {operation.position}"
        case KeepPositions():
            text = f"keep {_counted(len(operation.positions), 'position')}"
        case RemoveLines():
            lines = _counted(len(operation.lines), "line")
            text = f"remove position {operation.position}" if operation.position else f"remove {lines}"
        case AddSupplements():
            text = f"add {_counted(sum(each.count for each in operation.supplements), 'supplement')}"
        case SetTravellers():
            text = f"set the details of {_counted(len(operation.travellers), 'traveller')}"
    return text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
