"""Which addresses of the internet anybody may have us post to.

`ipaddress` alone is not asked: what it calls global depends on Python's patch release, and holds multicast, and
private addresses inside IPv6 ones.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_REFUSED_4 = tuple(
    IPv4Network(each)
    for each in (
        "100.64.0.0/10",  # of carriers, and of a cloud's metadata
        "168.63.129.16/32",  # a cloud's metadata behind a public address
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays that are no longer
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
    """Whether an address is a global unicast one, also where one address is written inside another."""
    if isinstance(address, IPv4Address):
        return _is_public_4(address)
    inner = _inside(address)
    if inner is not None:
        return _is_public_4(inner)
    return address in _UNICAST and address.is_global and not any(address in each for each in _REFUSED_6)


def _is_public_4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or any(address in each for each in _REFUSED_4)
    return address.is_global and not special


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4, NAT64."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
