"""Which addresses a message to the outside may go to: public ones, and those of networks that the operator allows."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

PLATFORM = frozenset({IPv4Address("168.63.129.16")})
"""Azure's own address inside every virtual machine: public by its number, and never a receiver."""
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""


def is_allowed(address: str, networks: Iterable[str] = ()) -> bool:
    """Whether a connection may go to this address: it is inside one of `networks` (CIDR), or it is public. An IPv6 address that carries an IPv4 address
    is judged by that. Private, loopback, link-local (with the metadata service), shared (RFC 6598), multicast and reserved addresses are not public."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = _carried(found)
    allowed: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]
    if any(found.version == network.version and found in network for network in allowed):
        return True
    return found.is_global and not found.is_multicast and not found.is_reserved and found not in PLATFORM


def _carried(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
