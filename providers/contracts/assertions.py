"""Assertions that all contracts use: fresh keys, time limits, and the difference between refusal and fault."""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from providers.errors import ProviderError, ProviderUnavailableError

REFERENCE_LENGTH = 100
"""The longest reference that our database stores, in characters."""


def new_key(step: str) -> str:
    """Return a new key in the form that steps use: the change's id and the step's name."""
    return f"{uuid.uuid4()}/{step}"


@contextmanager
def expect_failure() -> Iterator[None]:
    """Expect that the block raises, a refusal or a fault."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - any error will do, as long as nothing is done
        yield


def call_within(timeout: timedelta, call: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return a call's result or its error. A call that takes longer than the timeout fails the test."""
    results: queue.Queue[tuple[object, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            results.put((call(), None))
        except Exception as error:  # noqa: BLE001 - the test that called judges it
            results.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        return results.get(timeout=timeout.total_seconds())
    except queue.Empty:
        pytest.fail("it takes longer than a step may take")


def assert_fault_within(timeout: timedelta, call: Callable[[], object], *secrets: str) -> None:
    """Assert that a call fails in time with a fault, which may be retried, and that the error holds no secret."""
    result, error = call_within(timeout, call)
    assert error is not None, f"it takes this for an answer: {result}"
    assert is_fault(error), f"{type(error).__name__} is a refusal, but the system behind has refused nothing"
    assert not leaked_secrets(error, *secrets)


def is_fault(error: BaseException) -> bool:
    """Whether an error is a fault, not a refusal by the provider."""
    return not isinstance(error, ProviderError) or isinstance(error, ProviderUnavailableError)


def leaked_secrets(error: BaseException | None, *secrets: str) -> list[str]:
    """Return the secrets that occur in the text of an error or of an error that caused it."""
    leaked: list[str] = []
    while error is not None:
        leaked += [secret for secret in secrets if secret in f"{error!s} {error!r}"]
        error = error.__cause__ or error.__context__
    return leaked
