"""Formats of what is stored: whether a release can carry out a request that another release has stored.

A stored request names the lowest format that expresses it (`needs`). A worker reads members that it does not know as
absent, which is right only in a format that it knows: it does not carry out a request that needs a later one.
"""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

FIRST = 1
"""The format of 0.1.0, which every release knows."""

ADDED: Mapping[str, int] = {}
"""Members of stored requests, plans and quotes that 0.1.0 did not have ("ChangeRequest.at_most"), with the format that
a value other than the default needs: FIRST if a release that ignores the member does no harm, else the next number.

tests/domain/stored_members.json lists the members of 0.1.0; a test refuses any other one that is not named here.
"""

KNOWN = max(ADDED.values(), default=FIRST)
"""The latest format that this release knows."""


class NewerWorkerNeededError(Exception):
    """A request needs a later format than this release knows; it waits for a newer worker.

    `begun` tells whether a worker has claimed it already; else nothing is done for it yet.
    """

    def __init__(self, *, begun: bool) -> None:
        super().__init__("a newer worker is needed")
        self.begun = begun


def needs(document: BaseModel) -> int:
    """Return the lowest format that expresses a document."""
    return max(_formats(document), default=FIRST) if ADDED else FIRST


def _formats(value: object) -> Iterator[int]:
    """Yield the formats that the members of a value need, at any depth."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from _formats(each)
    if not isinstance(value, BaseModel):
        return
    kinds = [kind.__name__ for kind in type(value).__mro__]
    for name, field in type(value).model_fields.items():
        member = getattr(value, name)
        if field.is_required() or member != field.default:
            yield from (ADDED[f"{kind}.{name}"] for kind in kinds if f"{kind}.{name}" in ADDED)
            yield from _formats(member)
