"""The guard's list as text: keys, places, what is malformed, and one value's changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.entries import EMPTY, Entry, Full, key_of, key_of_identity, keys_of, live, parse, place, pruned, put, render, without

NOW = 29_733_060
SECRET = "a key of this test only"
HASHED = "h:" + key_of("203.0.113.7", secret=SECRET)[2:]


@pytest.mark.parametrize(
    ("address", "wide", "key"),
    [
        ("203.0.113.7", False, "203.0.113.7"),
        ("203.0.113.7", True, "203.0.113"),
        ("2001:db8::1", False, "6:20010db800000000"),
        ("2001:db8:0:0:ffff::1", False, "6:20010db800000000"),
        ("2001:db8:0:1::1", True, "6:20010db800000001"),
    ],
)
def test_the_key_of_an_address(address: str, wide: bool, key: str) -> None:
    assert key_of(address, wide=wide) == key
    hashed = key_of(address, wide=wide, secret=SECRET)
    assert hashed.startswith("h:")
    assert len(hashed) == 18
    assert {key, hashed} <= keys_of(address, SECRET)


@pytest.mark.parametrize("address", ["", "203.0.113", "subject", "203.0.113.7:80"])
def test_what_is_no_address_has_no_key(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        key_of(address)
    assert keys_of(address) == set()


def test_the_key_of_an_identity() -> None:
    assert key_of_identity("subject:" + "0123456789abcdef" * 4) == "i:0123456789abcdef"
    for other in ("subscription:web", "user:1", "subject:ann"):
        with pytest.raises(ValueError, match="subject of a token"):
            key_of_identity(other)


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        ("-", []),
        ("", []),
        (";203.0.113.7=b,29733120,k7", [Entry("203.0.113.7", "k7", 29733120)]),
        (";203.0.113=dr10,29733120,k7", [Entry("203.0.113", "k7", 29733120, calls=10, dry=True)]),
        (";6:20010db800000000=db,1,a;i:0123456789abcdef=r1,2,b",
         [Entry("6:20010db800000000", "a", 1, dry=True), Entry("i:0123456789abcdef", "b", 2, calls=1)]),
        (";203.0.113.7=b,29733120,k7;203.0.113.7=r1,29733120,k8", [Entry("203.0.113.7", "k7", 29733120)]),
        ("203.0.113.7=b,29733120,k7", []),
        (";203.0.113.7=b,29733120", []),
        (";203.0.113.7=b,later,k7;=b,1,k;203.0.113.7=x,1,k;203.0.113.8=r0,1,k;;;", []),
        (';203.0.113.7=b,1,k7"+System.IO', []),
    ],
)  # fmt: skip
def test_reads_what_is_well_formed(value: str, entries: list[Entry]) -> None:
    assert parse(value) == entries


def test_a_value_takes_in_replaces_forgets_and_ends() -> None:
    first, second = Entry("203.0.113.7", "k1", NOW + 60), Entry("203.0.113.8", "k2", NOW + 1, calls=10)
    value = put(put(EMPTY, first, NOW), second, NOW)
    assert parse(value) == [first, second]
    assert put(value, first, NOW) == render([second, first])  # the same again: one entry
    harder = Entry("203.0.113.8", "k3", NOW + 60)
    assert parse(put(value, harder, NOW)) == [first, harder]
    assert parse(without(value, "k1", NOW)) == [second]
    assert without(value, "unknown", NOW) == value
    assert live(value, NOW + 1) == [first]
    assert pruned(value, NOW + 1) == render([first])
    assert pruned(value, NOW + 60) == EMPTY


def test_a_value_is_never_longer_than_the_platform_takes() -> None:
    entries = [Entry(f"203.0.{number // 250}.{number % 250}", f"{number:06d}", NOW + 60) for number in range(200)]
    value = render(entries[:120])
    assert 3400 < len(value) <= 4096
    with pytest.raises(Full):
        render(entries)


@pytest.mark.parametrize("key", ['203.0.113.7"', "203.0.113.7;1", "203.0.113.7=b", "{{x}}", "ü"])
def test_nothing_else_is_ever_written(key: str) -> None:
    with pytest.raises(ValueError, match="malformed"):
        render([Entry(key, "k1", NOW)])


@given(st.text(alphabet='0123456789abcdefhir.:=,;-"\\{}', max_size=200))
def test_any_text_can_be_pruned(value: str) -> None:
    assert parse(pruned(value, 0)) == live(value, 0)


def test_keys_spread_over_the_four_values() -> None:
    places = [place(f"{one}.0.{net}.7") for one in (5, 77, 203) for net in range(256)]
    assert max(places.count(number) for number in range(4)) < 0.3 * len(places)


@pytest.mark.parametrize("secret", ["", "k" * 32])
def test_an_address_lies_where_its_network_does_and_begins_as_it(secret: str) -> None:
    for host in (7, 77, 200):
        one, whole = (key_of(f"203.0.113.{host}", wide=wide, secret=secret) for wide in (False, True))
        assert place(one) == place(whole)
        assert one.startswith(whole[:10])
        assert one != whole
    assert key_of("2001:db8::1", secret=secret) == key_of("2001:db8::2", wide=True, secret=secret)
