"""The guard at the gateway, executed: calls against lists, whatever is in them and whatever breaks; nothing but a listed caller is refused."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from intel.addresses import TrustedProxies, canonical_ip, client_ip
from model import Minute, minute_of
from response.entries import EMPTY, LISTS, LONGEST_VALUE, Entry, key_of, key_of_identity, place, put
from tests.infra.gateway_harness import contract, harness
from tests.infra.gateway_harness.harness import Gateway, Json, Outcome, Program
from tests.infra.test_gateway_policy import FAILED, IDENTITY_KEY, NAMED, OUT, TOKEN, call, checked

STEPS: Sequence[str | Json] = ("capture", "guard", OUT, "emit")
ON_ERROR: Sequence[str | Json] = ("capture", "emit")
PROXIES = "10.0.0.0/8,198.51.100.9,2001:db8:9::/44"
SECRET = hashlib.sha256(b"guard key of this test only").hexdigest()
SUBJECT = "subject:" + hmac.new(IDENTITY_KEY.encode(), b"ann", hashlib.sha256).hexdigest()


def now() -> Minute:
    return minute_of(datetime.now(UTC))


def listing(*entries: Entry, mode: str = "on", proxies: str = "-", secret: str = "-") -> dict[str, str]:
    """The named values with these entries where the guard looks for them."""
    named = NAMED | {"gatewatch-guard-mode": mode, "gatewatch-trusted-proxies": proxies, "gatewatch-guard-key": secret}
    for entry in entries:
        name = LISTS[place(entry.key)]
        named[name] = put(named[name], entry, 0)
    return named


def entry(key: str, *, calls: int | None = None, dry: bool = False, minutes: int = 60, id: str = "k7q2xd") -> Entry:
    return Entry(key, id, now() + minutes, calls, dry)


def from_address(ip: str | None, *forwarded: str) -> Json:
    context = call(request__ip=ip)
    context["request"]["headers"].pop("X-Forwarded-For")
    if forwarded:
        context["request"]["headers"]["X-Forwarded-For"] = ", ".join(forwarded)
    return context


def guarded(gateway: Gateway, context: Json, named: dict[str, str], used: dict[str, int] | None = None, fragment: str = "guard") -> Outcome:
    steps = tuple(fragment if step == "guard" else step for step in STEPS)
    return gateway.run(context, steps, named, ON_ERROR, used)


def verdict(outcome: Outcome) -> tuple[int, str | None]:
    """Status and what the event says of the guard, the event held to the contract."""
    event = checked(outcome)
    return event["status"], event.get("guard")


PASSED = (200, None)
BLOCKED = (403, "blocked:k7q2xd")
ME = "203.0.113.7"


@pytest.mark.parametrize(
    ("ip", "forwarded", "listed", "expected"),
    [
        (ME, (), [], PASSED),
        (ME, (), [entry(ME)], BLOCKED),
        (ME, (), [entry("203.0.113.70")], PASSED),  # a longer address that begins alike
        ("203.0.113.70", (), [entry(ME)], PASSED),
        ("3.0.113.7", (), [entry("203.0.113.7")], PASSED),
        (ME, (), [entry("203.0.113")], BLOCKED),
        ("203.0.11.7", (), [entry("203.0.113")], PASSED),
        (ME, (), [entry(ME, minutes=0)], PASSED),
        (ME, (), [entry(ME, minutes=-1_000)], PASSED),
        (ME, (), [entry(ME, dry=True)], (200, "would-block:k7q2xd")),
        (ME, (), [entry(ME, calls=10)], PASSED),
        (ME, (), [entry(ME, calls=10, dry=True)], (200, "would-slow:k7q2xd")),
        (ME, (), [entry(key_of_identity(SUBJECT))], BLOCKED),
        (ME, (), [entry("i:0123456789abcdef")], PASSED),
        # The strictest of several entries counts.
        (ME, (), [entry(ME, dry=True, id="dry"), entry("203.0.113")], BLOCKED),
        (ME, (), [entry(ME, calls=10, id="slow"), entry(key_of_identity(SUBJECT))], BLOCKED),
        (ME, (), [entry(ME, calls=10, dry=True, id="dry"), entry("203.0.113", minutes=-1)], (200, "would-slow:dry")),
        # IPv6: the /64, in every spelling.
        ("2001:db8::1", (), [entry("6:20010db800000000")], BLOCKED),
        ("2001:0DB8:0000:0000:FFFF::1", (), [entry("6:20010db800000000")], BLOCKED),
        ("2001:db8:0:1::1", (), [entry("6:20010db800000000")], PASSED),
        ("2001:db8::1%eth0", (), [entry("6:20010db800000000")], BLOCKED),
        ("::ffff:203.0.113.7", (), [entry(ME)], BLOCKED),
        ("::ffff:cb00:7107", (), [entry(ME)], BLOCKED),
        # Proxies: believed only where they are trusted, from the right.
        (ME, ("192.0.2.1",), [entry("192.0.2.1")], PASSED),
        ("10.1.2.3", ("192.0.2.1",), [entry("192.0.2.1")], BLOCKED),
        ("10.1.2.3", ("192.0.2.1",), [entry("10.1.2.3")], PASSED),
        ("10.1.2.3", (ME, "192.0.2.1"), [entry(ME)], PASSED),  # what the client wrote itself
        ("10.1.2.3", (ME, "198.51.100.9"), [entry(ME)], BLOCKED),
        ("10.1.2.3", ("203.0.113.7:51000",), [entry(ME)], BLOCKED),
        ("10.1.2.3", ('"[2001:db8::1]:443"',), [entry("6:20010db800000000")], BLOCKED),
        ("10.1.2.3", ("[2001:db8::1]",), [entry("6:20010db800000000")], BLOCKED),
        ("2001:db8:f::1", ("192.0.2.1",), [entry("192.0.2.1")], BLOCKED),
        ("2001:db8:10::1", ("192.0.2.1",), [entry("192.0.2.1")], PASSED),
        ("10.1.2.3", ("unknown",), [entry("10.1.2.3")], PASSED),
        ("10.1.2.3", (*[ME] * 1, *["10.0.0.1"] * 25), [entry(ME)], PASSED),  # a chain of 20 and more is forged
        ("10.1.2.3", ("x" * 8_000,), [entry(ME)], PASSED),
        # No address at all.
        (None, (), [entry(ME)], PASSED),
        ("", (), [entry(ME)], PASSED),
        ("10.1", (), [entry("10.0.0.1")], PASSED),
        ("0xcb.0.113.7", (), [entry(ME)], PASSED),
        ("x" * 100_000, (), [entry(ME)], PASSED),
    ],
)  # fmt: skip
def test_who_is_refused(
    gateway: Gateway, ip: str | None, forwarded: Sequence[str], listed: list[Entry], expected: tuple[int, str | None]
) -> None:
    context = from_address(ip, *forwarded)
    named = listing(*listed, proxies=PROXIES)
    assert verdict(guarded(gateway, context, named)) == expected
    # Off, nothing happens; in a dry run everything is only told.
    assert verdict(guarded(gateway, context, named | {"gatewatch-guard-mode": "off"})) == PASSED
    told = expected[1].replace("blocked:", "would-block:") if expected[1] else None
    if not any(one.calls and not one.dry for one in listed):
        assert verdict(guarded(gateway, context, named | {"gatewatch-guard-mode": "dry"})) == (200, told)


@pytest.mark.parametrize("mode", ["off", "", "-", "On", "true", "onn", "dryy"])
def test_an_unknown_mode_is_off(gateway: Gateway, mode: str) -> None:
    assert verdict(guarded(gateway, from_address(ME), listing(entry(ME), mode=mode))) == PASSED


@pytest.mark.parametrize(
    ("address", "hashed"),
    [(ME, key_of(ME, secret=SECRET)), (ME, key_of(ME, wide=True, secret=SECRET)), ("2001:db8::5", key_of("2001:db8::1", secret=SECRET))],
)
def test_keyed_hashes_in_place_of_addresses(gateway: Gateway, address: str, hashed: str) -> None:
    assert verdict(guarded(gateway, from_address(address), listing(entry(hashed), secret=SECRET))) == BLOCKED
    assert verdict(guarded(gateway, from_address(address), listing(entry(hashed)))) == PASSED
    assert verdict(guarded(gateway, from_address("192.0.2.1"), listing(entry(hashed), secret=SECRET))) == PASSED


def test_a_slowed_caller_is_refused_only_above_its_limit(gateway: Gateway) -> None:
    named, context = listing(entry(ME, calls=10)), from_address(ME)
    below = guarded(gateway, context, named, {"gatewatch:r10|k7q2xd": 9})
    assert verdict(below) == PASSED
    assert below.limits == [("gatewatch:r10|k7q2xd", 10, 60)]
    above = guarded(gateway, context, named, {"gatewatch:r10|k7q2xd": 10})
    assert verdict(above) == (429, "slowed:k7q2xd")
    assert guarded(gateway, from_address("192.0.2.1"), named).limits == []


def test_a_refused_call_is_not_answered_by_the_backend_and_is_told_once(gateway: Gateway) -> None:
    outcome = guarded(gateway, from_address(ME), listing(entry(ME)))
    event = contract.check(outcome.events[0])
    assert (event["errorReason"], event["status"], "responseBody" in event) == ("HeaderNotFound", 403, False)
    # A caller who sends the header cannot know its one good value.
    context = from_address(ME)
    context["request"]["headers"]["X-Gatewatch-Never"] = context["requestId"]
    assert verdict(guarded(gateway, context, listing(entry(ME)))) == BLOCKED


def test_where_the_gateway_keeps_no_response_the_status_is_known_all_the_same(gateway: Gateway) -> None:
    outcome = gateway.run(from_address(ME), STEPS, listing(entry(ME)), ({"response": None}, *ON_ERROR))
    assert verdict(outcome) == BLOCKED


def test_consumption_blocks_and_never_slows(gateway: Gateway) -> None:
    def of(*listed: Entry) -> tuple[tuple[int, str | None], list[tuple[str, int, int]]]:
        outcome = guarded(gateway, from_address(ME), listing(*listed), fragment="guard-consumption")
        return verdict(outcome), outcome.limits

    assert of(entry(ME)) == (BLOCKED, [])
    assert of(entry(ME, calls=10)) == (PASSED, [])
    assert of(entry(ME, calls=10, dry=True)) == ((200, "would-slow:k7q2xd"), [])
    assert "rate-limit" not in (harness.GATEWAY / "guard-consumption.xml").read_text().replace("no rate-limit-by-key", "")


def test_the_variants_find_callers_alike() -> None:
    texts = [(harness.GATEWAY / f"{name}.xml").read_text() for name in ("guard", "guard-consumption")]
    first, second = (text[text.index("<set-variable") : text.index("<choose>")] for text in texts)
    assert first == second


@pytest.mark.parametrize(
    "value",
    [
        "-", "", ";", ";;;;", "=" * 200, ";203.0.113.7", ";203.0.113.7=", ";203.0.113.7=b", ";203.0.113.7=b,", ";203.0.113.7=b,29733120",
        ";203.0.113.7=b,99999999999999999999,k", ";203.0.113.7=b,99999999,", ";203.0.113.7=,99999999,k", ";203.0.113.7=b,-5,k",
        ";203.0.113.7=b,99999999,k,k", ";203.0.113.7=r,99999999,k", ";203.0.113.7=r0,99999999,k", ";203.0.113.7=zzz,99999999,k",
        ";203.0.113.7=b,99999999,waytoolongtobeanid", ";" + "203.0.113.7" * 370, "=;=;=;", ";203.0.113.7=b;99999999;k",
    ],
)  # fmt: skip
def test_a_malformed_list_lists_nobody(gateway: Gateway, value: str) -> None:
    named = listing() | dict.fromkeys(LISTS, value)
    status, _ = verdict(guarded(gateway, from_address(ME), named))
    assert status == 200


def full(number: int) -> str:
    """A value of nearly 4,096 characters that names nobody who calls."""
    value, host = EMPTY, 0
    while True:
        host += 1
        key = f"100.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}"
        if place(key) == number:
            longer = put(value, Entry(key, f"{host:06d}", 99_999_999), 0) if len(value) < LONGEST_VALUE - 32 else value
            if longer == value:
                return value
            value = longer


def test_full_lists(gateway: Gateway, program: Program, toolchain: None, tmp_path: Path) -> None:
    named = listing(proxies=PROXIES) | {name: full(number) for number, name in enumerate(LISTS)}
    assert min(len(named[name]) for name in LISTS) > LONGEST_VALUE - 64
    assert verdict(guarded(gateway, from_address(ME), named)) == PASSED
    assert verdict(guarded(gateway, from_address("100.0.1.1"), named))[0] == 403
    harness.build(tmp_path, program, named)  # as the gateway compiles it: the values pasted into the text


@pytest.mark.parametrize(
    ("context", "listed", "blocked"),
    [
        (from_address(ME), [entry(ME)], True),
        (from_address(ME), [entry(key_of_identity(SUBJECT))], True),
        (from_address(ME), [entry(ME, calls=10)], False),
        (from_address("10.1.2.3", ME, "198.51.100.9"), [entry(ME)], True),
        (from_address("192.0.2.1"), [entry(ME)], False),
    ],
    ids=["listed", "identity", "slow", "behind proxies", "not listed"],
)
@pytest.mark.parametrize("fragment", ["guard", "guard-consumption"])
def test_whatever_breaks_lets_the_call_pass(gateway: Gateway, fragment: str, context: Json, listed: list[Entry], blocked: bool) -> None:
    steps = tuple(fragment if step == "guard" else step for step in STEPS)
    members, outcomes = gateway.run_with_faults(context, steps, listing(*listed, proxies=PROXIES), ON_ERROR)
    assert {"Request.IpAddress", "Variables", "Variables.TryGetValue"} <= set(members)
    refused = 0
    for outcome in outcomes:
        assert outcome.errors == [], outcome.fault
        assert len(outcome.events) <= 1, outcome.fault
        refused += any(b'"guard":"blocked' in event for event in outcome.events)
    assert (refused > 0) is blocked
    assert refused < len(outcomes)


def test_the_variable_of_somebody_else_breaks_nothing(gateway: Gateway) -> None:
    for name in ("gatewatch-guard-match", "gatewatch-guard", "gatewatch-identity"):
        outcome = gateway.run(
            from_address(ME),
            ("capture", {"variables": {name: 7}}, "guard", {"variables": {name: 7}}, OUT, "emit"),
            listing(entry(ME, dry=True)),
        )
        assert outcome.errors == []
        assert len(outcome.events) == 1


def test_a_call_that_failed_before_inbound_says_nothing_of_the_guard(gateway: Gateway) -> None:
    assert "guard" not in checked(gateway.run(from_address(ME), (FAILED, {"response": None}, "capture", "emit"), listing(entry(ME))))


def test_what_the_guard_sees_of_a_token_is_what_events_say(gateway: Gateway) -> None:
    event = checked(guarded(gateway, from_address(ME), listing(entry(ME))))
    assert event["identity"] == SUBJECT.removeprefix("subject:")
    assert TOKEN not in str(event)


HOP = st.sampled_from(
    ["10.0.0.1", "198.51.100.9", "203.0.113.7", "2001:db8:9::1", "2001:db8::1", "::ffff:10.0.0.2", "[2001:db8:9::2]:80", "203.0.113.8:99",
     "10.0.0.1:x", "1.2.3", "01.2.3.4", "::1%3", "", " ", "unknown", "[", "[]:", "a:b", "1.2.3.4:", "[1.2.3.4]", "1.2.3.4:123456", '"10.0.0.3"', "256.1.1.1"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(peer=HOP, hops=st.lists(HOP, max_size=24))
@example(peer="10.0.0.1", hops=["203.0.113.7"] + ["10.0.0.1"] * 19)
@example(peer="10.0.0.1", hops=["203.0.113.7"] + ["10.0.0.1"] * 20)
def test_the_guard_and_ingest_mean_the_same_client(gateway: Gateway, peer: str, hops: list[str]) -> None:
    client = client_ip(peer, ", ".join(hops) or None, TrustedProxies.parse(PROXIES.split(",")))
    context = from_address(peer, *hops)
    everybody = sorted({found for text in (peer, *hops) if (found := canonical_ip(text))})
    for address in everybody:
        status, _ = verdict(guarded(gateway, context, listing(entry(key_of(address)), proxies=PROXIES)))
        same = bool(client) and key_of(client) == key_of(address)
        assert status == (403 if same else 200), (client, address)
