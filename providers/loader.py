"""Loads the custom provider that a setting names, and checks it before the process starts."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ImportString, TypeAdapter, ValidationError

P = TypeVar("P")
_IMPORTED: TypeAdapter[Any] = TypeAdapter(ImportString[Any])


class ProviderSettingError(Exception):
    """A provider that a setting names cannot be used; the text names the setting and the reason."""


def load_provider(protocol: Callable[..., P], setting: str, named: str) -> P | None:
    """Return the provider named `module:Class`, or None when the setting is empty.

    The class is called without arguments and reads its own settings from the environment. Raises
    ProviderSettingError when the class cannot be imported or called, when it lacks a member of the
    protocol, or when it does not declare `external = True`.
    """
    if not named:
        return None
    where = f"CHANGEOVER_{setting}={named}"
    provider = _create(where, named)
    missing = _find_missing(protocol, provider)
    if missing:
        raise ProviderSettingError(f"{where} is no {getattr(protocol, '__name__', '')}: {'; '.join(missing)}")
    if provider.external is not True:
        raise ProviderSettingError(f"{where} must declare `external = True`: it cannot join our transactions")
    checked: P = provider
    return checked


@contextmanager
def closing_provider(provider: P) -> Iterator[P]:
    """Yield a provider and close it at the end, if it has something to close."""
    try:
        yield provider
    finally:
        if (close := getattr(provider, "close", None)) is not None:
            close()


def _create(where: str, named: str) -> Any:
    try:
        kind = _IMPORTED.validate_python(named)
    except ValidationError as error:
        reason = "; ".join(each["msg"] for each in error.errors(include_input=False, include_url=False))
        raise ProviderSettingError(f"{where} cannot be imported: {reason}") from None
    try:
        return kind()
    except ValidationError as error:
        # Names only: the value of a setting may be a secret.
        wrong = ", ".join(f"{'.'.join(map(str, each['loc']))} ({each['type']})" for each in error.errors())
        raise ProviderSettingError(f"{where} lacks settings of its own: {wrong}") from None
    except TypeError as error:
        raise ProviderSettingError(f"{where} cannot be created without arguments: {error}") from error


def _find_missing(protocol: Any, provider: object) -> list[str]:
    kinds = [kind for kind in protocol.__mro__ if kind not in (Protocol, Generic, object)]
    members = dict.fromkeys(name for kind in kinds for name in vars(kind) if not name.startswith("_"))
    return [problem for name in members if (problem := _check_member(protocol, provider, name))]


def _check_member(protocol: object, provider: object, name: str) -> str | None:
    """Return what is wrong with one member: it is missing, or its parameters differ from the protocol's."""
    if not hasattr(provider, name):
        return f"it has no {name}"
    declared = getattr(protocol, name)
    if isinstance(declared, property):
        return None
    parameters = list(inspect.signature(declared).parameters)[1:]
    try:
        inspect.signature(getattr(provider, name)).bind(*parameters)
    except (TypeError, ValueError):
        return f"{name} does not take ({', '.join(parameters)})"
    return None
