"""One class per reason a change is refused: a stable code and one sentence without personal data.

A refusal is a business no: it will stay no, is never retried and never counts as a failure.
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - the glossary keeps refusal and error apart
    """A no with a reason. Members point at what it is about, by our own ids and field names only."""

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self, *members: dict[str, str | int]) -> None:
        super().__init__(self.code)
        self.members = members


class OrderCancelled(Refusal):
    """Every line was removed and that was confirmed; the order takes no more changes."""

    code = "ORDER_CANCELLED"
    sentence = "The order is cancelled and takes no more changes."


class OrderErased(Refusal):
    """Who travelled is not known any more, so nothing can be changed for them."""

    code = "ORDER_ERASED"
    sentence = "The order's travellers have been erased; it takes no more requests."


class AlreadyConfirmed(Refusal):
    """The change was to be run only while the order had never been confirmed."""

    code = "ALREADY_CONFIRMED"
    sentence = "The order has been confirmed; this change was for an order not confirmed yet."


class OrderExpired(Refusal):
    """The order was never confirmed in time; a change opens it again, nothing else does."""

    code = "ORDER_EXPIRED"
    sentence = "The order has expired; only a change can open it again."


class OrderEmpty(Refusal):
    """There is nothing on the order that could be confirmed."""

    code = "ORDER_EMPTY"
    sentence = "There is nothing on the order to confirm."


class NoDraft(Refusal):
    """The order has no open draft, so there is no deadline to move."""

    code = "NO_DRAFT"
    sentence = "The order has no open draft."


class OrderBusy(Refusal):
    """Other requests for the same order took longer than this one may wait."""

    code = "ORDER_BUSY"
    sentence = "Other requests for this order took too long; nothing was done. Try again with a new key."


class OrderNeedsAttention(Refusal):
    """A step of an earlier request is stuck and an operator has to look at it first."""

    code = "ORDER_NEEDS_ATTENTION"
    sentence = "An earlier request for this order is stuck and an operator is asked to finish it."


class SecondPersonNeeded(Refusal):
    """More money was moved by hand than one person may say alone, and no other one has said so in the last hour."""

    code = "SECOND_PERSON_NEEDED"
    sentence = (
        "More money than one person may say alone: nothing was done."
        " Another one has to say the same within the hour, at the desk or through the API."
    )


class StaleOrder(Refusal):
    """If-Match named an older state of the order than the one found in turn."""

    code = "STALE_ORDER"
    sentence = "The order has changed since the state named by If-Match."


class LineNotFound(Refusal):
    """No line of this order has that id, now or before."""

    code = "LINE_NOT_FOUND"
    sentence = "The order has no such line."


class LineRemoved(Refusal):
    """The line was removed, or replaced by several where one is needed."""

    code = "LINE_REMOVED"
    sentence = "The line is not on the order any more, or several lines stand in its place."


class TooManyLines(Refusal):
    """The order would have more lines than one may."""

    code = "TOO_MANY_LINES"
    sentence = "An order has 200 lines at most."


class LinesOverlap(Refusal):
    """Two operations of one change would take away the same line."""

    code = "LINES_OVERLAP"
    sentence = "Two operations of this change name the same line."


class OfferNotFound(Refusal):
    """No such offer bundle; one of another tenant is not found either."""

    code = "OFFER_NOT_FOUND"
    sentence = "There is no such offer bundle."


class OfferExpired(Refusal):
    """The bundle's promise has ended."""

    code = "OFFER_EXPIRED"
    sentence = "The offer bundle has expired; search again."


class OfferTaken(Refusal):
    """A bundle that was found for one order would be at two positions of it."""

    code = "OFFER_TAKEN"
    sentence = "The offer bundle is taken already; search again for another one."


class NotOffered(Refusal):
    """What an expired order held is not offered any more for its travellers."""

    code = "NOT_OFFERED"
    sentence = "Something kept on the order is not offered any more."


class ServiceDeparted(Refusal):
    """The departure lies in the past, on the line given up or the one taken."""

    code = "SERVICE_DEPARTED"
    sentence = "The departure has left."


