"""Refusals: one class per reason, with a stable code and one sentence without personal data.

A refusal is a business no. It is final, is never retried and does not count as a failure.
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - the glossary distinguishes refusals from errors
    """A refused request. Its members point at the cause, by our ids and field names only."""

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self, *members: dict[str, str | int]) -> None:
        super().__init__(self.code)
        self.members = members


class OrderCancelled(Refusal):
    """Every line was removed and the removal was confirmed."""

    code = "ORDER_CANCELLED"
    sentence = "The order is cancelled and accepts no more changes."


class OrderErased(Refusal):
    """The order's personal data has been erased, so nothing can be changed for its travellers."""

    code = "ORDER_ERASED"
    sentence = "The order's travellers have been erased; it accepts no more requests."


class AlreadyConfirmed(Refusal):
    """The change is valid only for an order that was never confirmed."""

    code = "ALREADY_CONFIRMED"
    sentence = "The order has been confirmed; this change is only for an order that was never confirmed."


class OrderExpired(Refusal):
    """The order was not confirmed before its deadline; only a change opens it again."""

    code = "ORDER_EXPIRED"
    sentence = "The order has expired; only a change can open it again."


class OrderEmpty(Refusal):
    """The order has nothing to confirm."""

    code = "ORDER_EMPTY"
    sentence = "There is nothing on the order to confirm."


class NoDraft(Refusal):
    """The order has no open draft, so there is no deadline to move."""

    code = "NO_DRAFT"
    sentence = "The order has no open draft."


class OrderBusy(Refusal):
    """Other requests for the same order took longer than this request may wait."""

    code = "ORDER_BUSY"
    sentence = "Other requests for this order took too long; nothing was done. Retry with a new idempotency key."


class OrderNeedsAttention(Refusal):
    """A step of an earlier request is stuck, and an operator has to resolve it first."""

    code = "ORDER_NEEDS_ATTENTION"
    sentence = "An earlier request for this order is stuck; an operator has to resolve it first."


class NothingToReverse(Refusal):
    """No change of the order is stuck after its point of no return, or its reversal has begun already."""

    code = "NOTHING_TO_REVERSE"
    sentence = "No change of this order is stuck after its payment was settled."


class NothingToReseat(Refusal):
    """No change of the order is stuck with held seats after its point of no return, or a way out has begun already."""

    code = "NOTHING_TO_RESEAT"
    sentence = "No change of this order is stuck with held seats after its payment was settled."


class SeatsNamed(Refusal):
    """The client chose the seats by name, so only an operator may choose others."""

    code = "SEATS_NAMED"
    sentence = "The client chose these seats by name; only an operator may choose others."


class MoneyPaidBack(Refusal):
    """The change has paid money back to the customer, which a reversal cannot take again."""

    code = "MONEY_PAID_BACK"
    sentence = "This change has paid money back to the customer, so it can only be completed."


class SeatsConfirmed(Refusal):
    """The new seats are confirmed and the old ones released."""

    code = "SEATS_CONFIRMED"
    sentence = "The new seats are confirmed and the old ones released, so the change can only be completed."


class OutcomeUnknown(Refusal):
    """It is not known whether the provider has done the stuck step, or an attempt at it is under way."""

    code = "OUTCOME_UNKNOWN"
    sentence = "Whether the provider has done the stuck step is not known. Retry it until it is refused."


class OldSeatsUnknown(Refusal):
    """The inventory does not say that the seats of the confirmed version are still the order's."""

    code = "OLD_SEATS_UNKNOWN"
    sentence = "It is not known whether the seats of the confirmed version are still the order's."


class SecondPersonNeeded(Refusal):
    """The amount is above one person's limit, and no second person has confirmed the statement in the last hour."""

    code = "SECOND_PERSON_NEEDED"
    sentence = (
        "The amount is above the limit for one person; nothing was done."
        " A second person has to confirm it within one hour, at the desk or through the API."
    )


class StaleOrder(Refusal):
    """If-Match named an older state than the order had when the request was run."""

    code = "STALE_ORDER"
    sentence = "The order has changed since the state named by If-Match."


class LineNotFound(Refusal):
    """No line of this order has that id, now or before."""

    code = "LINE_NOT_FOUND"
    sentence = "The order has no such line."


class LineRemoved(Refusal):
    """The line was removed, or replaced by several lines where one is needed."""

    code = "LINE_REMOVED"
    sentence = "The line is no longer on the order, or several lines have replaced it."


class TooManyLines(Refusal):
    """The order would have more lines than allowed."""

    code = "TOO_MANY_LINES"
    sentence = "An order can have at most 200 lines."


class LinesOverlap(Refusal):
    """Two operations of one change would remove the same line."""

    code = "LINES_OVERLAP"
    sentence = "Two operations of this change name the same line."


