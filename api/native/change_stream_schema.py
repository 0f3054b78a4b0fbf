"""The events of a change stream in the native API."""

from typing import Any

from pydantic import BaseModel

from api.native.history_schema import OrderEventOut
from domain.changes import ChangeState
from store.orders.events import EventType

STEP = "step"
ENDED = "ended"


class StepSeenOut(BaseModel):
    """The state of a step of the change: started, done, or, by its undo, withdrawing and then withdrawn."""

    step: str
    state: str
    refused: bool


class EndedOut(BaseModel):
    """How the change ended; the code tells why it was refused or undone."""

    change: str
    state: ChangeState
    code: str | None


def _message(model: type[BaseModel], *names: str, numbered: bool = False) -> dict[str, Any]:
    """Describe one kind of event in the terms of OpenAPI 3.2."""
    shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
    shape.pop("$defs", None)  # FastAPI keeps them in components
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": shape}
    members: dict[str, Any] = {"event": {"enum": list(names)}, "data": data}
    if numbered:
        members["id"] = {"type": "string", "pattern": r"^\d+$", "description": "The number of the event."}
    return {"title": model.__name__, "properties": members, "required": list(members)}


STREAM: dict[str, Any] = {
    "description": "The events of the change until it has ended.",
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "oneOf": [
                    _message(OrderEventOut, *EventType, numbered=True),
                    _message(StepSeenOut, STEP),
                    _message(EndedOut, ENDED),
                ]
            }
        }
    },
}
"""The OpenAPI description of the stream."""