class ChangeNotAllowed(Refusal):
    """The operation does not fit the line: a supplement cannot be replaced or carry supplements."""

    code = "CHANGE_NOT_ALLOWED"
    sentence = "The line cannot be changed in this way."


class NothingToChange(Refusal):
    """The lines already carry what was asked for."""

    code = "NOTHING_TO_CHANGE"
    sentence = "The order already is what the change asks for."


class SupplementNotOffered(Refusal):
    """The line's product does not sell that supplement."""

    code = "SUPPLEMENT_NOT_OFFERED"
    sentence = "The supplement is not sold with this product."


class SeatingChangeNotSupported(Refusal):
    """The supplement would move a traveller to another seat (Entur: not supported on a sold order)."""

    code = "SEATING_CHANGE_NOT_SUPPORTED"
    sentence = "A supplement that changes seating cannot be added; replace the line instead."


class TravellerNotInOffer(Refusal):
    """The offer was not priced for that traveller."""

    code = "TRAVELLER_NOT_IN_OFFER"
    sentence = "A traveller is not among those the offer was made for."


class TravellerCountOutOfRange(Refusal):
    """More or fewer travellers than the product takes."""

    code = "TRAVELLER_COUNT_OUT_OF_RANGE"
    sentence = "The product does not take this number of travellers."


class TravellerNotOnOrder(Refusal):
    """Details were sent for somebody who is on no line."""

    code = "TRAVELLER_NOT_ON_ORDER"
    sentence = "A traveller is on no line of the order."


class TravellerDiffers(Refusal):
    """The offer was priced on another birth date than the order's other lines for the same traveller."""

    code = "TRAVELLER_DIFFERS"
    sentence = "The offer was priced on other details of a traveller than the lines that stay."


class TravellersIncomplete(Refusal):
    """Fields the order requires are missing; a draft may lack them, its confirmation may not."""

    code = "TRAVELLERS_INCOMPLETE"
    sentence = "Details of travellers that the order requires are missing."


class SoldOut(Refusal):
    """Not enough free seats on the departure."""

    code = "SOLD_OUT"
    sentence = "There are not enough free seats on the departure."


class OrderHoldsTooMany(Refusal):
    """The draft would hold more seats than one may without having them for good."""

    code = "ORDER_HOLDS_TOO_MANY"
    sentence = "The draft would hold too many seats; confirm it, or change in one go."


class ClientHoldsTooMany(Refusal):
    """The client's open drafts together would hold more seats than one client may."""

    code = "CLIENT_HOLDS_TOO_MANY"
    sentence = "The client's drafts hold too many seats; confirm or discard some, or change in one go."


class SeatTaken(Refusal):
    """A seat asked for by name is held or sold."""

    code = "SEAT_TAKEN"
    sentence = "A seat asked for is taken."


class SeatUnknown(Refusal):
    """The departure has no seat of that name, or the change needs another number of seats."""

    code = "SEAT_UNKNOWN"
    sentence = "A seat asked for does not exist, or the seats do not match the travellers."


class HoldLost(Refusal):
    """A hold ran out at the provider and cannot be prolonged."""

    code = "HOLD_LOST"
    sentence = "A seat held for the draft could not be kept any longer."


class CurrencyMismatch(Refusal):
    """Nothing is netted between currencies."""

    code = "CURRENCY_MISMATCH"
    sentence = "The currency is not the order's."


class BalanceNotZero(Refusal):
    """Money is still owed and no payment came with the confirmation."""

    code = "BALANCE_NOT_ZERO"
    sentence = "Money is still owed; send a payment."


class PaymentTooHigh(Refusal):
    """More money than is owed."""

    code = "PAYMENT_TOO_HIGH"
    sentence = "The payment is more than what is owed."


class PaymentRefused(Refusal):
    """The payment provider said no, to setting the money aside or to taking it."""

    code = "PAYMENT_REFUSED"
    sentence = "The payment was refused."


class RefundRefused(Refusal):
    """The payment provider will not pay back to the original payment."""

    code = "REFUND_REFUSED"
    sentence = "The refund was refused."


def all_refusals() -> dict[str, type[Refusal]]:
    """Return every refusal by its code."""
    return {kind.code: kind for kind in Refusal.__subclasses__()}
