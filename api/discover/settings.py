"""What an installation may choose about the discover.swiss façade."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DiscoverSettings:
    """Where it is served, and whether validation errors are answered 400 as the older original did."""

    base_path: str = "/b2bmarket/v1"
    strict: bool = False