class OfferNotFound(Refusal):
    """The offer bundle does not exist or belongs to another tenant."""

    code = "OFFER_NOT_FOUND"
    sentence = "There is no such offer bundle."


class OfferExpired(Refusal):
    """The offer bundle is past its expiry."""

    code = "OFFER_EXPIRED"
    sentence = "The offer bundle has expired; search again."


class OfferTaken(Refusal):
    """A bundle offered for one order only would be at two positions of that order."""

    code = "OFFER_TAKEN"
    sentence = "The offer bundle is already used at another position; search again for another one."


class NotOffered(Refusal):
    """A product or supplement is withdrawn or gone, or has no price for a traveller."""

    code = "NOT_OFFERED"
    sentence = "A product or supplement is no longer offered."


class ServiceDeparted(Refusal):
    """The service of a line that is given up or added, or of a traveller whose name is changed, has departed."""

    code = "SERVICE_DEPARTED"
    sentence = "The service has already departed."


class ValidityStarted(Refusal):
    """A line that could be given up, or renamed, until its validity started is valid already."""

    code = "VALIDITY_STARTED"
    sentence = "The validity of the line has started."


class ValidityOver(Refusal):
    """The validity of a line is over, or it is no longer sold."""

    code = "VALIDITY_OVER"
    sentence = "The validity of the line is over, or its time of sale is."


class NotReturnable(Refusal):
    """The line's terms do not allow to give it up."""

    code = "NOT_RETURNABLE"
    sentence = "The line cannot be given up."


class DeadlineTooLate(Refusal):
    """A later deadline was requested than the draft's lines, what is held for it or its payments allow."""

    code = "DEADLINE_TOO_LATE"
    sentence = "The draft allows no deadline that late: its lines, or what is held or set aside for it, end before."


class HoldTooShort(Refusal):
    """The provider holds seats or units for less time than a confirmation needs; no money has moved."""

    code = "HOLD_TOO_SHORT"
    sentence = "What the change needs is held for less time than a confirmation takes; nothing was paid."


class AuthorisationTooShort(Refusal):
    """The payment provider sets the amount aside for less time than a confirmation needs, so it was let go."""

    code = "AUTHORISATION_TOO_SHORT"
    sentence = "The payment is authorised for less time than a confirmation takes; it was voided."


class DraftEnded(Refusal):
    """The last draft was discarded or has expired, so there is nothing to confirm."""

    code = "DRAFT_ENDED"
    sentence = "The draft has ended without a confirmation; there is nothing to confirm."


class DraftOpen(Refusal):
    """A change in one go would also confirm what another request put into the open draft."""

    code = "DRAFT_OPEN"
    sentence = "The open draft holds another request's change; name the draft by If-Match to confirm both."


class RefundUndecided(Refusal):
    """A cheaper change does not say whether the difference is refunded."""

    code = "REFUND_UNDECIDED"
    sentence = "The change is cheaper; say by refund_price_difference whether the difference is refunded."


class PriceAboveLimit(Refusal):
    """The request would cost more than its limit."""

    code = "PRICE_ABOVE_LIMIT"
    sentence = "The request would cost more than its limit at_most."


class ChangeNotAllowed(Refusal):
    """The operation is not possible on the line: a supplement cannot be replaced or have supplements."""

    code = "CHANGE_NOT_ALLOWED"
    sentence = "The line cannot be changed in this way."


class NothingToChange(Refusal):
    """The order already has what the change requests."""

    code = "NOTHING_TO_CHANGE"
    sentence = "The order already has everything the change requests."


class SupplementNotOffered(Refusal):
    """The line's product does not sell that supplement."""

    code = "SUPPLEMENT_NOT_OFFERED"
    sentence = "The supplement is not sold with this product."


class SeatingChangeNotSupported(Refusal):
    """The supplement would change a traveller's seat (Entur: not supported on a sold order)."""

    code = "SEATING_CHANGE_NOT_SUPPORTED"
    sentence = "A supplement that changes seating cannot be added; replace the line instead."


class TravellerNotInOffer(Refusal):
    """The offer was not priced for that traveller."""

    code = "TRAVELLER_NOT_IN_OFFER"
    sentence = "The offer was not priced for one of the travellers."


class TravellerCountOutOfRange(Refusal):
    """More or fewer travellers than the product allows."""

    code = "TRAVELLER_COUNT_OUT_OF_RANGE"
    sentence = "The product does not allow this number of travellers."


class TravellerNotOnOrder(Refusal):
    """The request has details of a traveller who is on no line."""

    code = "TRAVELLER_NOT_ON_ORDER"
    sentence = "A traveller is on no line of the order."


class TravellerDiffers(Refusal):
    """The offer was priced for a different birth date than the order has for the same traveller."""

    code = "TRAVELLER_DIFFERS"
    sentence = "The offer was priced for a different birth date of a traveller than the order has."


