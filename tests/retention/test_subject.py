"""One person in a request, in texts and in counts: found in every spelling, taken out alone, and no total changes."""

import base64
import gzip
import html
import json
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from unicodedata import normalize
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.request_body import LARGEST_REQUEST
from model import OTHER, Endpoint
from retention.spellings import LONGEST, TEXTS, spellings
from retention.subject import (
    ACTOR_LENGTH,
    LONGEST_ID,
    RequestRefused,
    Subject,
    Tombstones,
    actors,
    erased,
    fingerprints,
    is_fingered,
    mentions,
    of,
    parse,
    pseudonym,
    pseudonymised,
    redacted,
    subject_hash,
    without,
)
from windows.tally import TABLES, Row, Tally, pack, unpack

KEY = b"k" * 32


# requests


@pytest.mark.parametrize(
    ("body", "actor"),
    [
        (b'{"subject": {"ip": "203.0.113.7"}}', "203.0.113.7"),
        (b'{"subject": {"ip": " 203.0.113.7 "}}', "203.0.113.7"),
        (b'{"subject": {"ip": "::ffff:203.0.113.7"}}', "203.0.113.7"),
        (b'{"subject": {"ip": "0:0:0:0:0:ffff:cb00:7107"}}', "203.0.113.7"),
        (b'{"subject": {"ip": "2001:0DB8:0:0:0:0:0:0001"}}', "2001:db8::1"),
        (b'{"subject": {"ip": "[2001:db8::1]:443"}}', "2001:db8::1"),
        (b'{"subject": {"subscriptionId": "mobile-app"}}', "subscription:mobile-app"),
        (b'{"subject": {"userId": "1"}}', "user:1"),
        ('{"subject": {"identity": "Zoë Müller"}}'.encode(), "subject:Zoë Müller"),
    ],
)
def test_a_subject_is_spelled_as_the_tables_spell_it(body: bytes, actor: str) -> None:
    assert parse(body).actor == actor


BAD = [
    (b"", 400),
    (b"   ", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b"[]", 400),
    (b"null", 400),
    (b"1", 400),
    (b'"203.0.113.7"', 400),
    (b"{}", 400),
    (b'{"subject": null}', 400),
    (b'{"subject": "203.0.113.7"}', 400),
    (b'{"subject": {}}', 400),
    (b'{"subject": {"ip": null}}', 400),
    (b'{"subject": {"ip": 3405803783}}', 400),
    (b'{"subject": {"ip": ["203.0.113.7"]}}', 400),
    (b'{"subject": {"ip": ""}}', 400),
    (b'{"subject": {"ip": "  "}}', 400),
    (b'{"subject": {"ip": "api.contoso.com"}}', 400),
    (b'{"subject": {"ip": "203.0.113.0/24"}}', 400),
    (b'{"subject": {"ip": "203.0.113.7/32"}}', 400),
    (b'{"subject": {"ip": "2001:db8::/64"}}', 400),
    (b'{"subject": {"ip": "203.0.113.999"}}', 400),
    (b'{"subject": {"ip": "203.0.113.7, 203.0.113.8"}}', 400),
    (b'{"subject": {"ip": "*"}}', 400),
    (b'{"subject": {"IP": "203.0.113.7"}}', 400),
    (b'{"subject": {"name": "x"}}', 400),
    (b'{"subject": {"ip": "203.0.113.7", "userId": "1"}}', 400),
    (b'{"subject": {"ip": "203.0.113.7"}, "other": 1}', 400),
    (b'{"subject": {"ip": "203.0.113.7"}, "subject": {"ip": "203.0.113.8"}}', 400),
    (b'{"subject": {"ip": "203.0.113.7", "ip": "203.0.113.8"}}', 400),
    (b'{"subject": {"identity": "' + b"x" * 257 + b'"}}', 400),
    (b'{"subject": {"identity": "a\\u0000b"}}', 400),
    (b'{"subject": {"identity": "\\ud800"}}', 400),
    (b"[" * 16_000, 400),
    (b'{"subject": {"identity": "' + b"x" * LARGEST_REQUEST + b'"}}', 413),
    (json.dumps({"subject": {"ip": "203.0.113.7"}, "pad": "x" * (1 << 20)}).encode(), 413),
]


