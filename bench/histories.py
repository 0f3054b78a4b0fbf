"""The size of a run's history."""

from dataclasses import dataclass

from temporalio.client import Client

from temporal.names import draft_id


@dataclass(frozen=True)
class History:
    """The size of a history."""

    events: int
    bytes: int

    def __sub__(self, earlier: "History") -> "History":
        """Return the growth since an earlier size."""
        return History(self.events - earlier.events, self.bytes - earlier.bytes)


async def history_of(client: Client, order: str) -> History:
    """Return the size of the history of an order's latest run."""
    history = await client.get_workflow_handle(draft_id(order)).fetch_history()
    return History(len(history.events), sum(event.ByteSize() for event in history.events))
