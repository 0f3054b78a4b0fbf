"""A change that is watched, on the native wire."""

from typing import Any

from pydantic import BaseModel

from api.native.history_schema import EventOut
from domain.changes import ChangeState
from store.orders.events import EventType

STEP = "step"
ENDED = "ended"


class StepSeenOut(BaseModel):
    """How far a step of the change is: asked, done, or withdrawn by its undo."""

    step: str
    state: str
    refused: bool


class EndedOut(BaseModel):
    """How the change ended; why, as a code, when it was refused or undone."""

    change: str
    state: ChangeState
    code: str | None


def _message(model: type[BaseModel], *names: str, numbered: bool = False) -> dict[str, Any]:
    """Describe one kind of message, in the terms of OpenAPI 3.2."""
    shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
    shape.pop("$defs", None)  # FastAPI keeps them there
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": shape}
    members: dict[str, Any] = {"event": {"enum": list(names)}, "data": data}
    if numbered:
        members["id"] = {"type": "string", "pattern": r"^\d+$", "description": "The number of the event."}
    return {"title": model.__name__, "properties": members, "required": list(members)}


STREAM: dict[str, Any] = {
    "description": "The change as it happens, until it has ended.",
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "oneOf": [
                    _message(EventOut, *EventType, numbered=True),
                    _message(StepSeenOut, STEP),
                    _message(EndedOut, ENDED),
                ]
            }
        }
    },
}
"""What the stream's messages are."""
