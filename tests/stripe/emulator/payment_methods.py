"""Customers and their saved payment methods: https://docs.stripe.com/api/payment_methods."""

from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.cards import CARDS
from tests.stripe.emulator.errors import ApiError, invalid
from tests.stripe.emulator.forms import Params


def create_customer(account: Account, params: Params) -> Object:
    """Create a customer."""
    return account.create("customer", "cus", metadata=params.metadata({}), description=params.text("description"))


def retrieve_customer(account: Account, params: Params, customer: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a customer."""
    return account.find("customer", customer)


def retrieve(account: Account, params: Params, payment_method: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Return a payment method."""
    return account.find("payment_method", payment_method)


def attach(account: Account, params: Params, payment_method: str) -> Object:
    """Save a payment method for a customer."""
    customer = account.find("customer", params.required("customer"), "customer", 400)
    method = resolve(account, payment_method, 404)
    if method["customer"] is not None:
        raise ApiError(400, "The payment method you provided has already been attached to a customer.")
    method["customer"] = customer["id"]
    return method


def detach(account: Account, params: Params, payment_method: str) -> Object:  # noqa: ARG001 - as every endpoint
    """Remove a payment method from its customer; it cannot be used again."""
    method = account.find("payment_method", payment_method)
    method["customer"] = None
    del account.book.cards[payment_method]
    return method


def resolve(account: Account, reference: str, status: int = 400) -> Object:
    """Return a payment method; the name of a test card makes a new one."""
    if reference not in CARDS:
        return account.find("payment_method", reference, "payment_method", status)
    card = CARDS[reference]
    method = account.create(
        "payment_method", "pm", type="card", customer=None, metadata={}, card={"brand": card.brand, "last4": card.last4}
    )
    account.book.cards[method["id"]] = reference
    return method


def check_owner(method: Object, customer: str | None) -> None:
    """Raise if a saved payment method is used without its customer, or for another one."""
    owner = method["customer"]
    if owner is not None and owner != customer:
        message = (
            f"The PaymentMethod supplied ({method['id']}) belongs to the Customer {owner}. Please include the Customer"
            " in the `customer` parameter on the PaymentIntent."
        )
        raise invalid(message, "customer")
