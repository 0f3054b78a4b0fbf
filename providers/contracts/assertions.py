"""What contracts have in common: keys of their own, and how a provider says no or that something broke."""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from providers.errors import ProviderError, ProviderUnavailableError

REFERENCE_LENGTH = 100
"""What our books have room for."""


def new_key(part: str) -> str:
    """Return a key as steps have them: a change and its part."""
    return f"{uuid.uuid4()}/{part}"


@contextmanager
def not_done() -> Iterator[None]:
    """Expect that the block fails, by a refusal or a fault."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it says, it must not be done
        yield


def heard_within(patience: timedelta, act: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return what an act answers, or how it fails, within the time it has: one that hangs is not waited for."""
    heard: queue.Queue[tuple[object, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            heard.put((act(), None))
        except Exception as error:  # noqa: BLE001 - the law that asked judges it
            heard.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        return heard.get(timeout=patience.total_seconds())
    except queue.Empty:
        pytest.fail("it takes longer than a step may take")


def a_fault_within(patience: timedelta, act: Callable[[], object], *secrets: str) -> None:
    """Expect that an act fails as what may be tried again, in time, and tells no secret."""
    answered, fault = heard_within(patience, act)
    assert fault is not None, f"it takes this for an answer: {answered}"
    assert is_fault(fault), f"{type(fault).__name__} is a refusal, and nobody has refused"
    assert not told(fault, *secrets)


def is_fault(error: BaseException) -> bool:
    """Whether an error means that something broke, not that the provider said no."""
    return not isinstance(error, ProviderError) or isinstance(error, ProviderUnavailableError)


def told(error: BaseException | None, *secrets: str) -> list[str]:
    """Return the secrets that an error tells, or one it came from."""
    found: list[str] = []
    while error is not None:
        found += [secret for secret in secrets if secret in f"{error!s} {error!r}"]
        error = error.__cause__ or error.__context__
    return found
