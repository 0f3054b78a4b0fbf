"""Calls that only ask an external provider end by a deadline, few at once, and fail in one way."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest

from domain.money import Money
from providers.bounded_calls import BoundedCalls, one_deadline
from providers.errors import PaymentDeclinedError, ProviderAnswerWrongError, ProviderUnavailableError
from telemetry.stopwatch import Stopwatch
from tests.support.canary import FAMILY, find_canaries
from tests.telemetry.test_counters import Growth

SHORT, LONG = timedelta(milliseconds=200), timedelta(seconds=30)


def bounded(timeout: timedelta = LONG, at_once: int = 2, *, in_transaction: bool = False) -> BoundedCalls:
    return BoundedCalls("tested", timeout, at_once, in_transaction=lambda: in_transaction)


def counted(act: str, result: str) -> Growth:
    return Growth("changeover_provider_seconds_count", provider="tested", act=act, result=result)


@contextmanager
def hanging() -> Iterator[threading.Event]:
    """Yield an event for which a provider waits before it answers; it is set at the end of the block."""
    over = threading.Event()
    try:
        yield over
    finally:
        over.set()


def test_an_answer_is_returned_and_counted() -> None:
    calls, done = bounded(), counted("ask", "done")
    assert calls.call("ask", lambda: Money(1, "NOK")) == Money(1, "NOK")
    assert (done.grown, calls.unavailable) == (1, False)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ProviderUnavailableError(FAMILY), "failed"),
        (PaymentDeclinedError(FAMILY), "failed"),
        (KeyError(FAMILY), "failed"),
        (ProviderAnswerWrongError("a price is negative"), "invalid"),
    ],
)
def test_any_error_of_a_provider_is_one_fault_without_its_text(error: Exception, result: str) -> None:
    calls, failed = bounded(), counted("ask", result)

    def fail() -> None:
        raise error

    with pytest.raises(ProviderUnavailableError) as failure:
        calls.call("ask", fail)
    assert not find_canaries(repr(failure.value).encode())
    assert failure.value.__cause__ is None
    assert (failed.grown, calls.unavailable) == (1, True)
    assert calls.call("ask", lambda: 1) == 1
    assert not calls.unavailable


def test_a_call_ends_at_its_deadline_though_the_provider_does_not_answer() -> None:
    calls, late, stopwatch = bounded(SHORT), counted("ask", "late"), Stopwatch()
    with hanging() as over, pytest.raises(ProviderUnavailableError):
        calls.call("ask", over.wait)
    assert 0.2 <= stopwatch.seconds < 5
    assert (late.grown, calls.unavailable) == (1, True)


def test_calls_with_one_deadline_end_together() -> None:
    calls, requested = bounded(timedelta(milliseconds=500), at_once=5), []
    with hanging() as over:

        def ask(number: int) -> None:
            requested.append(number)
            over.wait(0.2)

        stopwatch = Stopwatch()
        with pytest.raises(ProviderUnavailableError), one_deadline():
            with one_deadline():
                calls.call("ask", lambda: ask(1))
            for number in range(2, 20):
                calls.call("ask", partial(ask, number))
        assert stopwatch.seconds < 3
        assert len(requested) <= 4
        calls.call("ask", lambda: None)


def test_a_deadline_that_is_over_asks_nothing_more() -> None:
    calls, requested = bounded(SHORT), []
    with hanging() as over, one_deadline():
        with pytest.raises(ProviderUnavailableError):
            calls.call("ask", over.wait)
        with pytest.raises(ProviderUnavailableError):
            calls.call("ask", lambda: requested.append(1))
    assert not requested


def test_only_so_many_wait_and_others_fail_at_once() -> None:
    calls, full = bounded(at_once=2), counted("ask", "full")
    with hanging() as over, ThreadPoolExecutor(2) as pool:
        begun = threading.Barrier(3)

        def wait() -> str:
            begun.wait(10)
            over.wait(20)
            return "late"

        waiting = [pool.submit(calls.call, "ask", wait) for _ in range(2)]
        begun.wait(10)
        stopwatch = Stopwatch()
        for _ in range(20):
            with pytest.raises(ProviderUnavailableError):
                calls.call("ask", lambda: 1)
        assert stopwatch.seconds < 5
        over.set()
        assert [each.result() for each in waiting] == ["late", "late"]
    assert full.grown == 20
    # A full waiting room says nothing of the provider: it answered.
    assert not calls.unavailable
    assert calls.call("ask", lambda: 1) == 1


def test_a_call_that_missed_its_deadline_keeps_its_place_until_it_ends() -> None:
    calls = bounded(SHORT, at_once=1)
    with hanging() as over:
        with pytest.raises(ProviderUnavailableError, match="late"):
            calls.call("ask", over.wait)
        with pytest.raises(ProviderUnavailableError, match="full"):
            calls.call("ask", lambda: 1)
    for thread in threading.enumerate():
        if thread.name == "tested":
            thread.join(10)
    assert calls.call("ask", lambda: 1) == 1


def test_nothing_is_asked_within_a_transaction() -> None:
    requested: list[int] = []
    with pytest.raises(RuntimeError, match="within a transaction"):
        bounded(in_transaction=True).call("ask", lambda: requested.append(1))
    assert not requested


def test_a_caller_that_asks_again_and_again_finds_its_place_free() -> None:
    calls, interval = bounded(at_once=1), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as on a busy machine
    try:
        assert [calls.call("search", lambda: "answer") for _ in range(2_000)] == ["answer"] * 2_000
    finally:
        sys.setswitchinterval(interval)