class TravellerAlreadyOnService(Refusal):
    """A traveller would have two places on one service."""

    code = "TRAVELLER_ALREADY_ON_SERVICE"
    sentence = "A traveller already has a place on the service."


class AccompaniedOnly(Refusal):
    """Somebody who must be accompanied would travel without enough others."""

    code = "ACCOMPANIED_ONLY"
    sentence = "A traveller of this age must be accompanied by another traveller of the order."


class SelectedLinesMismatch(Refusal):
    """A line that also carries others is given up without naming all of them."""

    code = "SELECTED_LINES_MISMATCH"
    sentence = (
        "The lines named are not all that belong together; name the line itself, or every line of its travellers."
    )


class AlreadyBooked(Refusal):
    """A traveller would have more of a supplement than one may have."""

    code = "ALREADY_BOOKED"
    sentence = "The traveller already has as many of the supplement as one may have."


class TravellersIncomplete(Refusal):
    """Required fields of travellers are missing. A draft may lack fields that only the confirmation requires."""

    code = "TRAVELLERS_INCOMPLETE"
    sentence = "Required details of travellers are missing."


class SoldOut(Refusal):
    """The departure has too few free seats, or a product or supplement has too few units there or on the day."""

    code = "SOLD_OUT"
    sentence = "There are not enough free seats on the departure, or not enough left of a product or supplement."


class OrderHoldsTooMany(Refusal):
    """The draft would hold more unconfirmed seats than one draft may."""

    code = "ORDER_HOLDS_TOO_MANY"
    sentence = "The draft would hold too many seats; confirm it, or change in one go."


class ClientHoldsTooMany(Refusal):
    """The client's open drafts together would hold more unconfirmed seats than one client may."""

    code = "CLIENT_HOLDS_TOO_MANY"
    sentence = "The client's drafts hold too many seats; confirm or discard some, or change in one go."


class SeatTaken(Refusal):
    """A seat requested by name is held or sold."""

    code = "SEAT_TAKEN"
    sentence = "A requested seat is taken."


class SeatUnknown(Refusal):
    """The departure has no seat of that name, or the number of seats differs from the number of travellers."""

    code = "SEAT_UNKNOWN"
    sentence = "A requested seat does not exist, or the number of seats differs from the number of travellers."


class HoldLost(Refusal):
    """A hold expired at the provider and cannot be extended."""

    code = "HOLD_LOST"
    sentence = "A seat held for the draft expired and could not be extended."


class HoldCostsMoney(Refusal):
    """The provider extends a hold only for a price, which no one has agreed to pay."""

    code = "HOLD_COSTS_MONEY"
    sentence = "What is held for the draft would be held for longer only at a price; nothing was extended."


class CurrencyMismatch(Refusal):
    """An amount has another currency than the order. Amounts are never netted across currencies."""

    code = "CURRENCY_MISMATCH"
    sentence = "The currency differs from the order's currency."


class BalanceNotZero(Refusal):
    """An amount is due and the confirmation has no payment."""

    code = "BALANCE_NOT_ZERO"
    sentence = "An amount is still due; send a payment."


class PaymentTooHigh(Refusal):
    """The payment is larger than the amount due."""

    code = "PAYMENT_TOO_HIGH"
    sentence = "The payment is larger than the amount due."


class PaymentRefused(Refusal):
    """The payment provider refused the authorisation or the capture."""

    code = "PAYMENT_REFUSED"
    sentence = "The payment was refused."


class PaymentActionRequired(Refusal):
    """The payer must act before the payment can be authorised, for example authenticate at the card's issuer."""

    code = "PAYMENT_ACTION_REQUIRED"
    sentence = "The payer must act first, for example authenticate; nothing was authorised."


class RefundRefused(Refusal):
    """The payment provider refused the refund to the original payment."""

    code = "REFUND_REFUSED"
    sentence = "The refund was refused."


class NothingToPayOut(Refusal):
    """No refund is owed to the customer, or it was paid out before."""

    code = "NOTHING_TO_PAY_OUT"
    sentence = "No refund is owed to the customer."


class PayoutDiffers(Refusal):
    """The amount stated as paid out is not what is owed to the customer."""

    code = "PAYOUT_DIFFERS"
    sentence = "The amount is not what is owed to the customer; nothing was recorded."


class PartialConfirmNotSupported(Refusal):
    """A confirmation names some of the order's lines; a draft is only confirmed as a whole."""

    code = "PARTIAL_CONFIRM_NOT_SUPPORTED"
    sentence = "A draft is confirmed as a whole; the confirmation leaves out a line of the order."


def all_refusals() -> dict[str, type[Refusal]]:
    """Return every refusal by its code."""
    return {kind.code: kind for kind in Refusal.__subclasses__()}
