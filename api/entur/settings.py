"""What an installation may choose about the Entur façade."""

from collections.abc import Mapping
from dataclasses import dataclass

NAMED, UNNAMED = "named", "unnamed"


@dataclass(frozen=True)
class EnturSettings:
    """Where supplements are added, which no public page says, and how many requests a minute are taken."""

    supplement_path: str = "/v1/update-order/supplement-products"
    unnamed_per_minute: int = 10
    """Per address, for clients without a well-formed ET-Client-Name."""
    named_per_minute: int = 600
    """Per client name."""

    @property
    def per_minute(self) -> Mapping[str, int]:
        """How many requests of each kind a minute are taken."""
        return {NAMED: self.named_per_minute, UNNAMED: self.unnamed_per_minute}
