"""A change: the whole act from request to outcome."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.dual_control import Reason
from domain.model import Flag, Instant, Model
from domain.money import Money
from domain.operations import (
    MOST_OPERATIONS,
    AddLines,
    LineWish,
    Operation,
    ReplaceLines,
    SetPosition,
    SetTravellers,
)
from domain.travellers import Traveller


class ChangeKind(StrEnum):
    """What a request asks of an order."""

    CREATE = "create"
    CHANGE = "change"
    CONFIRM = "confirm"
    DISCARD = "discard"
    PAY = "pay"
    EXTEND = "extend"


class ChangeState(StrEnum):
    """Where a change stands; the last three are outcomes and are written once."""

    WAITING = "waiting"
    RUNNING = "running"
    UNDOING = "undoing"
    NEEDS_ATTENTION = "needs_attention"
    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"


MAX_DEADLINE = timedelta(days=183)
"""How far ahead a draft's deadline may be moved: six months."""
OUTCOMES = (ChangeState.DONE, ChangeState.REFUSED, ChangeState.UNDONE)


class PaymentMeans(Model):
    """How to pay: a method and the payment provider's token for it. No card data comes near us."""

    method: Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z_]{1,30}$")]
    token: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]


class ChangeRequest(Model):
    """Everything a client asks of an order in one request, whatever its wire format was."""

    kind: ChangeKind
    operations: tuple[Operation, ...] = Field(default=(), max_length=MOST_OPERATIONS)
    refund_price_difference: Flag = False
    """Whether a cheaper change pays the difference back; otherwise it is kept as a fee."""
    confirm: Flag = False
    """Change and confirm in one go."""
    until_confirmed: Flag = False
    """Whether it is refused once the order has been confirmed."""
    payment: PaymentMeans | None = None
    amount: Money | None = None
    """What a payment sets aside."""
    expires_at: Instant | None = None
    """The deadline asked for."""
    reason: Reason | None = None
    """Why somebody asked it by hand; what has one stands on the order's history as theirs."""
    if_match: tuple[int, ...] | None = None
    """The event numbers of which one must be the order's last; None for any."""

    @property
    def wishes(self) -> tuple[LineWish, ...]:
        """Every bundle it asks for."""
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
        """Every traveller it sends details of."""
        corrected = [op.travellers for op in self.operations if isinstance(op, SetTravellers | SetPosition)]
        return tuple(each for part in (*(w.travellers for w in self.wishes), *corrected) for each in part)


class IgnoredField(Model):
    """Something in a change that was ignored, and why: no reason to refuse it."""

    code: str
    traveller: str
    field: str
    position: int | None = None


class ReplacedLines(Model):
    """Which lines came in the place of which."""

    originals: tuple[str, ...]
    replacements: tuple[str, ...]


class OrderSummary(Model):
    """What a change left: where the order stands. Nothing personal, so it may go anywhere."""

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


class Outcome(Model):
    """How a change ended, written once: whoever asks later is answered from it."""

    state: ChangeState
    code: str | None = None
    """Why it was refused, or that it broke and was undone."""
    members: tuple[dict[str, str | int], ...] = ()
    order: OrderSummary
    lines: tuple[str, ...] = ()
    """Lines it added."""
    reservations: tuple[str, ...] = ()
    """Seats those lines have."""
    replaced: tuple[ReplacedLines, ...] = ()
    warnings: tuple[IgnoredField, ...] = ()
