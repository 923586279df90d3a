"""Feeds of every form parsed, refused and compiled; look-ups against a plain oracle."""

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intel.addresses import Range, network
from intel.feeds import MAX_AGE, Feed, Kind, Parsed, describe
from intel.formats import parse
from intel.index import FORMAT, Index, compile_index, pack, unpack

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOR = Feed("tor-exits", "tor", "CC0", NOW)
BAD = Feed("bad", "malicious", "CC BY 4.0", NOW)
ALLOW = Feed("partners", "allow", "", NOW)


def parsed(content: str, feed: Feed = BAD, own: tuple[str, ...] = ()) -> Parsed:
    return parse(feed, content.encode(), NOW, tuple(network(cidr) for cidr in own))


def addresses(found: Parsed) -> list[str]:
    return [
        str(ipaddress.ip_address(entry.first))
        if entry.first == entry.last
        else f"{ipaddress.ip_address(entry.first)}+{entry.last - entry.first}"
        for entry in found.ranges
    ]


# formats


@pytest.mark.parametrize(
    ("content", "format_", "entries", "bad"),
    [
        ("", "empty", [], 0),
        ("\n \n", "empty", [], 0),
        ("192.0.2.1\n192.0.2.2\n2001:db8::1\n", "list", ["192.0.2.1", "192.0.2.2", "2001:db8::1"], 0),
        ("\ufeff192.0.2.1\r\n192.0.2.2\r\n", "list", ["192.0.2.1", "192.0.2.2"], 0),
        ("# FireHOL\n#\n192.0.2.0/24\n198.51.100.7 # note\n", "list", ["192.0.2.0+255", "198.51.100.7"], 0),
        ("; Spamhaus DROP List\n192.0.2.0/24 ; SBL1\n", "list", ["192.0.2.0+255"], 0),
        ("192.0.2.1\t9\n192.0.2.2\t1\n", "scored list", ["192.0.2.1", "192.0.2.2"], 0),
        ("ExitNode ABC\nPublished 2026-01-01 00:00:00\nLastStatus 2026-01-01 00:00:00\nExitAddress 192.0.2.9 2026-01-01 00:00:00\n", "list", ["192.0.2.9"], 0),
        ("192.0.2.1-192.0.2.9\n", "list", ["192.0.2.1+8"], 0),
        ("192.0.2.0\t192.0.2.255\t24\t100\n", "list", ["192.0.2.0+255"], 0),
        ("192.0.2.1:8080\n[2001:db8::1]:443\n", "list", ["192.0.2.1", "2001:db8::1"], 0),
        ("hello\n192.0.2.1\n999.1.1.1\n192.0.2.9-192.0.2.1\n", "list", ["192.0.2.1"], 3),
        ("<!DOCTYPE html>\n<html><body>404</body></html>\n", "no list of addresses", [], 2),
        ("ip,first_seen\n192.0.2.1,2026-01-01\nx,2026-01-01\n", "csv", ["192.0.2.1"], 1),
        ('# abuse.ch\n"2026-01-01 00:00:00","192.0.2.1","443","online"\n"2026-01-02 00:00:00","192.0.2.2","447","offline"\n', "csv", ["192.0.2.1", "192.0.2.2"], 0),
        ('first_seen_utc,ioc_id,ioc_value,ioc_type\n"x","1","192.0.2.1:8443","ip:port"\n', "csv", ["192.0.2.1"], 0),
        ("when;who;what\n1;192.0.2.1;a\n2;192.0.2.2;b\n", "csv", ["192.0.2.1", "192.0.2.2"], 0),
        ('["192.0.2.1", "192.0.2.0/30", "x", 5, null]', "json", ["192.0.2.1", "192.0.2.0+3"], 3),
        ('[{"ip": "192.0.2.1"}, {"Indicator": "192.0.2.2"}, {"other": 1}]', "json", ["192.0.2.1", "192.0.2.2"], 1),
        ("[192.0.2.1]\n", "list", ["192.0.2.1"], 0),
        ('{"a": ', "no list of addresses", [], 1),
        ("5", "no list of addresses", [], 1),
    ],
)  # fmt: skip
def test_formats(content: str, format_: str, entries: list[str], bad: int) -> None:
    found = parsed(content)
    assert (found.format, addresses(found), found.bad) == (format_, entries, bad)