@pytest.mark.parametrize(("body", "status"), BAD, ids=[repr(body[:40]) for body, _ in BAD])
def test_whatever_names_nobody_is_refused_and_not_repeated(body: bytes, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse(body)
    assert refused.value.status == status
    assert not any(quoted in str(refused.value) for quoted in ("203.0.113.8", "contoso", "999", "xxxxx"))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_subject_or_refused(body: bytes) -> None:
    with suppress(RequestRefused):
        assert parse(body).value


def test_a_subject_is_not_printed() -> None:
    assert "203.0.113.7" not in repr(of("ip", "203.0.113.7"))
    assert "kkkk" not in repr(Tombstones(KEY))


# hashes


def test_hashes_of_different_purpose_cannot_be_joined() -> None:
    found = {subject_hash("203.0.113.7", KEY)[:16], pseudonym("203.0.113.7", KEY)[-16:], erased("a" * 32)[-16:]}
    assert len(found) == 3
    assert subject_hash("203.0.113.7", KEY) != subject_hash("203.0.113.7", b"j" * 32)
    assert pseudonym(pseudonym("203.0.113.7", KEY), KEY) == pseudonym("203.0.113.7", KEY)
    assert pseudonym(OTHER, KEY) == OTHER


def test_a_tombstone_hides_the_past_of_one_person() -> None:
    stones = Tombstones(KEY, {subject_hash("203.0.113.7", KEY): 100})
    assert stones.hides("203.0.113.7", 100)
    assert not stones.hides("203.0.113.7", 101)
    assert not stones.hides("203.0.113.8", 100)
    assert not stones.hides("", 1)
    assert not Tombstones(KEY).hides("203.0.113.7", 1)


# texts


SPELLED: list[Callable[[str], bytes]] = [
    lambda ip: f'{{"clientIp":"{ip}"}}'.encode(),
    lambda ip: f"GET /?from={quote(ip, safe='')} HTTP/1.1".encode(),
    lambda ip: json.dumps({"ip": ip}).replace(":", "\\u003a").encode(),
    lambda ip: base64.b64encode(f'{{"ip":"{ip}"}}'.encode()),
    lambda ip: b"Bearer " + base64.urlsafe_b64encode(f'{{"alg":"none","from":"{ip}"}}'.encode()).rstrip(b"="),
    lambda ip: base64.b64encode(base64.b64encode(f"the address {ip} twice".encode())),
    lambda ip: b"\xff\xfe" + ip.encode() + b"\x00",
]


@pytest.mark.parametrize("spell", SPELLED)
@pytest.mark.parametrize(("ip", "other"), [("203.0.113.7", "203.0.113.77"), ("2001:db8::1", "2001:db8::11")])
def test_a_message_that_mentions_an_address_is_found(spell: Callable[[str], bytes], ip: str, other: str) -> None:
    assert mentions(of("ip", ip), spell(ip))
    assert ip in actors(spell(ip))
    assert not mentions(of("ip", ip), spell(other))


NAME = "José Ångström-Œuvre"


def _token(text: str) -> bytes:
    return b"Bearer h." + base64.urlsafe_b64encode(json.dumps({"sub": text}, ensure_ascii=False).encode()).rstrip(b"=") + b".s"


SPELLED_NAMES: list[Callable[[str], bytes]] = [
    lambda name: name.encode(),
    lambda name: json.dumps({"name": name}).encode(),
    _token,
    lambda name: json.dumps({"authorization": _token(name).decode()}).encode(),
    lambda name: gzip.compress(f"name={name}".encode(), mtime=0),
    lambda name: b'{"body":"' + base64.b64encode(gzip.compress(name.encode(), mtime=0)) + b'"}',
    lambda name: b"\x01\x02" + zlib.compress(name.encode()),
    lambda name: f'{{"name":"{name}"}}'.encode("utf-16-le"),
    lambda name: f'<?xml version="1.0"?><n>{name}</n>'.encode("utf-16"),
    lambda name: base64.b64encode(name.encode("utf-16-be")),
    lambda name: "".join(f"&#{ord(letter)};" for letter in name).encode(),
    lambda name: "".join(f"&#x{ord(letter):x};" for letter in name).encode(),
    lambda name: html.escape(name).replace("é", "&eacute;").encode("ascii", "xmlcharrefreplace"),
    lambda name: quote(name).encode(),
    lambda name: quote(quote(name)).encode(),
    lambda name: quote(quote(quote(name))).encode(),
    lambda name: quote_plus(name).encode(),
    lambda name: normalize("NFD", name).encode(),
    lambda name: (b'{"t":"' + _token(name + " " * 40).replace(b".s", b""))[:-30],  # cut where the prefix ended
]


@pytest.mark.parametrize("spell", SPELLED_NAMES)
def test_a_message_that_names_somebody_is_found_however_it_is_written(spell: Callable[[str], bytes]) -> None:
    assert mentions(of("identity", NAME), spell(NAME))
    assert mentions(of("identity", normalize("NFD", NAME)), spell(NAME))
    assert not mentions(of("identity", NAME), spell("Jose Angstrom"))


def test_a_name_in_latin_1_is_found() -> None:
    assert mentions(of("identity", "José"), b"name=Jos%E9&x=1")


def test_the_search_of_a_message_is_bounded() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)[:4096]
    nested = base64.b64encode(b" ".join(base64.b64encode(b"layer %d" % at) for at in range(250)))[:4096]
    for message in (bomb, nested, b"%25" * 1365, b"&amp;" * 819, bytes(4096), b"QUJDREVGRw " * 372):
        found = list(spellings(message))
        assert len(found) <= TEXTS
        assert all(len(text) <= LONGEST for text in found)


