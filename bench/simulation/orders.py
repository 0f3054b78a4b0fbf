"""An order's own queue, as `workflows/request_queue.py` and `api/workflow_client.py` keep it: one change of an order at a time.

At most so many wait. Who finds no place asks again, as the API does, first after 50 ms and then after twice as
long, up to a second. Who has waited too long, inside or before the queue, is refused: NO_TURN.
"""

from collections import deque
from dataclasses import dataclass

from bench.simulation.engine import Act, Clock
from bench.simulation.inputs import Inputs

_AGAIN_FIRST, _AGAIN_LAST = 0.05, 1.0


@dataclass(eq=False)
class Ticket:
    """A request for a turn."""

    act: Act
    refuse: Act
    came: float
    waiting: bool = True


class Turns:
    """The queues of all orders."""

    def __init__(self, clock: Clock, inputs: Inputs) -> None:
        self._clock = clock
        self._inputs = inputs
        self._queues: dict[int, deque[Ticket]] = {}
        self.most = 0
        """The most that ever waited for one order."""

    def ask(self, order: int, act: Act, refuse: Act) -> None:
        """Call `act` when the order's turn has come, which must end in `done`, or `refuse`."""
        self._ask(order, Ticket(act, refuse, self._clock.now), _AGAIN_FIRST)

    def _ask(self, order: int, ticket: Ticket, pause: float) -> None:
        queue = self._queues.get(order)
        if queue is None:
            self._queues[order] = deque()
            self._come(ticket)
        elif len(queue) < self._inputs.most_waiting:
            queue.append(ticket)
            self.most = max(self.most, len(queue))
            self._clock.after(self._inputs.longest_wait_s, lambda: self._too_long(order, ticket))
        elif self._clock.now >= ticket.came + self._inputs.ask_again_s:
            ticket.refuse()
        else:
            self._clock.after(pause, lambda: self._ask(order, ticket, min(2 * pause, _AGAIN_LAST)))

    def done(self, order: int) -> None:
        """Give the turn to the next."""
        queue = self._queues[order]
        if queue:
            self._come(queue.popleft())
        else:
            del self._queues[order]

    def _too_long(self, order: int, ticket: Ticket) -> None:
        if ticket.waiting:
            ticket.waiting = False
            self._queues[order].remove(ticket)
            ticket.refuse()

    @staticmethod
    def _come(ticket: Ticket) -> None:
        ticket.waiting = False
        ticket.act()
