"""Changes and quotes on the native wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.errors.problems import Problem, of_outcome
from api.native.amounts import Amount, AmountIn, CurrencyIn, amount
from domain.changes import ChangeState, Outcome, PaymentMeans
from domain.dual_control import Reason
from domain.model import Flag, Instant, Model
from domain.operations import MAX_OPERATIONS, Operation
from domain.quotes import Quote
from store.changes.changes import outcome_of, quote_of
from store.tables import ChangeRow, StepRecordRow

Operations = Annotated[tuple[Operation, ...], Field(min_length=1, max_length=MAX_OPERATIONS)]


class QuoteIn(Model):
    """A change to be priced."""

    operations: Operations
    refund_price_difference: Flag = False


class ChangeIn(QuoteIn):
    """A change to be run: into the draft, or confirmed in one go."""

    confirm: Flag = Field(default=False, description="Change and confirm in one go.")
    payment: PaymentMeans | None = Field(default=None, description="How to pay what is owed; only in one go.")
    until_confirmed: Flag = Field(default=False, description="Refuse it once the order has ever been confirmed.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "operations": [
                        {
                            "op": "add_lines",
                            "offer_bundle_id": "b2f7a0c8-8d1c-4c53-9b6e-3a3ad5d8c7f1",
                            "travellers": [
                                {
                                    "id": "maria",
                                    "given_name": "Maria",
                                    "family_name": "Li",
                                    "birth_date": "1990-05-04",
                                }
                            ],
                        }
                    ],
                    "payment": {"method": "card", "token": "tok_ok"},
                    "confirm": True,
                }
            ]
        }
    }


_BY_HAND = "Why a person asks this; then it stands on the order's history as theirs. No names of travellers."


class ByHandIn(Model):
    """What may be asked by a person's hand."""

    reason: Reason | None = Field(default=None, description=_BY_HAND, examples=["the customer paid at the counter"])


class ConfirmIn(ByHandIn):
    """A confirmation, with the means to pay what is owed, if anything is."""

    payment: PaymentMeans | None = None

    model_config = {"json_schema_extra": {"examples": [{"payment": {"method": "card", "token": "tok_ok"}}, {}]}}


class PaymentIn(Model):
    """Money to set aside for the draft."""

    amount: AmountIn
    currency: CurrencyIn
    method: Annotated[str, Field(strict=True, pattern=r"^[a-z_]{1,30}$", examples=["card"])]
    token: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_.:-]{1,100}$", examples=["tok_ok"])]


class DeadlineIn(ByHandIn):
    """When the draft ends; it stands, earlier or later, until the draft does."""

    expires_at: Instant


class QuotedLineOut(BaseModel):
    """One line's part: given up or taken."""

    line: str
    product: str
    travellers: list[str]
    taken: bool
    price: Amount
    tax: Amount


class QuotedFeeOut(BaseModel):
    """One fee a change brings."""

    kind: str
    line: str | None
    amount: Amount
    tax: Amount


class QuoteOut(BaseModel):
    """What a change costs, against the last confirmed version."""

    currency: str
    old_price: Amount
    new_price: Amount
    fee: Amount
    tax: Amount
    difference: Amount = Field(description="New price plus fee less old price; negative is owed to the customer.")
    to_refund: Amount
    not_refundable: Amount = Field(description="What a cheaper change keeps without refund_price_difference.")
    balance: Amount = Field(description="What the order owes once changed.")
    lines: list[QuotedLineOut]
    fees: list[QuotedFeeOut]


class StandsOut(BaseModel):
    """Where the order stands."""

    number: str
    status: str
    version: int
    currency: str
    total: Amount
    balance: Amount
    expires_at: datetime | None
    draft: bool


class ReplacedOut(BaseModel):
    """Which lines came in the place of which."""

    lines: list[str]
    by: list[str]


class WarningOut(BaseModel):
    """Something that was ignored, and why."""

    code: str
    traveller: str
    field: str