@pytest.mark.parametrize("written", ["2001:DB8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8:0:0::1"])
def test_other_spellings_of_ipv6_are_found(written: str) -> None:
    assert mentions(of("ip", "2001:db8::1"), f'"{written}"'.encode())


def test_an_identity_is_found_as_a_word() -> None:
    subject = of("userId", "77")
    assert mentions(subject, b'{"userId": "77"}')
    assert not mentions(subject, b'{"userId": "770", "n": 1770}')
    assert actors(b'{"userId": "77", "subscriptionId":"app", "identity" : "x"}') == {"user:77", "subscription:app", "subject:x"}
    assert max(map(len, actors(b'{"identity": "' + b"x" * 300 + b'"}'))) == ACTOR_LENGTH


@given(st.binary(max_size=300))
def test_any_message_can_be_searched(message: bytes) -> None:
    assert isinstance(actors(message), set)
    mentions(of("ip", "203.0.113.7"), message)


ALERT = {
    "id": "a" * 32,
    "endpoint": ["contoso", "orders", "GET", "/orders/{id}"],
    "sighting": {"actor": "203.0.113.7", "evidence": {"ip": "203.0.113.7", "calls": 9, "neighbour": "203.0.113.77"}},
    "note": "seen from 203.0.113.7 and 203.0.113.77",
}


def test_redaction_takes_one_and_leaves_the_rest() -> None:
    found = redacted(ALERT, "203.0.113.7", "erased-aaaaaaaa")
    assert found["sighting"] == {
        "actor": "erased-aaaaaaaa",
        "evidence": {"ip": "erased-aaaaaaaa", "calls": 9, "neighbour": "203.0.113.77"},
    }
    assert redacted(ALERT, "203.0.113.8", "x") is ALERT


def test_pseudonyms_keep_together_what_belongs_together() -> None:
    found = pseudonymised(ALERT, KEY)
    own, other = pseudonym("203.0.113.7", KEY), pseudonym("203.0.113.77", KEY)
    assert found["sighting"] == {"actor": own, "evidence": {"ip": own, "calls": 9, "neighbour": other}}
    assert found["note"] == f"seen from {own} and {other}"
    assert found["endpoint"] == ALERT["endpoint"]
    assert pseudonymised(found, KEY) is found


# counts


def made(random: Random) -> Tally:
    """Rows of every table, with few names, so that some become equal when one name goes."""
    ips, identities = ["10.0.0.1", "10.0.0.2", "", OTHER][: random.randrange(1, 5)], ["user:1", "user:2", OTHER][: random.randrange(1, 4)]
    tables: dict[str, list[Row]] = {}
    for name, columns in TABLES.items():
        rows: dict[Row, Row] = {}
        for _ in range(random.randrange(12)):
            limits = {"ip": len(ips), "identity": len(identities), "minute": 5, "value": 3}
            key = tuple(random.randrange(limits.get(column, 1)) for column in columns.keys)
            rows[key] = (*key, *(random.randrange(1, 9) for _ in columns.sums + columns.maxima))
        tables[name] = sorted(rows.values(), key=lambda row: row[0])
    names = [f"n{number}" for number in range(3)]
    return Tally(
        1000, [Endpoint("s", "a", "GET", "/")], ips, identities, names, names, names, names, names, names, names, names, tables=tables
    )