def test_scores_below_the_minimum_are_left_out() -> None:
    feed = BAD._replace(min_score=3)
    assert addresses(parsed("192.0.2.1\t9\n192.0.2.2\t2\n", feed)) == ["192.0.2.1"]
    assert parsed("192.0.2.1\t9\n192.0.2.2\t2\n", feed).below_score == 1
    assert addresses(parsed("ip,score\n192.0.2.1,90\n192.0.2.2,1\n", feed)) == ["192.0.2.1"]
    assert addresses(parsed('[{"ip":"192.0.2.1","confidence":80},{"ip":"192.0.2.2","confidence":1}]', feed)) == ["192.0.2.1"]


def indicator(pattern: Any, **fields: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-01-01T00:00:00Z",
        **fields,
    }


def bundle(*objects: Any) -> str:
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects})


@pytest.mark.parametrize(
    ("pattern", "entries"),
    [
        ("[ipv4-addr:value = '192.0.2.1']", ["192.0.2.1"]),
        ("[ipv4-addr:value='192.0.2.0/24']", ["192.0.2.0+255"]),
        ("[ipv6-addr:value = '2001:db8::1']", ["2001:db8::1"]),
        ("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", ["192.0.2.1", "192.0.2.2"]),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", ["192.0.2.0+255"]),
        ("[ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value = '192.0.2.2']", ["192.0.2.1", "192.0.2.2"]),
        ("[ipv4-addr:value = '192.0.2.1'] OR [ipv6-addr:value = '2001:db8::1']", ["192.0.2.1", "2001:db8::1"]),
        ("[network-traffic:src_ref.value = '192.0.2.1']", ["192.0.2.1"]),
    ],
)
def test_stix_patterns(pattern: str, entries: list[str]) -> None:
    found = parsed(bundle(indicator(pattern)))
    assert (found.format, addresses(found), found.bad, found.unsupported) == ("stix", entries, 0, 0)


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 443]",
        "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.2']",
        "[ipv4-addr:value != '192.0.2.1']",
        "[NOT ipv4-addr:value = '192.0.2.1']",
        "[ipv4-addr:value LIKE '192.0.%']",
        "[domain-name:value = 'evil.example']",
        "[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'evil.example' AND url:value = 'x']",
        "[file:hashes.MD5 = 'x']",
    ],
)
def test_stix_patterns_that_ask_for_more_accuse_no_address(pattern: str) -> None:
    found = parsed(bundle(indicator(pattern)))
    assert (found.ranges, found.unsupported) == ((), 1)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, True),
        ({"valid_until": "2026-11-24T12:00:01Z"}, True),
        ({"valid_until": "2026-11-24T12:00:00Z"}, False),
        ({"valid_until": "2026-11-24T12:30:00+01:00"}, False),
        ({"valid_from": "2026-11-25T00:00:00.000Z"}, False),
        ({"revoked": True}, False),
        ({"indicator_types": ["benign"]}, False),
        ({"indicator_types": ["malicious-activity"]}, True),
    ],
)
def test_stix_indicators_are_honoured_while_they_are_valid(fields: dict[str, Any], kept: bool) -> None:
    found = parsed(bundle(indicator("[ipv4-addr:value = '192.0.2.1']", **fields)))
    assert (len(found.ranges), found.expired) == ((1, 0) if kept else (0, 1))


