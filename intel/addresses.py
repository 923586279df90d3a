"""Client addresses: their canonical text, and which of several hops is the client."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

LONGEST = 64
"""Characters; no address with zone and port is longer, and nothing longer is worth remembering."""

HOPS = 20
"""Proxies that are walked back through X-Forwarded-For; a longer chain is forged."""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ipv4 = re.compile(rf"({_OCTET}(?:\.{_OCTET}){{3}})(?::\d{{1,5}})?", re.ASCII).fullmatch
_cidr4 = re.compile(rf"({_OCTET}(?:\.{_OCTET}){{3}})(?:/(3[0-2]|[12]?\d))?", re.ASCII).fullmatch
_bracketed = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?").fullmatch


def canonical_ip(text: str) -> str:
    """The one spelling of an address, "" when it is none: no port, brackets, zone or spaces, IPv6 compressed in lower case (RFC 5952), IPv4-mapped IPv6 as IPv4."""
    return _canonical(text) if len(text) <= LONGEST else ""


def canonical_ips(texts: Iterable[str | None]) -> list[str]:
    """`canonical_ip` of each, "" of none."""
    return [_canonical(text) if text and len(text) <= LONGEST else "" for text in texts]


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str:
    text = text.strip().strip('"')
    if found := _ipv4(text):
        return found[1]
    if found := _bracketed(text):
        text = found[1]
    if ":" not in text:
        return ""
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(address.ipv4_mapped or address)


_OCTETS = {str(value): value for value in range(256)}
_EIGHT_GROUPS = ":".join(["%4s"] * 8).replace(":", "")


def number(address: str) -> tuple[int, int]:
    """(4 or 6, the address as an integer) of a canonical address; (0, 0) of "". Anything else raises ValueError."""
    if not address:
        return 0, 0
    try:
        if ":" not in address:
            a, b, c, d = address.split(".")
            return 4, _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
        if "::" in address:
            address = f"{'0' if address[0] == ':' else ''}{address}{'0' if address[-1] == ':' else ''}"
            address = address.replace("::", ":" + "0:" * (8 - address.count(":")))
        digits = (_EIGHT_GROUPS % tuple(address.split(":"))).replace(" ", "0")
        if len(digits) == 32:
            return 6, int(digits, 16)
    except (KeyError, TypeError, ValueError):
        pass
    raise ValueError("not a canonical address")


def is_public(address: str) -> bool:
    """Whether a canonical address is one of the internet's: not private (RFC 1918, RFC 4193), shared (RFC 6598), loopback or link-local. Ranges for
    documentation count as public: tests and examples call from there."""
    if not address:
        return False
    version, value = number(address)
    if version == 6:
        return value > 1 and value >> 121 != 0xFC >> 1 and value >> 118 != 0xFE80 >> 6
    return not any(value >> shift == prefix for shift, prefix in _NOT_PUBLIC)


_NOT_PUBLIC = (
    (24, 0), (24, 10), (22, (100 << 24 | 64 << 16) >> 22), (24, 127), (16, 169 << 8 | 254), (20, (172 << 24 | 16 << 16) >> 20),
    (16, 192 << 8 | 168), (28, 14),
)  # fmt: skip
"""(bits to drop, what remains): 0/8, 10/8, 100.64/10, 127/8, 169.254/16, 172.16/12, 192.168/16; and 224/4, from where nobody calls."""


class Range(NamedTuple):
    """Addresses `first` to `last`, both included, of IP version `version`."""

    version: int
    first: int
    last: int


def network(text: str) -> Range:
    """The addresses of "203.0.113.0/24", "2001:db8::/32" or a single address; host bits are ignored. Raises ValueError, which does not repeat the text."""
    text = text.strip()
    if found := _cidr4(text):  # thirty times as fast, and feeds have 100,000 lines
        size = 1 << (32 - int(found[2] or 32))
        first = number(found[1])[1] & -size
        return Range(4, first, first + size - 1)
    try:
        parsed = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("not an address or a CIDR") from None
    if isinstance(parsed, IPv6Network) and parsed.prefixlen >= 96 and (mapped := parsed.network_address.ipv4_mapped):
        first = int(mapped)
        return Range(4, first, first + parsed.num_addresses - 1)
    first = int(parsed.network_address)
    return Range(parsed.version, first, first + parsed.num_addresses - 1)


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies in front of the gateway whose X-Forwarded-For is believed."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def parse(cls, cidrs: Iterable[str]) -> "TrustedProxies":
        """From addresses and CIDRs; raises ValueError that names the malformed one (it comes from the settings, not from a caller)."""
        ranges = []
        for cidr in cidrs:
            try:
                ranges.append(network(cidr))
            except ValueError:
                raise ValueError(f"trusted proxy {cidr!r} is not an address or a CIDR such as 10.0.0.0/8") from None
        return cls(tuple(ranges))

    def trusts(self, address: str) -> bool:
        """Whether a canonical address is one of the proxies."""
        if not address:
            return False
        version, value = number(address)
        return any(known == version and first <= value <= last for known, first, last in self.ranges)


def client_ip(peer: str | None, forwarded_for: str | None, trusted: TrustedProxies) -> str:
    """The client's canonical address, "" when it is unknown.

    `peer` is who connected to the gateway; X-Forwarded-For is read from the right, and each hop is believed only while the one that reported it is trusted:
    whatever the client itself wrote further left is never reached. A hop that is no address makes the client unknown; a chain of proxies alone gives its first.
    """
    address = canonical_ip(peer) if peer else ""
    if not forwarded_for or not trusted.ranges or not trusted.trusts(address):
        return address
    for hop in reversed(forwarded_for[-HOPS * (LONGEST + 2) :].rsplit(",", HOPS)[-HOPS:]):
        address = canonical_ip(hop)
        if not trusted.trusts(address):
            return address
    return address
