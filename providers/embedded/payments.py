"""The payment provider on our own database. It accepts every token except the four below, which test refusals."""

import sqlalchemy as sa
from sqlalchemy import bindparam, update

from domain.money import Money
from providers.errors import ActionRequiredError, PaymentDeclinedError, ProviderError, RefundDeclinedError
from providers.protocols import Authorised, Found, FoundState, RefundState
from store.database.column_types import SafeInteger
from store.database.inserts import ConditionalInsert, table_of
from store.database.store import Store
from store.tables import EmbeddedPaymentRow

DECLINE = "tok_decline"
"""Its authorisation is declined."""
ACTION_REQUIRED = "tok_action_required"
"""Its authorisation needs its payer first."""
REFUSE_CAPTURE = "tok_refuse_capture"
"""It is authorised, and its capture is declined."""
REFUSE_REFUND = "tok_refuse_refund"
"""It is authorised and captured, and its refund is declined."""

_TABLE = table_of(EmbeddedPaymentRow)
_INSERT = ConditionalInsert(EmbeddedPaymentRow)
_PREFIX = "bank:"
_OF_KEY = (_TABLE.c.key == bindparam("of"), _TABLE.c.tenant == bindparam("by"))
_FIND = sa.select(_TABLE).where(*_OF_KEY)
_AMOUNT = bindparam("amount", type_=SafeInteger())
_IN_CURRENCY = _TABLE.c.currency == bindparam("money")
_CAPTURE = (
    update(_TABLE)
    .where(*_OF_KEY, _IN_CURRENCY, ~_TABLE.c.voided, _TABLE.c.token != REFUSE_CAPTURE)
    .values(captured_minor=_TABLE.c.captured_minor + _AMOUNT)
)
_REFUND = (
    update(_TABLE)
    .where(*_OF_KEY, _IN_CURRENCY, _TABLE.c.token != REFUSE_REFUND)
    .values(refunded_minor=_TABLE.c.refunded_minor + _AMOUNT)
)
_VOID = update(_TABLE).where(*_OF_KEY).values(voided=True)


class EmbeddedPayments:
    """Keeps its own record of every payment beside our ledger; an invariant compares the two."""

    external = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Authorise a payment under a key; a repeated call under the same key changes nothing.

        It does not end by itself.
        """
        if token == DECLINE:
            raise PaymentDeclinedError
        if token == ACTION_REQUIRED:
            raise ActionRequiredError(_PREFIX + key)
        with self._store.write() as tx:
            money = {"currency": amount.currency, "authorised_minor": amount.minor}
            fresh = _INSERT.run(tx, {"tenant": tenant, "key": key, "token": token, **money})
            if not fresh and tx.get_one(EmbeddedPaymentRow, key).voided:
                raise PaymentDeclinedError
            return Authorised(_PREFIX + key)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Void the authorisation under a key, if any."""
        with self._store.write() as tx:
            tx.connection().execute(_VOID, {"of": key, "by": tenant})

    def capture(self, tenant: str, key: str, reference: str, amount: Money) -> str:
        """Capture an amount. The step's record prevents a second capture under a key.

        A payment is captured once, so that its capture has the reference of the payment.
        """
        self._move(_CAPTURE, tenant, reference, amount, PaymentDeclinedError)
        return reference

    def refund(self, tenant: str, key: str, capture: str, amount: Money) -> RefundState:
        """Refund an amount. The step's record prevents a second refund under a key."""
        self._move(_REFUND, tenant, capture, amount, RefundDeclinedError)
        return RefundState.DONE

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Return what became of the authorisation under a key.

        Keys of captures and refunds are not kept: they are made in the transaction of their step, which knows them.
        """
        with self._store.read() as tx:
            row = tx.connection().execute(_FIND, {"of": key, "by": tenant}).one_or_none()
        if row is None:
            return Found(FoundState.CANNOT_SAY)
        if row.captured_minor:
            return Found(FoundState.CAPTURED, Money(row.captured_minor, row.currency), _PREFIX + key)
        state = FoundState.VOIDED if row.voided else FoundState.AUTHORISED
        return Found(state, Money(row.authorised_minor, row.currency), _PREFIX + key)

    def _move(
        self, statement: sa.Update, tenant: str, reference: str, amount: Money, declined: type[ProviderError]
    ) -> None:
        """Move an amount of a payment by one statement; raise what is the matter where it finds no such payment."""
        of_payment = {"of": reference.removeprefix(_PREFIX), "by": tenant}
        with self._store.write() as tx:
            execute = tx.connection().execute
            if execute(statement, of_payment | {"amount": amount.minor, "money": amount.currency}).rowcount == 1:
                return
            row = execute(_FIND, of_payment).one_or_none()
        if row is None:
            raise LookupError("no payment has this reference")
        if row.currency != amount.currency:
            raise ValueError("a payment is moved in its own currency")
        raise declined
