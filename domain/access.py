"""Who may ask what, of whose orders."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.dual_control import ANONYMOUS


class Scope(StrEnum):
    """What a client may be allowed to do."""

    READ = "read"
    CHANGE = "change"
    CONFIRM = "confirm"
    """Whatever moves money: confirming, paying, a change in one go."""
    OPERATE = "operate"
    ADMINISTER = "administer"


WHOLE_TENANT = frozenset({Scope.ADMINISTER})
"""What concerns all of a tenant's orders, and is not for a client of one distribution channel."""
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def is_client(name: str) -> bool:
    """Whether a text can be a client's name: not one that says on histories that nobody was known."""
    return _CLIENT.fullmatch(name) is not None and name not in ANONYMOUS


@dataclass(frozen=True)
class TenantAccess:
    """Whose orders somebody sees: a tenant's, of one distribution channel or, for None, of all."""

    tenant: str
    channel: str | None = None

    def allows(self, tenant: str, channel: str | None) -> bool:
        """Whether an order of that tenant and channel is among them."""
        return tenant == self.tenant and (self.channel is None or channel == self.channel)


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    client: str
    """By the id it was registered under; empty where nobody is asked who they are."""
    access: TenantAccess
    scopes: frozenset[Scope]

    @classmethod
    def anonymous(cls, tenant: str) -> "Caller":
        """Return who asks where nobody is asked: all of a tenant's orders, everything allowed."""
        return cls("", TenantAccess(tenant), frozenset(Scope))


def scopes_in(words: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes among words; a token may name others' too."""
    return frozenset(Scope(word) for word in words if word in Scope._value2member_map_)
