"""Changes: the request, its states and its outcome."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.confirmation import Confirmation
from domain.dual_control import Reason
from domain.durations import add_months
from domain.model import Flag, Instant, Model
from domain.money import Money
from domain.operations import (
    MAX_OPERATIONS,
    AddLines,
    LineWish,
    Operation,
    ReplaceLines,
    SetPosition,
    SetTravellers,
)
from domain.travellers import Traveller


class ChangeKind(StrEnum):
    """The kinds of requests on an order."""

    CREATE = "create"
    CHANGE = "change"
    CONFIRM = "confirm"
    DISCARD = "discard"
    PAY = "pay"
    EXTEND = "extend"
    PAYOUT = "payout"
    REVERSE = "reverse"
    RESEAT = "reseat"
    PROVIDER_EVENT = "provider_event"
    """An outside provider notifies us of what has happened at it (store/changes/provider_events.py)."""


class ChangeState(StrEnum):
    """The state of a change; the last three are outcomes and are written once."""

    WAITING = "waiting"
    RUNNING = "running"
    UNDOING = "undoing"
    NEEDS_ATTENTION = "needs_attention"
    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"


_DEADLINE_MONTHS = 6
OUTCOMES = (ChangeState.DONE, ChangeState.REFUSED, ChangeState.UNDONE)


def deadline_horizon(now: datetime) -> datetime:
    """Return until when a request may set a draft's deadline, in UTC: six calendar months from now."""
    moment = now.astimezone(UTC)
    return datetime.combine(add_months(moment.date(), _DEADLINE_MONTHS), moment.timetz())


class PaymentMeans(Model):
    """How to pay: a method and the payment provider's token. We never receive card data."""

    method: Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z_]{1,30}$")]
    token: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]


class Remark(Model):
    """What a façade says of a request before it is submitted: why it is refused, or which member is ignored."""

    code: str
    position: int | None = None
    traveller: str | None = None


class ChangeRequest(Model):
    """One request on an order, independent of the façade that received it."""

    kind: ChangeKind
    operations: tuple[Operation, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    refund_price_difference: Flag | None = None
    """Whether the price difference of a cheaper change is refunded or kept as a fee; None does not say."""
    keeps_surplus: Flag = False
    """Whether a price difference is kept until a request says otherwise; else it stays undecided."""
    confirm: Flag = False
    """Change and confirm in one go."""
    as_it_stands: Flag = False
    """Whether a confirmation of an order without a draft is done, however its last draft ended (Entur)."""
    until_confirmed: Flag = False
    """Whether the change is refused once the order has been confirmed."""
    payment: PaymentMeans | None = None
    amount: Money | None = None
    """The amount a payment authorises, or that was paid out by hand."""
    at_most: Money | None = None
    """What the request may cost beyond what is set aside already; negative for at least so much back."""
    expires_at: Instant | None = None
    """The requested deadline of the draft."""
    reason: Reason | None = None
    """Why the client, or an operator, sends it. It is text of the client: kept with the request, blanked by erasure."""
    if_match: tuple[int, ...] | None = None
    """Event numbers, one of which must be the order's last event; None for no such condition."""
    confirm_lines: tuple[str, ...] | None = None
    """The lines that a confirmation names, by any of their ids; None for all of the draft."""
    answers_with_order: Flag = False
    """Whether the answer shows the order, which is then kept with the outcome."""
    ignored: tuple[Remark, ...] = ()
    """Members that contradicted others; the answer warns of them."""
    refused: tuple[Remark, ...] = ()
    """Why the request was refused without being submitted."""

    @property
    def wishes(self) -> tuple[LineWish, ...]:
        """The wishes for offer bundles in all operations."""
        wishes: list[LineWish] = []
        for operation in self.operations:
            if isinstance(operation, AddLines):
                wishes.append(operation)
            elif isinstance(operation, ReplaceLines):
                wishes.extend(operation.with_)
            elif isinstance(operation, SetPosition) and operation.offer_bundle_id:
                wishes.append(LineWish(offer_bundle_id=operation.offer_bundle_id))
        return tuple(wishes)

    @property
    def travellers(self) -> tuple[Traveller, ...]:
        """All travellers whose details the request has."""
        corrected = [op.travellers for op in self.operations if isinstance(op, SetTravellers | SetPosition)]
        return tuple(each for part in (*(w.travellers for w in self.wishes), *corrected) for each in part)


class ChangeWarning(Model):
    """Something a client should know about a change that is not refused for it: a code and what it is about."""

    code: str
    traveller: str | None = None
    field: str | None = None
    line: str | None = None
    position: int | None = None
    amount: Money | None = None
    expires_at: Instant | None = None


DEADLINE_SHORTENED = "DEADLINE_SHORTENED"
"""The warning that a provider shortens the time of the draft: it ends at `expires_at`."""
REFUND_OWED = "REFUND_OWED"
"""The warning that no payment took a part of the refund: the amount is owed to the customer."""


class ReplacedLines(Model):
    """Lines that were replaced, and the lines that replaced them."""

    originals: tuple[str, ...]
    replacements: tuple[str, ...]
    operation: int | None = None
    """The operation that named them, by its index; None for lines that went along or were renewed."""


class OrderSummary(Model):
    """The state of an order after a change. It has no personal data, so it may be logged and stored in Temporal."""

    number: str
    status: str
    version: int
    currency: str
    balance: Money
    total: Money
    expires_at: datetime | None
    last_event: int
    draft: Flag
    """Whether a draft is open."""
    refund_owed: Money | None = None
    """Refunds that no payment took and that are still owed to the customer; None for none."""


class Outcome(Model):
    """How a change ended. It is written once, and every later request under the same key is answered from it."""

    state: ChangeState
    code: str | None = None
    """The code of the refusal, or of the failure after which the change was undone."""
    members: tuple[dict[str, str | int], ...] = ()
    order: OrderSummary
    lines: tuple[str, ...] = ()
    """The lines the change added."""
    reservations: tuple[str, ...] = ()
    """The reservations of those lines."""
    replaced: tuple[ReplacedLines, ...] = ()
    confirmed: Confirmation | None = None
    """What a confirmation confirmed."""
    warnings: tuple[ChangeWarning, ...] = ()
