"""Folding: every table equal to a straight count, every dimension of an attacker capped, no value kept."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intel.addresses import TrustedProxies
from local import traffic
from model import OTHER, Endpoint
from pipeline.contents import Look
from pipeline.decode import decode
from pipeline.fold import AGENT_LENGTH, fold
from pipeline.numbering import NAMES_PER_BATCH, PARAMETERS_PER_CALL
from tests.counting import counted, straight
from tests.pipeline.test_decode import WHOLE
from windows.rules import SUSPICIOUS_AGENT
from windows.tally import TABLES, Tally, pack, unpack
from windows.values import VALUE_TYPES, hash_value, value_type

KEY = b"k" * 32


def tally(*changed: dict[str, Any]) -> Tally:
    return fold([decode(traffic.encode(WHOLE | change)) for change in changed], KEY)


VALUES = st.sampled_from(["", "1", "2", "true", "a b", "a%20b", "a+b", "é", "x" * 300, "1&2".replace("&", "%26")])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.sampled_from(
                ["2026-11-24T10:10:03Z", "2026-11-24T10:10:59.999Z", "2026-11-24T10:31:00Z", "2026-11-24T11:00:00+02:00"]
            ),
            "status": st.sampled_from([200, 204, 304, 401, 404, 500]),
            "method": st.sampled_from(["GET", "PUT"]),
            "urlTemplate": st.sampled_from(["/a", "/a/{id}"]),
            "clientIp": st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
            "userAgent": st.sampled_from(["curl/8", "okhttp"]),
            "auth": st.sampled_from([[], ["jwt"], ["subscription-key", "jwt"]]),
            "errorReason": st.sampled_from(["", "TokenExpired"]),
            "query": st.lists(st.tuples(st.sampled_from(["a", "b", "c%5B%5D"]), VALUES).map("=".join), max_size=4).map("&".join),
            "pathParameters": st.dictionaries(st.sampled_from(["id", "x"]), VALUES, max_size=2),
            "subscriptionId": st.sampled_from(["", "web"]),
            "userId": st.sampled_from(["", "1"]),
            "identity": st.sampled_from(["", "9f1c"]),
            "guard": st.sampled_from(["", "", "", "blocked:k7", "slowed:k8", "would-block:k7", "would-slow:k8"]),
            "requestBytes": st.integers(0, 10_000),
            "responseBytes": st.integers(0, 10**9),
            "durationMs": st.floats(0, 1e6),
            "scheme": st.sampled_from(["https", "http"]),
            "apiRevision": st.sampled_from(["", "1", "2", "x"]),
            "requestContentType": st.sampled_from(["", "Application/JSON; charset=utf-8", "application/x-secret"]),
            "responseContentType": st.sampled_from(["", "application/json", "application/vnd.contoso.order.v2+json"]),
        }
    ),
    max_size=30,
)


COUNTRIES = {"192.0.2.1": "NL", "192.0.2.2": "DE", "2001:db8::1": ""}


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(0, 30))
def test_every_table_equals_a_straight_count_however_batched(events: list[dict[str, Any]], cut: int) -> None:
    events = [WHOLE | event for event in events]
    calls = [decode(traffic.encode(event)) for event in events]
    for country in (None, COUNTRIES.__getitem__):
        tallies = [unpack(pack(fold(some, KEY, country=country))) for some in (calls[:cut], calls[cut:])]
        assert {key: value for key, value in counted(tallies).items() if key[0] != "sightings"} == straight(events, KEY, country)
        assert sum(tally.calls for tally in tallies) == sum(not event["guard"].startswith(("blocked:", "slowed:")) for event in events)


@given(EVENTS.filter(bool))
def test_rows_are_unique_and_in_order_of_time(events: list[dict[str, Any]]) -> None:
    found = fold([decode(traffic.encode(WHOLE | event)) for event in events], KEY)
    for table, columns in TABLES.items():
        rows = found.rows(table)
        keys = [row[: len(columns.keys)] for row in rows]
        assert len(set(keys)) == len(keys)
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_no_calls_no_rows() -> None:
    assert fold([], KEY).tables == {}
    assert unpack(pack(Tally())) == Tally()


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x95\x01\x00\x90\x90\x80", b"\xc1"])
def test_what_pack_did_not_write_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="tally"):
        unpack(junk)


def test_a_call_that_matched_nothing_or_only_a_wildcard_is_an_endpoint_too() -> None:
    for change in ({"urlTemplate": None, "operationId": None}, {"urlTemplate": "/*"}):
        found = tally(change | {"path": "/v1/admin/users"})
        assert found.endpoints == [Endpoint("contoso", "orders", "GET", "/v1/admin/users", matched=False)]


def test_unmatched_paths_are_bounded_in_number_and_none_is_lost() -> None:
    letters = "abcdefghij"
    paths = [f"/{a}{b}{c}{d}" for a in letters for b in letters for c in letters for d in letters[:5]]
    found = tally(*({"urlTemplate": None, "path": path, "method": "BREW"} for path in paths))
    assert len(found.endpoints) <= NAMES_PER_BATCH + 1
    assert found.endpoints[-1] == Endpoint("contoso", "orders", "OTHER", "/{…}", matched=False)
    assert found.calls == len(paths)


def test_ten_thousand_parameters_count_as_sixty_four_and_the_rest() -> None:
    found = tally({"query": "&".join(f"p{number}=1" for number in range(10_000)), "pathParameters": {}})
    assert len(found.rows("values")) == PARAMETERS_PER_CALL + 1
    assert f"query:{OTHER}" in found.parameters


def test_names_are_cut_and_their_number_is_capped() -> None:
    found = tally(
        {"query": "n" * 100_000 + "=1", "userAgent": "u" * 100_000, "errorReason": "r" * 1_000, "urlTemplate": "/" + "t" * 100_000},
        *({"userAgent": f"agent {number}", "identity": f"id {number}", "query": f"q{number}=1"} for number in range(NAMES_PER_BATCH * 2)),
    )
    for names in (found.parameters, found.agents, found.identities, found.reasons):
        assert max(map(len, names)) <= AGENT_LENGTH
        assert len(names) <= NAMES_PER_BATCH + 1
    assert sum(row[-1] for row in found.rows("agents")) == NAMES_PER_BATCH * 2 + 1
    assert sum(row[5] for row in found.rows("values")) == 2 * (NAMES_PER_BATCH * 2 + 1)


def test_sizes_that_cannot_be_are_unknown() -> None:
    found = tally({"requestBytes": -5, "responseBytes": 10**30, "durationMs": -1.0})
    assert found.rows("sizes") == []
    assert found.rows("calls")[0][4:] == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "canonical"), [("not-an-ip", ""), (None, ""), ("fe80::1%eth0", "fe80::1"), ("2001:DB8:0::1", "2001:db8::1")]
)
def test_client_addresses_are_canonical(text: str | None, canonical: str) -> None:
    assert tally({"clientIp": text}).ips == [canonical]


def test_a_suspicious_agent_is_sighted_even_behind_what_is_kept_of_it() -> None:
    found = tally({"userAgent": "javascript:"}, {"userAgent": "Mozilla/5.0 " + "x" * 500 + "${jndi:ldap://x}"}, {"userAgent": "curl/8"})
    assert found.rules == [SUSPICIOUS_AGENT]
    assert [row[-1] for row in found.rows("sightings")] == [1, 1]


def sighted(found: Tally) -> list[tuple[str, str, str, int, int]]:
    return [
        (found.rules[rule], found.ips[ip], found.details[detail], status, n)
        for _, _, rule, ip, status, detail, n in found.rows("sightings")
    ]


def test_injections_are_sighted_by_parameter_and_never_by_value() -> None:
    found = tally(
        {"query": "q=1%27%20OR%20%271%27%3D%271%27%20--&page=1"}, {"pathParameters": {"id": "../../../etc/passwd"}, "status": 404}
    )
    assert sighted(found) == [
        ("API_Injection", "203.0.113.7", "sql in query:q", 200, 1),
        ("API_Injection", "203.0.113.7", "path-traversal in path:id", 404, 1),
    ]
    assert b"passwd" not in pack(found)


def test_an_injection_in_a_path_that_matches_nothing() -> None:
    found = tally({"urlTemplate": None, "path": "/static/..%2f..%2f..%2fetc%2fpasswd", "status": 404})
    assert sighted(found) == [("API_Injection", "203.0.113.7", "path-traversal in path", 404, 1)]


def test_a_parameter_sent_twice_is_sighted() -> None:
    assert sighted(tally({"query": "id=7&role=user&id=8"})) == [("API_ParameterPollution", "203.0.113.7", "query:id", 200, 1)]
    assert sighted(tally({"query": "tag=a&tag=b"}, {"query": "id=7"})) == []


def test_the_client_behind_a_trusted_proxy() -> None:
    call = decode(traffic.encode(WHOLE | {"clientIp": "10.0.0.9", "forwardedFor": "198.51.100.66, 192.0.2.8, 10.0.0.7"}))
    assert fold([call], KEY).ips == ["10.0.0.9"]
    assert fold([call], KEY, trusted=TrustedProxies.parse(["10.0.0.0/8"])).ips == ["192.0.2.8"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "empty"),
        ("true", "boolean"),
        ("-12", "integer"),
        ("1.50", "decimal"),
        ("7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11", "uuid"),
        ("2026-11-24", "time"),
        ("2026-11-24T10:10:03.127Z", "time"),
        ("9f1c9f1c9f1c9f1c", "hex"),
        ("a@example.com", "email"),
        ("https://example.com/x", "url"),
        ("price", "word"),
        ("a b", "text"),
        ('{"a":1}', "structure"),
        ("9" * 5_000, "text"),
    ],
)
def test_value_types(value: str, kind: str) -> None:
    assert VALUE_TYPES[value_type(value)] == kind


def test_values_do_not_leave_the_fold() -> None:
    secret = "correct-horse-battery-staple"
    packed = pack(tally({"query": f"q={secret}", "pathParameters": {"id": secret}}))
    assert secret.encode() not in packed
    assert hash_value(secret, KEY) != hash_value(secret, b"x" * 32)


# ---- the guard


@pytest.mark.parametrize("guard", ["blocked:k7q2xd", "slowed:k7q2xd"])
def test_a_refused_call_is_counted_apart_and_nowhere_else(guard: str) -> None:
    attack = {"guard": guard, "status": 403, "errorReason": "HeaderNotFound", "query": "q=1' or 1=1--", "userAgent": "sqlmap/1.8"}
    found = tally(attack)
    assert set(found.tables) == {"guarded"}
    assert (found.details, found.ips, found.identities, found.calls) == ([guard], [], [], 0)
    beside = tally({}, attack, attack | {"time": "2026-11-24T10:09:00Z"})
    assert set(beside.tables) - {"guarded"} == set(tally({}).tables)
    assert beside.rows("calls") == tally({}).rows("calls")
    assert sum(n for *_, n in beside.rows("guarded")) == 2


def test_a_call_of_a_dry_run_happened_and_is_counted_twice() -> None:
    found = tally({"guard": "would-block:k7q2xd"})
    assert found.calls == 1
    assert found.details[found.rows("guarded")[0][2]] == "would-block:k7q2xd"


@pytest.mark.parametrize("guard", ["blocked", "blocked:", "blocked:K7", "allowed:k7", "blocked:" + "k" * 17, 7, ["blocked:k7"]])
def test_what_no_guard_says_is_ignored(guard: object) -> None:
    found = tally({"guard": guard})
    assert (found.calls, "guarded" in found.tables) == (1, False)


def test_looks_stay_with_their_calls() -> None:
    calls = [decode(traffic.encode(WHOLE | {"path": f"/{at}", "guard": "blocked:k1" if at == 0 else None})) for at in range(3)]
    look = Look([("iban", "response.body $.iban", 2)], [])
    found = fold(calls, KEY, {0: look, 2: look})
    assert [n for *_, n in found.rows("looks")] == [1]


@pytest.mark.parametrize(
    ("marks", "details"),
    [
        (None, []),
        ("", []),
        ("log4j in cookie", ["log4j in cookie"]),
        ("log4j in cookie,script in header", ["log4j in cookie", "script in header"]),
        ("secret in cookie,log4j in cookie", ["log4j in cookie"]),
        ("<script>", []),
        (",".join(["sql in header"] * 40), ["sql in header"]),
    ],
)
def test_marks_of_the_gateway_are_sightings_and_nothing_else_is(marks: str | None, details: list[str]) -> None:
    assert tally({} if marks is None else {"marks": marks}).details == details


def test_names_of_parameters_are_judged() -> None:
    found = tally({"query": "password%5B%24ne%5D=1&a=2"}, {"query": "filter%5Bstatus%5D=open"})
    assert found.details == ["nosql in a name of the query"]
