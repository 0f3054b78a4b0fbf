"""Dual control: the amounts up to which one person may act alone, and the reasons they give."""

import pytest

from domain.access import is_client
from domain.dual_control import (
    ANONYMOUS,
    LOCAL,
    MAX_REASON,
    TEMPORAL,
    DualControlPolicy,
    check_limits,
    clean_reason,
    others,
)
from domain.money import Money

RULE = DualControlPolicy(authentication_enabled=True, up_to={"NOK": 100_000})


def test_one_person_is_enough_up_to_the_limit_of_the_currency() -> None:
    for actor in ("al", LOCAL, TEMPORAL):
        assert RULE.may_act_alone(Money(100_000, "NOK"), actor)
        assert not RULE.may_act_alone(Money(100_001, "NOK"), actor)


def test_one_person_may_move_nothing_in_a_currency_without_a_limit() -> None:
    assert RULE.may_act_alone(Money(0, "EUR"), "al")
    assert not RULE.may_act_alone(Money(1, "EUR"), "al")
    assert not DualControlPolicy(authentication_enabled=True).may_act_alone(Money(1, "NOK"), "al")


def test_an_unknown_amount_is_above_every_limit() -> None:
    assert not RULE.may_act_alone(None, "al")
    assert DualControlPolicy(authentication_enabled=False).may_act_alone(None, LOCAL)


def test_without_authentication_there_is_no_limit() -> None:
    for actor in ANONYMOUS:
        assert DualControlPolicy(authentication_enabled=False).may_act_alone(Money(10**9, "NOK"), actor)


def test_a_known_actor_proves_authentication_to_a_worker_that_is_not_configured_for_it() -> None:
    assert not DualControlPolicy(authentication_enabled=False).may_act_alone(Money(1, "NOK"), "al")


def test_the_second_person_is_another_one_and_known() -> None:
    assert others(["bo", TEMPORAL, LOCAL, "al"], "al") == ["bo"]
    assert others(["al"], "al") == []


@pytest.mark.parametrize("name", sorted(ANONYMOUS))
def test_no_client_has_the_name_of_an_anonymous_actor(name: str) -> None:
    assert not is_client(name)
    assert is_client(f"{name}-1")


def test_a_reason_is_one_short_clean_line() -> None:
    assert clean_reason("  refunded at the bank ") == "refunded at the bank"
    for wrong in ("", "  ", "a\nb", "a\x00b", "x" * (MAX_REASON + 1)):
        with pytest.raises(ValueError, match="must"):
            clean_reason(wrong)


@pytest.mark.parametrize("wrong", [{"NOK": -1}, {"XYZ": 1}, {"nok": 1}], ids=str)
def test_a_limit_has_a_known_currency_and_is_not_negative(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="minor units"):
        check_limits(wrong)
    assert check_limits({"NOK": 0}) == {"NOK": 0}
