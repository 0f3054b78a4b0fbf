"""A reseat: other seats for a change that is stuck after its point of no return."""

from pydantic import BaseModel, ConfigDict


class Reseat(BaseModel):
    """One reseat of a stuck change."""

    model_config = ConfigDict(frozen=True)

    change: str
    """The stuck change."""
    number: int
    """Counted per change from 1."""
    seats: tuple[str, ...]
    """The ids of the reservations that get other seats."""
    units: tuple[str, ...] = ()
    """The ids of those that get other units of stock."""


class BegunReseat(BaseModel):
    """A reseat that has begun."""

    model_config = ConfigDict(frozen=True)

    request: str
    """The operator's request for it; the stuck change itself when it was reseated by itself."""
    reseat: Reseat