def test_malformed_stix_objects_are_counted() -> None:
    bad = (
        indicator(5),
        indicator("[ipv4-addr:value = '192.0.2.1']", valid_until="soon"),
        indicator("[ipv4-addr:value = '192.0.2.999']"),
        indicator("[ipv4-addr:value = '192.0.2.1']", valid_until=5),
    )
    found = parsed(bundle("x", 5, None, {"type": "malware"}, *bad, indicator("[ipv4-addr:value = '192.0.2.1']")))
    assert (addresses(found), found.bad) == (["192.0.2.1"], 4)


def test_a_taxii_envelope_and_a_bare_indicator_are_read_too() -> None:
    one = indicator("[ipv4-addr:value = '192.0.2.1']")
    assert [addresses(parsed(json.dumps(document))) for document in ({"more": False, "objects": [one]}, one, [one])] == [["192.0.2.1"]] * 3


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_feed(content: bytes) -> None:
    found = parse(BAD, content, NOW)
    compile_index([found])


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["objects", "type", "pattern", "ip", "score"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_json_is_a_feed(document: Any) -> None:
    compile_index([parse(BAD, json.dumps(document).encode(), NOW)])


def test_deep_json_is_a_feed() -> None:
    assert parse(BAD, b"[" * 200_000, NOW).ranges == ()
    assert parse(BAD, b'{"objects":' * 100_000, NOW).ranges == ()


# refusal


@pytest.mark.parametrize(
    "cidr",
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.0/12", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.0/4", "::", "::1", "fe80::1", "fc00::/7", "fd00::1",
     "ff02::1", "64:ff9b::1", "0.0.0.0/0", "::/0", "8.0.0.0/7", "2a00::/15", "2000::/3", "::ffff:10.0.0.1"],
)  # fmt: skip
def test_private_reserved_and_far_too_wide_entries_are_refused(cidr: str) -> None:
    found = parsed(f"{cidr}\n192.0.2.1\n")
    assert (addresses(found), found.refused) == (["192.0.2.1"], 1)


