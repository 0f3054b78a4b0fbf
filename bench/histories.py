"""How long the history of a run is."""

from dataclasses import dataclass

from temporalio.client import Client

from temporal.names import draft_id


@dataclass(frozen=True)
class History:
    """How long one is."""

    events: int
    bytes: int

    def __sub__(self, earlier: "History") -> "History":
        """Return what was added since."""
        return History(self.events - earlier.events, self.bytes - earlier.bytes)


async def history_of(client: Client, order: str) -> History:
    """Return how long the history of an order's latest run is."""
    history = await client.get_workflow_handle(draft_id(order)).fetch_history()
    return History(len(history.events), sum(event.ByteSize() for event in history.events))
