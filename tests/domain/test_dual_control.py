"""Who did something by hand and why; up to how much one person may say so alone."""

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
    for who in ("al", LOCAL, TEMPORAL):
        assert RULE.may_act_alone(Money(100_000, "NOK"), who)
        assert not RULE.may_act_alone(Money(100_001, "NOK"), who)


def test_of_a_currency_without_a_limit_one_person_may_move_nothing() -> None:
    assert RULE.may_act_alone(Money(0, "EUR"), "al")
    assert not RULE.may_act_alone(Money(1, "EUR"), "al")
    assert not DualControlPolicy(authentication_enabled=True).may_act_alone(Money(1, "NOK"), "al")


def test_where_nobody_is_asked_who_they_are_there_is_no_rule() -> None:
    for who in ANONYMOUS:
        assert DualControlPolicy(authentication_enabled=False).may_act_alone(Money(10**9, "NOK"), who)


def test_a_worker_that_was_not_told_learns_from_a_name_that_people_are_asked() -> None:
    assert not DualControlPolicy(authentication_enabled=False).may_act_alone(Money(1, "NOK"), "al")


def test_nobody_is_a_second_person_to_themselves_and_who_is_not_known_is_none() -> None:
    assert others(["bo", TEMPORAL, LOCAL, "al"], "al") == ["bo"]
    assert others(["al"], "al") == []


@pytest.mark.parametrize("name", sorted(ANONYMOUS))
def test_no_client_is_called_what_says_that_nobody_was_known(name: str) -> None:
    assert not is_client(name)
    assert is_client(f"{name}-1")


def test_a_reason_is_one_short_clean_line() -> None:
    assert clean_reason("  refunded at the bank ") == "refunded at the bank"
    for wrong in ("", "  ", "a\nb", "a\x00b", "x" * (MAX_REASON + 1)):
        with pytest.raises(ValueError, match="must"):
            clean_reason(wrong)


@pytest.mark.parametrize("wrong", [{"NOK": -1}, {"XYZ": 1}, {"nok": 1}], ids=str)
def test_a_limit_is_of_a_currency_and_not_less_than_nothing(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="minor units"):
        check_limits(wrong)
    assert check_limits({"NOK": 0}) == {"NOK": 0}