def test_the_tenants_own_addresses_are_refused() -> None:
    found = parsed("203.0.113.7\n203.0.113.0/28\n203.0.112.0/22\n192.0.2.1\n", own=("203.0.113.0/24",))
    assert (addresses(found), found.refused) == (["203.0.112.0+1023", "192.0.2.1"], 2)
    index = compile_index([found], [network("203.0.113.0/24")])
    assert [bool(index.find(ip)) for ip in ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0")] == [True, False, False, True]


def test_private_addresses_inside_a_wider_entry_are_on_no_list() -> None:
    index = compile_index([parsed("172.0.0.0/8\n")])
    assert [bool(index.find(ip)) for ip in ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0")] == [True, False, False, True]


def test_allow_lists_win_over_every_other() -> None:
    feeds = [
        parsed("192.0.2.0/24\n2001:db8::/32\n"),
        parsed("192.0.2.5\n", TOR),
        parsed("192.0.2.4/30\n2001:db8:1::/48\n10.0.0.0/8\n", ALLOW),
    ]
    index = compile_index(feeds)
    assert [index.find(ip) for ip in ("192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.8", "2001:db8:1::9", "2001:db8:2::9")] == [
        (BAD,),
        (),
        (),
        (BAD,),
        (),
        (BAD,),
    ]
    assert feeds[2].refused == 0


# look-up


def test_an_empty_index_lists_nobody() -> None:
    for index in (Index(), compile_index([]), compile_index([parsed("")])):
        assert [
            index.find(ip)
            for ip in ("", "192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        ] == [()] * 7


def test_an_address_on_two_lists_is_found_on_both_in_their_order() -> None:
    index = compile_index([parsed("192.0.2.1\n192.0.2.2\n", TOR), parsed("192.0.2.2\n192.0.2.2\n192.0.2.0/30\n")])
    assert index.find("192.0.2.1") == (TOR, BAD)
    assert index.find("192.0.2.3") == (BAD,)
    assert index.find("192.0.2.4") == ()


_cidrs = st.builds(
    lambda base, bits: f"{ipaddress.ip_address((192 << 24) + (1 << 16) * 5 + base)}/{bits}", st.integers(0, 600), st.integers(22, 32)
)
_cidrs6 = st.builds(
    lambda base, bits: f"{ipaddress.ip_address((0x2001_0DB8 << 96) + base)}/{bits}", st.integers(0, 600), st.integers(118, 128)
)
_lists = st.lists(_cidrs | _cidrs6, max_size=12)


@given(
    st.lists(st.tuples(st.sampled_from(["tor", "malicious", "allow"]), _lists), max_size=4),
    st.lists(_cidrs | _cidrs6, max_size=2),
    st.lists(st.integers(0, 700), min_size=1, max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_look_ups_agree_with_the_standard_library(lists: list[tuple[Kind, list[str]]], own: list[str], offsets: list[int]) -> None:
    feeds = [Feed(f"feed-{place}", kind, "", NOW) for place, (kind, _) in enumerate(lists)]
    holes = [network(cidr) for cidr in own]
    index = compile_index(
        [parse(feed, "\n".join(cidrs).encode(), NOW, holes) for feed, (_, cidrs) in zip(feeds, lists, strict=True)], holes
    )
    again = unpack(pack(index))
    for offset in offsets:
        for address in (ipaddress.ip_address((192 << 24) + (1 << 16) * 5 + offset), ipaddress.ip_address((0x2001_0DB8 << 96) + offset)):

            def holds(cidrs: list[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address = address) -> bool:
                return any(address in ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)

            silent = holds(own) or any(kind == "allow" and holds(cidrs) for kind, cidrs in lists)
            expected = (
                () if silent else tuple(feed for feed, (kind, cidrs) in zip(feeds, lists, strict=True) if kind != "allow" and holds(cidrs))
            )
            assert index.find(str(address)) == expected
            assert again.find(str(address)) == expected


def test_the_ends_of_the_address_line() -> None:
    feed = parsed("223.255.255.255\n1.0.0.0\n3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n2000::\n")
    index = compile_index([feed])
    assert [
        bool(index.find(ip))
        for ip in (
            "223.255.255.255",
            "1.0.0.0",
            "0.255.255.255",
            "224.0.0.0",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2000::",
            "2000::1",
            "4000::",
        )
    ] == [True, True, False, False, True, True, False, False]


# persistence


def test_a_packed_index_comes_back_whole() -> None:
    index = compile_index([parsed("192.0.2.1\nx\n", TOR), parsed("192.0.2.0/24\n10.0.0.1\n2001:db8::/48\n"), parsed("192.0.2.9\n", ALLOW)])
    again = unpack(pack(index))
    assert again.feeds == index.feeds
    assert (again.entries, again.labelled) == (index.entries, index.labelled)
    assert again.warnings(NOW) == index.warnings(NOW)
    assert pack(again) == pack(index)


def test_what_is_no_packed_index_is_refused() -> None:
    whole = pack(compile_index([parsed("192.0.2.1\n2001:db8::1\n")]))
    for broken in (
        b"",
        b"x",
        whole[:-1],
        whole + b"x",
        msgspec.msgpack.encode([FORMAT]),
        msgspec.msgpack.encode({"a": 1}),
        msgspec.msgpack.encode([FORMAT, [], [], [], [], b"", b"", b"", b""]),
    ):
        with pytest.raises(ValueError, match="not a packed index"):
            unpack(broken)
    newer = msgspec.msgpack.encode([FORMAT + 1, *msgspec.msgpack.decode(whole)[1:]])
    with pytest.raises(ValueError, match=f"format {FORMAT + 1}; this version reads {FORMAT}"):
        unpack(newer)
    crossed = msgspec.msgpack.decode(whole)
    crossed[6] = b"\x09\x00" * (len(crossed[6]) // 2)
    with pytest.raises(ValueError, match="its parts do not fit"):
        unpack(msgspec.msgpack.encode(crossed))


@given(st.binary(max_size=200))
def test_any_bytes_unpack_or_are_refused(packed: bytes) -> None:
    try:
        unpack(packed)
    except ValueError as error:
        assert "index of format" in str(error) or "not a packed index" in str(error)  # noqa: PT017  either outcome is fine, another exception is not


# age, warnings


def test_a_feed_is_stale_when_it_is_older_than_its_kind_allows() -> None:
    for kind, age in MAX_AGE.items():
        assert not Feed("x", kind, fetched_at=NOW - age).is_stale(NOW)
        assert Feed("x", kind, fetched_at=NOW - age - timedelta(seconds=1)).is_stale(NOW)
    assert Feed("x", "malicious").is_stale(NOW)
    assert Feed("x", "malicious", fetched_at=NOW - timedelta(hours=2), max_age=timedelta(hours=1)).is_stale(NOW)


def test_warnings_count_and_never_quote() -> None:
    old = BAD._replace(fetched_at=NOW - timedelta(days=30))
    index = compile_index(
        [parsed("10.1.2.3\nsecret-line\n192.0.2.1\n", old), parsed("<html>", TOR), parsed("192.0.2.1\n", Feed("undated", "malicious"))]
    )
    assert index.warnings(NOW) == (
        "feed 'bad' is stale: 720 hours old",
        "feed 'bad': 1 entries refused: private, reserved, your own or too wide",
        "feed 'bad': 1 lines without an address skipped",
        "feed 'tor-exits' is no list of addresses: 1 of its lines hold none; it is left out",
        "feed 'undated' is stale: of unknown age",
    )
    assert compile_index([parsed("192.0.2.1\n")]).warnings(NOW) == ()


# description


@pytest.mark.parametrize(
    ("file_name", "content", "feed"),
    [
        ("tor-exits.txt", "192.0.2.1\n", Feed("tor-exits", "tor", "", NOW)),
        ("intel/Tor_bulk.txt", "", Feed("Tor_bulk", "tor", "", NOW)),
        ("allow.txt", "", Feed("allow", "allow", "", NOW)),
        ("ipsum.txt", "# min-score: 3\n# licence: Unlicense\n1.1.1.1\t5\n", Feed("ipsum", "malicious", "Unlicense", NOW, None, 3)),
        (
            "x.csv",
            "# Name: Our list\n# kind = allow\n# max-age-hours: 48\n# fetched: 2026-11-24T10:00:00Z\n",
            Feed("Our list", "allow", "", NOW - timedelta(hours=2), timedelta(hours=48)),
        ),
    ],
)
def test_a_file_says_what_it_is(file_name: str, content: str, feed: Feed) -> None:
    assert describe(file_name, content.encode(), NOW) == feed


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("kind: evil", "kind 'evil' is none of tor, malicious, allow"),
        ("min-score: many", "could not convert"),
        ("fetched: today", "Invalid isoformat"),
        ("fetched: 2026-01-01T00:00:00", "without zone"),
    ],
)
def test_a_file_that_says_something_impossible_is_named(comment: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"intel file 'a.txt'.*{told}"):
        describe("a.txt", f"# {comment}\n192.0.2.1\n".encode(), NOW)


def test_a_hundred_thousand_prefixes_stay_small() -> None:
    content = "\n".join(f"{1 + n % 9}.{n % 251}.{n // 251 % 251}.{n % 241}/{24 + n % 9}" for n in range(100_000)).encode()
    index = compile_index([parse(BAD, content, NOW)])
    assert index.entries[0] > 85_000  # 10.0.0.0/8 is not reached: the first octet is 1 to 9
    assert len(pack(index)) < 4_000_000
    assert index.starts4.itemsize * len(index.starts4) + index.labels4.itemsize * len(index.labels4) < 2_000_000  # type: ignore[attr-defined]
    assert index.find("1.0.0.0") == (BAD,)


def test_ranges_are_inclusive() -> None:
    assert parsed("192.0.2.0-192.0.2.1").ranges == (Range(4, 0xC0000200, 0xC0000201),)