def totals(tally: Tally, *but: str) -> Counter[tuple[object, ...]]:
    """The sums of every table, without the columns of who it was."""
    found: Counter[tuple[object, ...]] = Counter()
    for name, columns in TABLES.items():
        kept = [at for at, column in enumerate(columns.keys) if column not in but]
        for row in tally.rows(name):
            for at, column in enumerate(columns.sums, len(columns.keys)):
                found[(name, column, *(row[place] for place in kept))] += row[at]
    return found


@given(seed=st.integers(0, 1 << 30), until=st.integers(999, 1005))
@settings(max_examples=300, deadline=None)
def test_without_someone_every_total_stays_and_nothing_of_them_does(seed: int, until: int) -> None:
    tally = made(Random(seed))
    gone = {"10.0.0.1", "user:1"}

    def hides(actor: str, minute: int) -> bool:
        return actor in gone and minute <= until

    left = without(tally, hides)
    assert totals(left, "ip", "identity") == totals(tally, "ip", "identity")
    assert without(left, hides) is left
    read = unpack(pack(left))
    for name, columns in TABLES.items():
        for column, names in (("ip", read.ips), ("identity", read.identities)):
            if column in columns.keys:
                at = columns.keys.index(column)
                rows = read.rows(name)
                assert len({row[: len(columns.keys)] for row in rows}) == len(rows)
                assert not any(hides(names[row[at]], row[0]) for row in rows)
                actors = {"ip": tally.ips, "identity": tally.identities}
                places = [(own.__getitem__, columns.keys.index(of)) for of, own in actors.items() if of in columns.keys]
                mine = [row for row in tally.rows(name) if not {own(row[at]) for own, at in places} & {"", OTHER, *gone}]
                for row in mine:
                    assert row in rows
    if until >= 1005:
        assert not gone & {*read.ips, *read.identities}


def test_fingerprints_find_everybody_and_hardly_anybody_else() -> None:
    ips = [f"10.0.{number >> 8}.{number & 255}" for number in range(600)]
    prints = fingerprints(Tally(ips=ips, identities=["user:1"]))
    assert all(is_fingered(ip, prints) for ip in [*ips, "user:1"])
    others = [f"10.9.{number >> 8}.{number & 255}" for number in range(5000)]
    assert sum(is_fingered(ip, prints) for ip in others) < 150
    assert not is_fingered("10.0.0.1", b"")


def test_a_long_identity_is_cut_as_fold_cuts_it() -> None:
    assert len(Subject("identity", "x" * 256).actor) == ACTOR_LENGTH


def test_hashes_that_are_stored_stay_what_they_are() -> None:
    assert subject_hash("203.0.113.7", b"k" * 32) == "fca9065dc8d7f70e7e48fd9696708b1b"
    assert pseudonym("203.0.113.7", b"k" * 32) == "pseudonym-7b6e027e43c94fa1"
    assert erased("0123456789abcdef0123456789abcdef") == "erased-89abcdef"


def test_the_largest_request_and_the_longest_name_are_taken() -> None:
    name = "a" * LONGEST_ID
    body = json.dumps({"subject": {"userId": name}}).encode()
    assert parse(body + b" " * (LARGEST_REQUEST - len(body))).value == name
    with pytest.raises(RequestRefused, match="larger than") as refused:
        parse(body + b" " * (LARGEST_REQUEST + 1 - len(body)))
    assert refused.value.status == 413


def test_what_names_nobody_is_the_same_object() -> None:
    value = {"texts": ["no", "one"], "numbers": [1, {"deep": "here"}]}
    assert redacted(value, "203.0.113.7", "x") is value
    assert pseudonymised(value, b"k" * 32) is value
    assert pseudonymised(["from 203.0.113.7"], b"k" * 32) == [f"from {pseudonym('203.0.113.7', b'k' * 32)}"]
