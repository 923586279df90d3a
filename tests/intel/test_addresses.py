"""Canonical addresses, and the client behind proxies."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intel.addresses import HOPS, Range, TrustedProxies, canonical_ip, client_ip, is_public, network, number


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.7", "203.0.113.7"), (" 203.0.113.7 ", "203.0.113.7"), ("203.0.113.7:5678", "203.0.113.7"), ('"203.0.113.7"', "203.0.113.7"), ("0.0.0.0", "0.0.0.0"),
        ("[::1]:443", "::1"), ("[::1]", "::1"), ('"[2001:db8::1]:8080"', "2001:db8::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"), ("[fe80::1%25en0]:80", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"), ("::FFFF:cb00:7107", "203.0.113.7"), ("[::ffff:203.0.113.7]:443", "203.0.113.7"), ("::", "::"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("", ""), (" ", ""), ("not-an-ip", ""), ("unknown", ""), ("_hidden", ""), ("1.2.3", ""), ("1.2.3.4.5", ""), ("256.1.1.1", ""), ("01.2.3.4", ""), ("1.2.3.4:", ""), ("1.2.3.4:x", ""),
        ("1.2.3.4:123456", ""), ("1.2.3.-4", ""), ("0x7f.0.0.1", ""), ("2130706433", ""), (":::", ""), ("[::1", ""), ("::1]", ""), ("[]", ""), ("1::2::3", ""), ("g::1", ""), ("1.2.3.4\n5", ""),
        ("１.2.3.4", ""), ("\ud800", ""), ("1" * 100_000, ""), ("[" * 1000, ""), ("::1%" + "z" * 1000, ""), ("203.0.113.7, 203.0.113.8", ""),
    ],
)  # fmt: skip
def test_canonical_ip(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical


@given(st.ip_addresses())
def test_every_spelling_has_one_canonical_form(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    expected = str(mapped or address)
    for spelling in (
        str(address),
        address.exploded,
        address.exploded.upper(),
        f"[{address}]:443" if address.version == 6 else f"{address}:443",
    ):
        assert canonical_ip(spelling) == expected
    assert canonical_ip(expected) == expected
    version, value = number(expected)
    assert value == int(ipaddress.ip_address(expected))
    assert version == ipaddress.ip_address(expected).version


@given(st.text(max_size=70))
def test_canonical_ip_is_an_address_or_nothing(text: str) -> None:
    found = canonical_ip(text)
    assert found == "" or str(ipaddress.ip_address(found)) == found


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3.4.5", "1.2.3.400", "a.b.c.d", "1:2", "1::2::3", "::12345", "x::", "1:2:3:4:5:6:7:8:9"])
def test_number_refuses_what_is_not_canonical(text: str) -> None:
    with pytest.raises(ValueError, match="not a canonical address"):
        number(text)


def test_number_of_nothing() -> None:
    assert number("") == (0, 0)


def test_network() -> None:
    assert network("203.0.113.9/24") == Range(4, 0xCB007100, 0xCB0071FF)
    assert network(" 203.0.113.9 ") == Range(4, 0xCB007109, 0xCB007109)
    assert network("::ffff:203.0.113.0/120") == Range(4, 0xCB007100, 0xCB0071FF)
    assert network("2001:db8::/127") == Range(6, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1)
    with pytest.raises(ValueError, match="not an address or a CIDR"):
        network("203.0.113.0/33")


@given(st.ip_addresses(), st.integers(0, 128))
def test_networks_are_those_of_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> None:
    bits = min(bits, address.max_prefixlen)
    expected = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    if getattr(address, "ipv4_mapped", None) is None:
        assert network(f"{address}/{bits}") == Range(address.version, int(expected[0]), int(expected[-1]))


# proxies

NONE = TrustedProxies()
EDGE = TrustedProxies.parse(["10.0.0.0/8", "198.51.100.7", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "trusted", "client"),
    [
        ("203.0.113.7", None, NONE, "203.0.113.7"),
        ("203.0.113.7", "192.0.2.1", NONE, "203.0.113.7"),
        ("203.0.113.7", "192.0.2.1", EDGE, "203.0.113.7"),
        ("10.1.2.3", None, EDGE, "10.1.2.3"),
        ("10.1.2.3", "", EDGE, "10.1.2.3"),
        ("10.1.2.3", "192.0.2.1", EDGE, "192.0.2.1"),
        ("10.1.2.3:9999", "192.0.2.1:5678", EDGE, "192.0.2.1"),
        ("10.1.2.3", "1.1.1.1, 192.0.2.1", EDGE, "192.0.2.1"),
        ("10.1.2.3", "192.0.2.1, 198.51.100.7, 10.9.9.9", EDGE, "192.0.2.1"),
        ("10.1.2.3", "6.6.6.6, 192.0.2.1, 198.51.100.7", EDGE, "192.0.2.1"),
        ("10.1.2.3", "10.0.0.1, 10.0.0.2", EDGE, "10.0.0.1"),
        ("2001:db8:ffff::1", "[2001:db8::5]:443", EDGE, "2001:db8::5"),
        ("::ffff:10.1.2.3", "::ffff:192.0.2.1", EDGE, "192.0.2.1"),
        ("10.1.2.3", "unknown", EDGE, ""),
        ("10.1.2.3", "192.0.2.1, unknown, 10.0.0.1", EDGE, ""),
        ("10.1.2.3", "192.0.2.1,,10.0.0.1", EDGE, ""),
        ("not-an-ip", "192.0.2.1", EDGE, ""),
        (None, "192.0.2.1", EDGE, ""),
        (None, None, NONE, ""),
        ("", None, NONE, ""),
        ("10.1.2.3", "'; drop", EDGE, ""),
    ],
)
def test_client_ip(peer: str | None, forwarded_for: str | None, trusted: TrustedProxies, client: str) -> None:
    assert client_ip(peer, forwarded_for, trusted) == client


def test_a_forged_chain_of_any_length_ends() -> None:
    assert client_ip("10.1.2.3", ", ".join(["10.0.0.1"] * 50_000), EDGE) == "10.0.0.1"
    assert client_ip("10.1.2.3", "192.0.2.1, " + "10.0.0.1," * (HOPS - 1) + "10.0.0.2", EDGE) in {"10.0.0.1", "192.0.2.1"}
    assert client_ip("10.1.2.3", "," * 1_000_000, EDGE) == ""


@given(st.lists(st.ip_addresses(), max_size=6), st.ip_addresses(v=4, network="192.0.2.0/24"), st.integers(0, 4))
def test_what_the_client_writes_never_counts(forged: list[ipaddress.IPv4Address], client: ipaddress.IPv4Address, proxies: int) -> None:
    chain = [*map(str, forged), str(client), *["10.0.0.9"] * proxies]
    assert client_ip("10.1.2.3", ", ".join(chain), EDGE) == str(client)


def test_a_malformed_proxy_is_named() -> None:
    with pytest.raises(ValueError, match=r"trusted proxy '10\.0\.0/8' is not an address or a CIDR"):
        TrustedProxies.parse(["10.0.0.0/8", "10.0.0/8"])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("", False), ("0.0.0.0", False), ("9.255.255.255", True), ("10.0.0.1", False), ("11.0.0.0", True), ("100.63.255.255", True),
        ("100.64.0.1", False), ("100.127.255.255", False), ("100.128.0.0", True), ("127.0.0.1", False), ("169.254.169.254", False),
        ("169.255.0.0", True), ("172.15.255.255", True), ("172.16.0.1", False), ("172.31.255.255", False), ("172.32.0.0", True),
        ("192.168.1.1", False), ("192.169.0.0", True), ("203.0.113.7", True), ("224.0.0.1", False), ("::", False), ("::1", False),
        ("fc00::1", False), ("fdff::1", False), ("fe80::1", False), ("febf::1", False), ("fec0::1", True), ("2001:db8::1", True), ("::2", True),
    ],
)  # fmt: skip
def test_public_addresses_are_those_of_the_internet(address: str, public: bool) -> None:
    assert is_public(address) is public
