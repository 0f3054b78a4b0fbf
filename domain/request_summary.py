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
from domain.wording import counted

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
            text = f"replace {counted(len(operation.lines), 'line')} by {counted(len(operation.with_), 'offer')}"
        case SetPosition():
            text = f"set position {operation.position}"
        case KeepPositions():
            text = f"keep {counted(len(operation.positions), 'position')}"
        case RemoveLines():
            lines = counted(len(operation.lines), "line")
            text = f"remove position {operation.position}" if operation.position else f"remove {lines}"
        case AddSupplements():
            text = f"add {counted(sum(each.count for each in operation.supplements), 'supplement')}"
        case SetTravellers():
            text = f"set the details of {counted(len(operation.travellers), 'traveller')}"
    return text
