"""The view of an order in a terminal."""

from rich.console import Console

from cli.http_clients.responses import Json
from cli.operators.order_view import order_view
from temporal.messages import StepProgress

PROGRESS: Json = {
    "kind": "change",
    "request": "67dfeba7",
    "steps": [
        StepProgress(step="plan_change", description="plan the change", state="done").model_dump(mode="json"),
        StepProgress(step="reserve_seats", description="reserve seats", state="running").model_dump(mode="json"),
    ],
    "queued": 2,
    "stuck": None,
}
ORDER: Json = {
    "number": "26-100000",
    "status": "draft",
    "version": 1,
    "external_reference": None,
    "lines": [],
    "reservations": [],
    "units": [],
    "paid": "0.00",
    "balance": "0.00",
    "total": "0.00",
    "currency": "NOK",
    "draft": {"version": 1, "expires_at": None, "adds": [], "removes": [], "progress": PROGRESS},
}


def test_the_view_of_an_order_shows_the_running_step_and_the_queue() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(order_view(ORDER))
    text = capture.get()
    assert "running: change 67dfeba7: reserve seats" in text
    assert "requests in the queue: 2" in text
    assert "plan the change" not in text
