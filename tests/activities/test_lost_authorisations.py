"""An authorisation of unknown outcome is looked up and voided with the token that it was requested with."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from activities.payments import AUTHORISE_PAYMENT, AuthorisePaymentCommand
from activities.support.step_executor import StepExecutor
from domain.money import Money
from providers.embedded.payments import EmbeddedPayments
from providers.errors import ProviderUnavailableError
from providers.protocols import Authorised, Found, FoundState
from runtime.settings import Settings
from tests.support.step_by_step import StepByStep
from tests.support.world import CARD


class ForgetfulPayments(EmbeddedPayments):
    """As if it were external: it loses the answer to an authorisation, and records what it is handed back."""

    external = True
    handed_back: tuple[str | None, ...] = ()

    def authorise(self, tenant: str, key: str, amount: Money, method: str, token: str) -> Authorised:
        """Lose the answer."""
        raise ProviderUnavailableError

    def find(self, tenant: str, key: str, token: str | None = None) -> Found:
        """Not say what was done."""
        self.handed_back += (token,)
        return Found(FoundState.CANNOT_SAY)

    def void(self, tenant: str, key: str, reference: str | None, token: str | None = None) -> None:
        """Void."""
        assert reference is None
        self.handed_back += (token,)


@dataclass
class Authorising:
    """One authorisation whose answer is lost."""

    executor: StepExecutor
    payments: ForgetfulPayments
    command: AuthorisePaymentCommand


@pytest.fixture
def authorising(prepared_database: str) -> Iterator[Authorising]:
    steps = StepByStep(Settings(database=prepared_database))
    payments = ForgetfulPayments(steps.components.store)
    order = steps.create_order()
    change = steps.record_request(order, "standard", "4711", [], confirm=True)
    steps.run_until_priced(order, change)
    command = AuthorisePaymentCommand(change=change, order=order, amount=Money(29900, "NOK"))
    yield Authorising(StepExecutor(replace(steps.components, payments=payments)), payments, command)
    steps.components.store.close()


def test_it_is_looked_up_and_voided_with_its_token(authorising: Authorising) -> None:
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            AUTHORISE_PAYMENT.execute(authorising.executor, authorising.command)
    # The first attempt asks nothing: nothing was done before it.
    assert list(authorising.payments.handed_back) == [CARD["token"]]
    authorising.executor.undo(AUTHORISE_PAYMENT, authorising.command)
    assert list(authorising.payments.handed_back) == [CARD["token"]] * 2
