"""The saga on DBOS: the same steps in the same order as a change in one go of ours, undone in reverse.

It is written as DBOS's documentation recommends: the workflow runs in the process that gets the request, each external
effect is a step, and the request's id is the workflow's id. Steps are plain steps and not transactions of a datasource,
and there is no queue: in an earlier, smaller comparison datasources completed about half as many sagas, and a queue
about as many. Other designs were not measured.

What ours has and this has not: drafts that stay open, expire and are discarded; a queue for the requests of one order
(here the second is refused); payments and extensions beside a change; refunds; external inventories; the state
`started` before a call, withdrawn keys and a pivot that queries the provider; an undo that an operator can
finish by hand; cancellation by an operator; another machine that takes over (DBOS has a service for that); a history
with every attempt; authentication and limits at the API; webhooks, metrics, traces, several tenants.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

from dbos import DBOS

from bench.peers import steps
from bench.peers.bank import BankCalls
from bench.peers.transactions import Change, Json, RefusedError, Transactions

TRANSACTIONS, BANK = Transactions(), BankCalls()
_INTERVAL_SECONDS, _UNLIMITED = 0.1, 1_000_000


class Step(Protocol):
    """A step, as the workflow calls it."""

    def __call__(self, change: Change, *more: Any) -> Json:
        """Run it, or return its recorded answer."""


def _step(name: str, act: Callable[..., Json], call: Callable[..., None] = lambda *_: None) -> Step:
    def step(change: Change, *more: Any) -> Json:
        # Outside the transaction: no lock is held while the bank answers.
        call(change, *more)
        return TRANSACTIONS.run_once(name, change, lambda tx, order_row: act(tx, order_row, change, *more))

    # A fault is retried until it passes, a refusal never.
    declared = DBOS.step(
        name=name,
        retries_allowed=True,
        interval_seconds=_INTERVAL_SECONDS,
        backoff_rate=1.0,
        max_attempts=_UNLIMITED,
        should_retry=lambda error: not isinstance(error, RefusedError),
    )
    return cast("Step", declared(step))


PLAN = _step("plan_change", steps.plan)
VALIDATE = _step("validate_travellers", steps.validate)
QUOTE = _step("quote_change", steps.quote)
RESERVE, RELEASE = _step("reserve_seats", steps.reserve), _step("release_seats", steps.release)
SWAP, RESTORE = _step("swap_offer_bundle", steps.swap), _step("restore_offer_bundle", steps.restore)
AUTHORISE, VOID = (
    _step("authorise_payment", steps.authorise, BANK.authorise),
    _step("void_payment", steps.void, BANK.void),
)
SETTLE = _step("settle_price_difference", steps.settle, BANK.settle)
CONFIRM_SEATS = _step("confirm_seats", steps.confirm_seats)
CONFIRM_ORDER = _step("confirm_order", steps.confirm_order)
RECORD_REFUSAL = _step("record_outcome", steps.record_refusal)

DONE_STEPS = (
    "plan_change", "validate_travellers", "quote_change", "reserve_seats", "swap_offer_bundle",
    "authorise_payment", "settle_price_difference", "confirm_seats", "confirm_order",
)  # fmt: skip
"""The steps of a change that is done, in order."""
UNDO_STEPS = ("void_payment", "restore_offer_bundle", "release_seats", "record_outcome")
"""The steps that follow instead of the last three when the settlement is refused."""


@DBOS.workflow()
def change_order(change: Change) -> Json:
    """Change an order in one go: it ends confirmed, or as it was."""
    undos: list[Step] = []
    try:
        planned = PLAN(change)
        VALIDATE(change)
        quoted = QUOTE(change)
        undos.append(RELEASE)
        RESERVE(change, planned["service"])
        undos.append(RESTORE)
        SWAP(change, planned)
        undos.append(VOID)
        AUTHORISE(change, quoted["difference_minor"])
        SETTLE(change, quoted["difference_minor"])
    except RefusedError as refusal:
        for undo in reversed(undos):
            undo(change)
        return RECORD_REFUSAL(change, refusal.code)
    CONFIRM_SEATS(change, planned["gives_up"])
    return CONFIRM_ORDER(change)