class ChangeOut(BaseModel):
    """A change, and once it has ended, what it left."""

    change: str
    kind: str
    state: ChangeState
    order: StandsOut | None = None
    lines: list[str] = Field(default=[], description="Lines it added.")
    reservations: list[str] = Field(default=[], description="Seats those lines have.")
    replaced: list[ReplacedOut] = []
    warnings: list[WarningOut] = []
    quote: QuoteOut | None = None


class StepOut(BaseModel):
    """One step of a change: asked, done, or withdrawn by its undo."""

    step: str
    state: str
    refused: bool
    started_at: datetime
    done_at: datetime | None
    withdrawn_at: datetime | None


class ChangeDetails(ChangeOut):
    """A change with the steps so far."""

    order_number: str | None
    created_at: datetime
    finished_at: datetime | None
    dispatch_error: str | None = Field(description="Why it could not be started yet, as a code.")
    steps: list[StepOut]
    problem: Problem | None = Field(description="Why it was refused or undone.")


def quote_out(quote: Quote) -> QuoteOut:
    """Return a quote as it goes over the wire."""
    amounts = {name: amount(getattr(quote, name)) for name in _AMOUNTS}
    lines = [
        QuotedLineOut(
            line=line.line,
            product=line.product,
            travellers=list(line.travellers),
            taken=line.taken,
            price=amount(line.price),
            tax=amount(line.tax),
        )
        for line in quote.lines
    ]
    fees = [QuotedFeeOut(kind=f.kind, line=f.line, amount=amount(f.amount), tax=amount(f.tax)) for f in quote.fees]
    return QuoteOut(currency=quote.balance.currency, lines=lines, fees=fees, **amounts)


_AMOUNTS = ("old_price", "new_price", "fee", "tax", "difference", "to_refund", "not_refundable", "balance")


def change_out(row: ChangeRow) -> ChangeOut:
    """Return a change as it goes over the wire: the same for ever once it has its outcome."""
    quote, outcome = quote_of(row), outcome_of(row)
    return ChangeOut(
        change=row.id,
        kind=row.kind,
        state=outcome.state if outcome else ChangeState(row.state),
        quote=quote_out(quote) if quote else None,
        **(_left(outcome) if outcome else {}),
    )


def _left(outcome: Outcome) -> dict[str, Any]:
    order = outcome.order
    stands = StandsOut(
        **order.model_dump(include={"number", "status", "version", "currency", "expires_at", "draft"}),
        total=amount(order.total),
        balance=amount(order.balance),
    )
    return {
        "order": stands,
        "lines": list(outcome.lines),
        "reservations": list(outcome.reservations),
        "replaced": [ReplacedOut(lines=list(r.originals), by=list(r.replacements)) for r in outcome.replaced],
        "warnings": [WarningOut.model_validate(each, from_attributes=True) for each in outcome.warnings],
    }


def details_out(row: ChangeRow, effects: list[StepRecordRow], *, stuck: bool) -> ChangeDetails:
    """Return a change with its steps, the live state where the workflow says more than the row."""
    change, outcome = change_out(row), outcome_of(row)
    refused = outcome if outcome and outcome.state is not ChangeState.DONE else None
    details = change.model_dump()
    if stuck and outcome is None:
        details["state"] = ChangeState.NEEDS_ATTENTION
    return ChangeDetails(
        **details,
        order_number=row.order_number,
        created_at=row.created_at,
        finished_at=row.finished_at,
        dispatch_error=row.dispatch_error,
        steps=[
            StepOut(
                step=effect.step,
                state=effect.state,
                refused=effect.refusal is not None,
                started_at=effect.started_at,
                done_at=effect.done_at,
                withdrawn_at=effect.withdrawn_at,
            )
            for effect in effects
        ],
        problem=of_outcome(row.id, refused).problem if refused else None,
    )
