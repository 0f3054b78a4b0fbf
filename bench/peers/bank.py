"""The external bank of the DBOS app: its calls, and whether the bank's book is as a change should have left it.

The app calls the bank through the example provider that ours uses, so that both pay the same for HTTP. A call is made
before its step's transaction, outside it and under the change's id, so a step that runs again after a kill calls again
and the bank recognises the key. A refusal is not recorded: the bank refuses the second time as it did the first.
"""

from bench.peers.tables import CURRENCY, DIFFERENCE_MINOR, OK
from bench.peers.transactions import Change, RefusedError
from cli.demo_bank import connect
from domain.money import Money
from examples.fake_systems.bank import reference_of
from examples.providers.bank_payments import BankPayments
from providers.errors import PaymentDeclinedError
from providers.protocols import MovementKind

MERCHANT = "default"


class BankCalls:
    """The calls of the steps to an external bank; without one they do nothing, and payments are our own rows alone."""

    def __init__(self) -> None:
        self._provider: BankPayments | None = None

    def open(self, address: str) -> None:
        """Connect to a bank."""
        self._provider = connect(address)

    def authorise(self, change: Change, amount_due: int) -> None:
        """Authorise an amount in minor units. Raises RefusedError if the bank declines."""
        if self._provider:
            try:
                self._provider.authorise(MERCHANT, change.id, Money(amount_due, CURRENCY), "card", change.token)
            except PaymentDeclinedError:
                raise RefusedError("PAYMENT_DECLINED") from None

    def void(self, change: Change) -> None:
        """Void the authorisation; from then on its key can authorise nothing."""
        if self._provider:
            self._provider.void(MERCHANT, change.id, reference_of(change.id))

    def settle(self, change: Change, amount_due: int) -> None:
        """Capture an amount in minor units. Raises RefusedError if the bank declines."""
        if self._provider:
            # The bank's references name their keys, so the app keeps none.
            capture = (f"{change.id}/capture", reference_of(change.id), Money(amount_due, CURRENCY))
            try:
                self._provider.capture(MERCHANT, *capture)
            except PaymentDeclinedError:
                raise RefusedError("PAYMENT_REFUSED") from None


def find_errors_at_bank(bank: BankPayments, change: str, token: str) -> list[str]:
    """Return an error if the bank's movements of a change are not those of one that was done or refused, each once."""
    ends = MovementKind.CAPTURE if token == OK else MovementKind.VOID
    expected = [("authorise", DIFFERENCE_MINOR), (str(ends), DIFFERENCE_MINOR)]
    movements = bank.movements_of(MERCHANT, change)
    found = [(str(each.kind), each.amount.minor if each.amount else 0) for each in movements]
    return [f"{change} at the bank: {found}, not {expected}"] if found != expected else []
