"""Which IP addresses a webhook may be posted to.

`ipaddress` alone is not sufficient. Its `is_global` depends on Python's patch release, and it includes multicast
addresses and private addresses inside IPv6 ones.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_REFUSED_4 = tuple(
    IPv4Network(each)
    for each in (
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata service
        "168.63.129.16/32",  # one cloud's metadata service at a public address
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays, deprecated
    )
)
_REFUSED_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # tunnels and protocols
        "2001:db8::/32",
        "3fff::/20",
    )
)


def is_public(address: Address) -> bool:
    """Whether an address is global unicast; an IPv4 address embedded in an IPv6 one is checked too."""
    if isinstance(address, IPv4Address):
        return _is_public_4(address)
    inner = _embedded_ipv4(address)
    if inner is not None:
        return _is_public_4(inner)
    return address in _UNICAST and address.is_global and not any(address in each for each in _REFUSED_6)


def _is_public_4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or any(address in each for each in _REFUSED_4)
    return address.is_global and not special


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in an IPv6 one (mapped, 6to4 or NAT64), or None."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
