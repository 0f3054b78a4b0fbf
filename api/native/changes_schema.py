"""Request and response models of changes and quotes in the native API."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.errors.problems import Problem, of_outcome
from api.native.amounts import Amount, AmountIn, CurrencyIn, LimitIn, amount
from api.native.taxes_schema import TaxOut, taxes_out
from domain.changes import ChangeState, ChangeWarning, Outcome, PaymentMeans
from domain.confirmation import Confirmation, ConfirmedLine
from domain.dual_control import Reason
from domain.model import Flag, Instant, Model
from domain.money import zero
from domain.operations import MAX_OPERATIONS, Operation
from domain.quotes import Quote, QuotedFee
from store.changes.changes import outcome_of, quote_of, sender_of
from store.tables import ChangeRow, StepRecordRow

Operations = Annotated[tuple[Operation, ...], Field(min_length=1, max_length=MAX_OPERATIONS)]


_REASON = "Why; shown in the order's history and at the desk, blanked by erasure. No names of travellers, please."


class ReasonIn(Model):
    """A request that may say why it is sent."""

    reason: Reason | None = Field(default=None, description=_REASON, examples=["the customer paid at the counter"])


class QuoteIn(Model):
    """A change to price."""

    operations: Operations
    refund_price_difference: Flag | None = Field(
        default=None,
        description="Whether the difference of a cheaper change is refunded or kept. A change of a confirmed order "
        "that leaves a difference and does not say is refused with REFUND_UNDECIDED.",
    )


class ChangeIn(ReasonIn, QuoteIn):
    """A change to run: into the draft, or confirmed in the same request."""

    confirm: Flag = Field(default=False, description="Confirm the order in the same request.")
    payment: PaymentMeans | None = Field(default=None, description="How to pay the amount due; only with confirm.")
    at_most: LimitIn | None = None
    until_confirmed: Flag = Field(default=False, description="Refuse the change if the order has ever been confirmed.")

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


class ConfirmIn(ReasonIn):
    """A confirmation, with the means to pay the amount due, if any."""

    payment: PaymentMeans | None = None
    at_most: LimitIn | None = None

    model_config = {"json_schema_extra": {"examples": [{"payment": {"method": "card", "token": "tok_ok"}}, {}]}}


class PaymentIn(ReasonIn):
    """A payment to authorise for the draft."""

    amount: AmountIn
    currency: CurrencyIn
    method: Annotated[str, Field(strict=True, pattern=r"^[a-z_]{1,30}$", examples=["card"])]
    token: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_.:-]{1,100}$", examples=["tok_ok"])]


class DeadlineIn(ReasonIn):
    """When the draft expires. The deadline replaces the draft's own, earlier or later."""

    expires_at: Instant


class WarningOut(BaseModel):
    """Something to know about a change that was not refused for it: a code and what it is about."""

    code: str
    traveller: str | None = None
    field: str | None = None
    line: str | None = None
    amount: Amount | None = Field(default=None, description="REFUND_OWED: what no card took and is owed otherwise.")
    expires_at: datetime | None = Field(default=None, description="DEADLINE_SHORTENED: when the draft ends.")


class QuotedLineOut(BaseModel):
    """One line's part of a quote: removed or added."""

    line: str
    product: str
    travellers: list[str]
    taken: bool = Field(description="Whether the change adds the line; otherwise it removes it.")
    price: Amount
    tax: Amount


class QuotedFeeOut(BaseModel):
    """One fee of a change."""

    kind: str
    line: str | None
    amount: Amount
    tax: Amount
    tax_rate: str


class QuoteOut(BaseModel):
    """The price of a change, compared with the last confirmed version."""

    currency: str
    old_price: Amount
    new_price: Amount
    fee: Amount
    tax: Amount
    difference: Amount = Field(
        description="New price plus fee minus old price; a negative amount is due to the customer."
    )
    to_refund: Amount
    not_refundable: Amount = Field(
        description="The part of a cheaper change that is not refunded without refund_price_difference."
    )
    undecided: Amount = Field(
        description="The part of a cheaper change of which no request has said whether it is refunded."
    )
    balance: Amount = Field(description="The amount due after the change.")
    to_release: Amount = Field(description="Money set aside beyond what is owed, which the confirmation lets go.")
    taxes: list[TaxOut] = Field(description="The difference of the order's price per tax rate.")
    warnings: list[WarningOut] = []
    lines: list[QuotedLineOut]
    fees: list[QuotedFeeOut]


class StandsOut(BaseModel):
    """The state of the order after the change."""

    number: str
    status: str
    version: int
    currency: str
    total: Amount
    balance: Amount
    refund_owed: Amount = Field(description="Refunds that no card took and that are still owed to the customer.")
    expires_at: datetime | None
    draft: bool


class ReplacedOut(BaseModel):
    """Lines and the lines that replaced them."""

    lines: list[str]
    by: list[str]


class ConfirmedLineOut(BaseModel):
    """A line that a confirmation added to the confirmed version, or gave up."""

    line: str
    product: str
    service: str | None
    travellers: list[str]
    price: Amount


class ConfirmedFeeOut(BaseModel):
    """A fee that a confirmation made valid."""

    kind: str
    line: str | None
    amount: Amount


class ConfirmedOut(BaseModel):
    """Every line and sum that a confirmation confirmed, also what other requests had put into the draft."""

    lines: list[ConfirmedLineOut]
    given_up: list[ConfirmedLineOut]
    travellers: list[str] = Field(description="The travellers whose details the draft set.")
    fees: list[ConfirmedFeeOut]
    captured: Amount
    refunded: Amount
    refund_owed: Amount = Field(description="What no card took of a refund; it is owed to the customer.")


