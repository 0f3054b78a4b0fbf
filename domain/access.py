"""Callers, their scopes and the orders they may access."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.dual_control import ANONYMOUS


class Scope(StrEnum):
    """An OAuth scope: what a client is allowed to do."""

    READ = "read"
    CHANGE = "change"
    CONFIRM = "confirm"
    """Every request that moves money: confirm, pay, a change in one go."""
    OPERATE = "operate"
    ADMINISTER = "administer"


WHOLE_TENANT = frozenset({Scope.ADMINISTER})
"""Scopes that cover all of a tenant's orders, so a client of one distribution channel cannot have them."""
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def is_client(name: str) -> bool:
    """Whether a text can be a client's name: 1 to 64 characters, and none of the reserved names of anonymous actors."""
    return _CLIENT.fullmatch(name) is not None and name not in ANONYMOUS


@dataclass(frozen=True)
class TenantAccess:
    """The orders a caller may access: a tenant's orders of one distribution channel or, with None, of all channels."""

    tenant: str
    channel: str | None = None

    def allows(self, tenant: str, channel: str | None) -> bool:
        """Whether an order of that tenant and channel may be accessed."""
        return tenant == self.tenant and (self.channel is None or channel == self.channel)


@dataclass(frozen=True)
class Caller:
    """The authenticated caller of a request."""

    client: str
    """The id of the registered client; empty without authentication."""
    access: TenantAccess
    scopes: frozenset[Scope]

    @classmethod
    def anonymous(cls, tenant: str) -> "Caller":
        """Return the caller without authentication: all scopes on all of a tenant's orders."""
        return cls("", TenantAccess(tenant), frozenset(Scope))


def scopes_in(words: Iterable[str]) -> frozenset[Scope]:
    """Return our scopes among the words of a token; words of other systems are ignored."""
    return frozenset(Scope(word) for word in words if word in Scope._value2member_map_)
