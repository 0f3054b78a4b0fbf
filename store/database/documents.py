"""Documents in columns: JSON that leaves out defaults, and that an earlier release can read too."""

from typing import TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def to_document(value: BaseModel) -> str:
    """Return a value as JSON without members that have their default; therefore a default must never change."""
    return value.model_dump_json(by_alias=True, exclude_defaults=True)


def from_document(kind: type[M], text: str) -> M:
    """Read a value; members that this release does not know are absent.

    Whether a request may be carried out without them, its format tells (domain/formats.py).
    """
    return kind.model_validate_json(text, extra="ignore")
