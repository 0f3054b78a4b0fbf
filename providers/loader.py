"""Finds a provider of one's own by the name in a setting, and says what is wrong with it before anything is sold."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ImportString, TypeAdapter, ValidationError

P = TypeVar("P")
_IMPORTED: TypeAdapter[Any] = TypeAdapter(ImportString[Any])


class ProviderSettingError(Exception):
    """A provider that a setting names cannot be used; the text says why, and which setting it is."""


def load_provider(protocol: Callable[..., P], setting: str, named: str) -> P | None:
    """Return the provider named `module:Class`, made without arguments; None when nothing is named.

    It takes its own settings from the environment. Raises ProviderSettingError when it cannot be
    imported or made, lacks something of the protocol, or does not say that it is outside.
    """
    if not named:
        return None
    where = f"CHANGEOVER_{setting}={named}"
    provider = _made(where, named)
    lacking = _lacking(protocol, provider)
    if lacking:
        raise ProviderSettingError(f"{where} is no {getattr(protocol, '__name__', '')}: {'; '.join(lacking)}")
    if provider.external is not True:
        raise ProviderSettingError(f"{where} must say `external = True`: it does not join our transactions")
    found: P = provider
    return found


def _made(where: str, named: str) -> Any:
    try:
        kind = _IMPORTED.validate_python(named)
    except ValidationError as error:
        said = "; ".join(each["msg"] for each in error.errors(include_input=False, include_url=False))
        raise ProviderSettingError(f"{where} cannot be imported: {said}") from None
    try:
        return kind()
    except ValidationError as error:
        # Names only: what a setting holds may be a secret.
        wrong = ", ".join(f"{'.'.join(map(str, each['loc']))} ({each['type']})" for each in error.errors())
        raise ProviderSettingError(f"{where} lacks settings of its own: {wrong}") from None
    except TypeError as error:
        raise ProviderSettingError(f"{where} cannot be made without arguments: {error}") from error


def _lacking(protocol: object, provider: object) -> list[str]:
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return [said for name in members if (said := _lacks(protocol, provider, name))]


def _lacks(protocol: object, provider: object, name: str) -> str | None:
    """Say what is wrong with one member: its absence, or that it cannot be called as we call it."""
    if not hasattr(provider, name):
        return f"it has no {name}"
    asked = getattr(protocol, name)
    if isinstance(asked, property):
        return None
    ours = list(inspect.signature(asked).parameters)[1:]
    try:
        inspect.signature(getattr(provider, name)).bind(*ours)
    except (TypeError, ValueError):
        return f"{name} does not take ({', '.join(ours)})"
    return None
