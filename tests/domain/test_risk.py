"""Money is at risk while it is authorised, or captured but not matched by a confirmed version."""

from domain.risk import MoveUnderWay, at_risk
from tests.domain.makers import authorised, captured, line, nok, order

PAID = captured(29900)
SOLD = line(1, "standard", "morning", "a")
DEARER = line(2, "flexible", "noon", "a", added_in=2)


def test_nothing_is_at_risk_once_the_confirmed_version_is_paid() -> None:
    assert at_risk(order(SOLD, payments=(PAID,))).total == nok(0)


def test_authorised_money_is_at_risk_until_it_is_captured_or_voided() -> None:
    risk = at_risk(order(SOLD, DEARER, version=2, payments=(PAID, authorised(5000))))
    assert (risk.authorised, risk.unsettled, risk.total) == (nok(5000), nok(0), nok(5000))


def test_money_captured_before_the_version_is_confirmed_is_at_risk() -> None:
    risk = at_risk(order(SOLD, DEARER, version=2, payments=(PAID, captured(5000, "C2/authorise_payment"))))
    assert (risk.authorised, risk.unsettled, risk.total) == (nok(0), nok(5000), nok(5000))


def test_money_refunded_before_the_version_is_confirmed_is_at_risk_too() -> None:
    risk = at_risk(order(SOLD, version=2, payments=(captured(29900, refunded=10000),)))
    assert (risk.unsettled, risk.total) == (nok(-10000), nok(10000))


def test_a_refund_that_no_card_took_is_not_at_risk() -> None:
    risk = at_risk(order(SOLD, payments=(captured(34900, refunded=1000, refund_owed=4000, paid_out=500),)))
    assert (risk.unsettled, risk.total) == (nok(0), nok(0))


def test_all_captured_money_is_at_risk_on_an_order_never_confirmed() -> None:
    assert at_risk(order(SOLD, confirmed=0, payments=(PAID,))).unsettled == nok(29900)


def under_way(minor: int, key: str = "C2/settle_price_difference", *, reversible: bool = False) -> MoveUnderWay:
    return MoveUnderWay(key=key, amount=nok(minor), reversible=reversible)


def test_a_refund_that_its_provider_has_not_answered_is_at_risk() -> None:
    risk = at_risk(order(SOLD, payments=(PAID,)), [under_way(10000)])
    assert (risk.moving, risk.total) == (nok(10000), nok(10000))


def test_authorised_money_that_is_captured_or_voided_counts_once() -> None:
    draft = order(SOLD, DEARER, version=2, payments=(PAID, authorised(5000)))
    assert at_risk(draft, [under_way(5000)]).total == nok(5000)
    # The payment is voided, and 20.00 are refunded besides.
    assert at_risk(draft, [under_way(7000)]).total == nok(7000)


def test_money_captured_in_excess_that_is_refunded_counts_once() -> None:
    draft = order(SOLD, DEARER, version=2, payments=(PAID, captured(5000, "C2/authorise_payment")))
    assert at_risk(draft, [under_way(5000, "C3/refund_captures")]).total == nok(5000)


def test_an_authorisation_without_an_answer_counts_beside_open_ones_until_its_payment_is_recorded() -> None:
    lost, known = under_way(3000, "C3/authorise_payment", reversible=True), authorised(5000)
    assert at_risk(order(SOLD, payments=(PAID, known)), [lost]).total == nok(8000)
    assert at_risk(order(SOLD, payments=(PAID, known)), [under_way(5000, known.key, reversible=True)]).total == nok(
        5000
    )