class ChangeOut(BaseModel):
    """A change, and its result once it has ended."""

    change: str
    kind: str
    state: ChangeState
    order: StandsOut | None = None
    lines: list[str] = Field(default=[], description="The lines that the change added.")
    reservations: list[str] = Field(default=[], description="The reservations of those lines.")
    replaced: list[ReplacedOut] = []
    confirmed: ConfirmedOut | None = Field(default=None, description="What a confirmation confirmed.")
    warnings: list[WarningOut] = []
    quote: QuoteOut | None = None


class StepOut(BaseModel):
    """One step of a change: started, done, or, by its undo, withdrawing and then withdrawn."""

    step: str
    state: str
    refused: bool
    started_at: datetime
    done_at: datetime | None
    withdrawn_at: datetime | None


class ChangeDetails(ChangeOut):
    """A change with its sender and its steps so far."""

    order_number: str | None
    client: str = Field(description="The client that sent it; `local` without authentication, `temporal` in Temporal.")
    reason: str | None = Field(description="Why, if the client said so.")
    created_at: datetime
    finished_at: datetime | None
    dispatch_error: str | None = Field(description="The code of the error that kept the change from starting.")
    steps: list[StepOut]
    problem: Problem | None = Field(description="The problem of a refused or undone change.")


def quote_out(quote: Quote) -> QuoteOut:
    """Convert a quote."""
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
    fees = [_fee_out(each) for each in quote.fees]
    warnings = [_warning_out(each) for each in quote.warnings]
    shown = {"lines": lines, "fees": fees, "taxes": taxes_out(quote.taxes), "warnings": warnings}
    return QuoteOut(currency=quote.balance.currency, **shown, **amounts)


def _fee_out(fee: QuotedFee) -> QuotedFeeOut:
    taxed = {"amount": amount(fee.amount), "tax": amount(fee.tax), "tax_rate": str(fee.tax_rate)}
    return QuotedFeeOut(kind=fee.kind, line=fee.line, **taxed)


_AMOUNTS = (
    "old_price",
    "new_price",
    "fee",
    "tax",
    "difference",
    "to_refund",
    "not_refundable",
    "undecided",
    "balance",
    "to_release",
)


def change_out(row: ChangeRow) -> ChangeOut:
    """Convert a change. Once it has an outcome the result never changes."""
    quote, outcome = quote_of(row), outcome_of(row)
    return ChangeOut(
        change=row.id,
        kind=row.kind,
        state=outcome.state if outcome else ChangeState(row.state),
        quote=quote_out(quote) if quote else None,
        **(_result(outcome) if outcome else {}),
    )


def _result(outcome: Outcome) -> dict[str, Any]:
    order = outcome.order
    stands = StandsOut(
        **order.model_dump(include={"number", "status", "version", "currency", "expires_at", "draft"}),
        total=amount(order.total),
        balance=amount(order.balance),
        refund_owed=amount(order.refund_owed or zero(order.currency)),
    )
    return {
        "order": stands,
        "lines": list(outcome.lines),
        "reservations": list(outcome.reservations),
        "replaced": [ReplacedOut(lines=list(r.originals), by=list(r.replacements)) for r in outcome.replaced],
        "confirmed": _confirmed_out(outcome.confirmed) if outcome.confirmed else None,
        "warnings": [_warning_out(each) for each in outcome.warnings],
    }


def _warning_out(warning: ChangeWarning) -> WarningOut:
    about = warning.model_dump(include={"code", "traveller", "field", "line", "expires_at"})
    return WarningOut(**about, amount=amount(warning.amount) if warning.amount else None)


def _confirmed_out(confirmed: Confirmation) -> ConfirmedOut:
    fees = [ConfirmedFeeOut(kind=fee.kind, line=fee.line, amount=amount(fee.amount)) for fee in confirmed.fees]
    return ConfirmedOut(
        lines=[_confirmed_line_out(line) for line in confirmed.lines],
        given_up=[_confirmed_line_out(line) for line in confirmed.given_up],
        travellers=list(confirmed.travellers),
        fees=fees,
        captured=amount(confirmed.captured),
        refunded=amount(confirmed.refunded),
        refund_owed=amount(confirmed.refund_owed),
    )


def _confirmed_line_out(line: ConfirmedLine) -> ConfirmedLineOut:
    same: dict[str, Any] = line.model_dump(include={"line", "product", "service", "travellers"})
    return ConfirmedLineOut(**same, price=amount(line.price))


def details_out(row: ChangeRow, records: list[StepRecordRow], *, stuck: bool) -> ChangeDetails:
    """Convert a change with its steps. A stuck change has the state NEEDS_ATTENTION, which its row does not store."""
    change, outcome = change_out(row), outcome_of(row)
    refused = outcome if outcome and outcome.state is not ChangeState.DONE else None
    details = change.model_dump()
    if stuck and outcome is None:
        details["state"] = ChangeState.NEEDS_ATTENTION
    return ChangeDetails(
        **details,
        order_number=row.order_number,
        **sender_of(row)._asdict(),
        created_at=row.created_at,
        finished_at=row.finished_at,
        dispatch_error=row.dispatch_error,
        steps=[
            StepOut(
                step=record.step,
                state=record.state,
                refused=record.refusal is not None,
                started_at=record.started_at,
                done_at=record.done_at,
                withdrawn_at=record.withdrawn_at,
            )
            for record in records
        ],
        problem=of_outcome(row.id, refused).problem if refused else None,
    )
