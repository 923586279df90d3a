"""The inventory of a file of events beside a straight count of the same file, event by event; drift and learned descriptions of made-up traffic with a known truth."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from intel.addresses import TrustedProxies
from local import traffic
from model import Endpoint, minute_of
from posture.inventory_coverage import gap
from posture.inventory_declared import Declared, Estate
from posture.inventory_shape import DAY
from tests.inventory_truth import Truth, truth
from tools.inventory import main, report, stock

START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=45)
TRUSTED = "10.9.0.0/16"
PUBLIC = [f"203.0.113.{n}" for n in range(1, 80)]
PRIVATE = ["10.1.2.3", "192.168.7.7", "100.64.0.9", "fd00::7", "172.16.5.5"]

# template, addresses, auth of each call, days since START on which it is called
ENDPOINTS: tuple[tuple[str, list[str], list[list[str]], range], ...] = (
    ("/public", PUBLIC, [["subscription-key"]], range(45)),
    ("/private", PRIVATE, [["jwt"], ["jwt", "subscription-key"]], range(45)),
    ("/open", PUBLIC, [[]], range(45)),
    ("/mixed", PUBLIC, [["jwt"], []], range(45)),
    ("/claimed", PRIVATE, [["jwt?"]], range(45)),
    ("/abandoned", PUBLIC, [["jwt"]], range(12)),
    ("/late", PUBLIC, [["jwt"]], range(40, 45)),
    ("/edge", PUBLIC, [["jwt"]], range(14, 16)),
)


def event(at: datetime, template: str, ip: str, **changed: Any) -> dict[str, Any]:
    random = Random(int(at.timestamp()))
    made = traffic.call(
        random, at, traffic.OPERATIONS[0], urlTemplate=template, path=template, query="", pathParameters={}, clientIp=ip, status=200
    )
    return made | {"auth": ["subscription-key"]} | changed


def made(hole: range = range(0)) -> Iterator[dict[str, Any]]:
    """A call of each endpoint every two hours of its days, and none of the gateway in `hole` (hours since START)."""
    random = Random(5)
    for hour in range(0, 45 * 24, 2):
        if hour in hole:
            continue
        for template, addresses, proofs, days in ENDPOINTS:
            if hour // 24 in days:
                at = START + timedelta(hours=hour, minutes=random.randrange(100))
                through = random.random() < 0.2 and template == "/public"
                ip = random.choice(addresses)
                where = {"clientIp": "10.9.0.4", "forwardedFor": f"198.51.100.1, {ip}"} if through else {}
                yield event(at, template, ip, auth=random.choice(proofs), status=random.choice((200, 200, 201, 404, 500)), **where)


def lines(events: Any) -> Iterator[bytes]:
    return (traffic.encode(one) for one in events)


def expected(one: Truth, at: int) -> dict[str, Any]:
    """The columns of a row, from the minutes of all its calls."""
    days = range(at // DAY - 29, at // DAY + 1)
    proofs = {
        kind: sum(one.proofs[day][kind] for day in days if day in one.proofs)
        for kind in ("", "jwt", "jwt?", "subscription-key", "jwt+subscription-key")
    }
    total = sum(proofs.values())
    proven = total - proofs[""] - proofs["jwt?"]
    shares = {
        "jwt": proofs["jwt"] + proofs["jwt+subscription-key"],
        "subscription-key": proofs["subscription-key"] + proofs["jwt+subscription-key"],
    }
    return {
        "first": min(one.minutes),
        "last": max(one.minutes),
        "calls": sum(minute // DAY in days for minute in one.minutes),
        "all_calls": len(one.minutes),
        "active": max(one.minutes) > at - 30 * DAY,
        "authentication": "Awaiting data"
        if not total
        else "Authenticated"
        if proven == total
        else "Mixed"
        if proven
        else "Unauthenticated",
        "kinds": {kind: round(n / total, 4) for kind, n in shares.items() if n},
        "external_first": min(one.public, default=None),
        "external_last": max(one.public, default=None),
        "external": max(one.public, default=-1) > at - 30 * DAY
        or (False if any(minute // DAY in days for minute in one.minutes) else None),
        "callers": sum(day in days for day in one.callers.values()),
    }


def test_every_column_equals_a_straight_computation_from_the_file() -> None:
    events = list(made())
    stocked = stock(lines(events), trusted=TrustedProxies.parse([TRUSTED]))
    rows = {one.row.endpoint: one.row for one in report(stocked, Estate()).listed}
    true = truth(events, TRUSTED)
    at = max(minute for one in true.values() for minute in one.minutes)
    assert rows.keys() == true.keys()
    for endpoint, one in true.items():
        row, want = rows[endpoint], expected(one, at)
        found = {name: getattr(row, name) for name in want if name not in ("active", "callers")}
        assert found == {name: value for name, value in want.items() if name not in ("active", "callers")}, endpoint
        assert (row.status == "Active") is want["active"], endpoint
        times = sorted(time for day, some in one.durations.items() if day > at // DAY - 30 for time in some)
        assert row.p95 == (pytest.approx(times[ceil(0.95 * len(times)) - 1], rel=0.05) if times else None), endpoint
        assert abs(row.callers - want["callers"]) <= max(1, 0.05 * want["callers"]), endpoint
    by_template = {endpoint.template: row for endpoint, row in rows.items()}
    assert {template: row.status for template, row in by_template.items() if row.status != "Active"} == {"/abandoned": "Inactive"}
    assert {template: row.authentication for template, row in by_template.items()} == {
        "/public": "Authenticated", "/private": "Authenticated", "/open": "Unauthenticated", "/mixed": "Mixed", "/claimed": "Unauthenticated",
        "/abandoned": "Awaiting data", "/late": "Authenticated", "/edge": "Awaiting data" if by_template["/edge"].calls == 0 else "Authenticated",
    }  # fmt: skip
    assert {template for template, row in by_template.items() if row.external is False} == {"/private", "/claimed"}


@pytest.mark.parametrize(
    ("hole", "estate", "status", "cause"),
    [
        (range(0), Estate(), "Inactive", ""),
        (range(20 * 24, 22 * 24), Estate(), "Awaiting data", "no event of the gateway came for 4"),
        (range(20 * 24, 20 * 24 + 4), Estate(), "Inactive", ""),
        (range(0), Estate(sampling={"contoso": 25.0}), "Awaiting data", "Only 25 % of the calls"),
        (range(0), Estate([Declared("contoso", "shop", "GET", "/abandoned", is_watched=False)]), "Awaiting data", "not watched"),
        (
            range(0),
            Estate([Declared("contoso", "shop", "GET", "/abandoned", silent="its policy answers with mock-response")]),
            "Awaiting data",
            "mock-response",
        ),
    ],
)
def test_unused_is_said_only_of_what_was_watched_all_the_time(hole: range, estate: Estate, status: str, cause: str) -> None:
    rows = {one.row.endpoint.template: one.row for one in report(stock(lines(made(hole))), estate).listed}
    assert (rows["/abandoned"].status, cause in rows["/abandoned"].cause) == (status, True)


def test_an_operation_that_was_never_called_is_unused_only_once_its_api_was_watched_for_30_days() -> None:
    estate = Estate([Declared("contoso", "shop", "GET", "/never"), Declared("contoso", "other", "GET", "/x")])
    long = {one.row.endpoint.template: one.row for one in report(stock(lines(made())), estate).listed}
    assert (long["/never"].origin, long["/never"].status) == ("never-seen", "Inactive")
    assert (long["/x"].status, long["/x"].cause) == ("Awaiting data", "No event of this API has come yet.")
    short = {
        one.row.endpoint.template: one.row
        for one in report(stock(lines(event(START, "/public", PUBLIC[0]) for _ in range(3))), estate).listed
    }
    assert short["/never"].cause == "Watched since 2026-10-01, for less than 30 days."


def test_a_gateway_that_sleeps_at_night_has_no_gap() -> None:
    nights = [at for day in range(40) for at in (START + timedelta(days=day, hours=hour) for hour in range(8, 20))]
    stocked = stock(lines(event(at, "/public", PUBLIC[0]) for at in nights))
    coverage = stocked.coverages["contoso"]
    assert gap(coverage, coverage.last) == ""
    fewer = [at for at in nights if not 20 <= (at - START).days < 23]
    coverage = stock(lines(event(at, "/public", PUBLIC[0]) for at in fewer)).coverages["contoso"]
    assert "for 84 hours" in gap(coverage, coverage.last)


def test_a_gateway_that_is_silent_is_shown_as_of_its_last_event() -> None:
    stocked = stock(lines(made()))
    later = report(stocked, Estate(), minute_of(END + timedelta(days=60)))
    rows = {one.row.endpoint.template: one.row for one in later.listed}
    assert rows["/public"].status == "Active"
    assert "no event of the gateway came since" in rows["/public"].cause


# from the command line

OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/public": {"get": {"parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}], "responses": {"200": {"description": ""}}}},
        "/orders": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}, "responses": {"201": {"description": ""}}}},
        "/unused": {"get": {"responses": {"200": {"description": ""}}}},
    },
    "components": {"schemas": {"Order": {"type": "object", "properties": {"sku": {"type": "string"}}}}},
}  # fmt: skip


def write_events(path: Path, events: Any) -> str:
    path.write_bytes(b"\n".join(lines(events)) + b"\n")
    return str(path)


def orderly(days: int = 3) -> list[dict[str, Any]]:
    """Calls that do what OPENAPI says."""
    at = [START + timedelta(days=day, minutes=10 * n) for day in range(days) for n in range(30)]
    return [event(moment, "/public", PUBLIC[n % 9], query=f"page={n}") for n, moment in enumerate(at)]


def test_check_ends_with_1_where_something_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared = tmp_path / "openapi.yaml"
    declared.write_text(yaml.safe_dump(OPENAPI))
    good = write_events(tmp_path / "good.jsonl", orderly())
    assert main([good, "--declared", str(declared), "--check", "--no-look", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {one["endpoint"]: one["origin"] for one in shown["inventory"]} == {
        "GET /public": "declared", "POST /orders": "never-seen", "GET /unused": "never-seen",
    }  # fmt: skip
    assert shown["drift"] == []
    other = [one | {"query": one["query"] + "&debug=true", "status": 202, "responseContentType": "text/html"} for one in orderly()]
    bad = write_events(tmp_path / "bad.jsonl", other)
    assert main([bad, "--declared", str(declared), "--check", "--no-look", "--json"]) == 1
    found = {(one["kind"], one["subject"], one["severity"]) for one in json.loads(capsys.readouterr().out)["drift"]}
    assert found == {("parameter-undeclared", "query:debug", "Low"), ("status-undeclared", "202", "Low")}
    assert main([bad, "--declared", str(declared), "--no-look"]) == 0
    assert "query:debug" in capsys.readouterr().out


def test_countries_and_what_the_guard_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [one | {"clientIp": "8.8.8.8"} for one in orderly(1)]
    refused = [one | {"guard": "blocked:k7q2xd", "status": 403} for one in some[:4]]
    events = write_events(tmp_path / "events.jsonl", [*some[:9], *refused, some[9] | {"guard": "would-block:k7q2xd"}])
    assert main([events, "--no-look", "--json", "--countries"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["guarded"], shown["calls"]) == ({"blocked": 4, "would-block": 1}, 14)
    (row,) = shown["inventory"]
    assert (row["calls"], row["countries"], row["numberOfCountries"]) == (10, ["US"], 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl cannot be read: No such file"),
        (["{events}", "--declared", "nowhere.yaml"], "nowhere.yaml is not a file"),
        (["{events}", "--declared", "{events}"], "not JSON"),
        (["{garbage}"], "no line of the files is an event"),
        (["{events}", "--declared", "{openapi}", "--api", "other"], "say with --service and --api"),
        (["{events}", "--trusted", "example.com"], "is not an address or a CIDR"),
        (["{events}", "--openapi", "nowhere/out.json", "--no-look"], "cannot be written"),
    ],
)
def test_errors_are_one_plain_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(OPENAPI))
    (tmp_path / "garbage").write_text("x\n{}\n")
    names = {
        "events": write_events(tmp_path / "events.jsonl", orderly(1)),
        "garbage": str(tmp_path / "garbage"),
        "openapi": str(tmp_path / "openapi.json"),
    }
    assert main([argument.format(**names) for argument in arguments]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown
    assert "Traceback" not in shown


def test_an_export_of_arm_resources_declares_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = {
        "type": "Microsoft.ApiManagement/service", "name": "contoso", "properties": {"gatewayUrl": "https://contoso.azure-api.net"},
        "resources": [
            {"type": "apis", "name": "shop", "properties": {"displayName": "Shop", "path": "shop", "protocols": ["https"], "isCurrent": True, "subscriptionRequired": True},
             "resources": [
                {"type": "operations", "name": "list", "properties": {"method": "GET", "urlTemplate": "/public", "displayName": "List"}},
                {"type": "operations", "name": "rest", "properties": {"method": "GET", "urlTemplate": "/files/*", "displayName": "Files"}},
             ]},
            {"type": "namedValues", "name": "gatewatch-sampling-percent", "properties": {"displayName": "gatewatch-sampling-percent", "value": "50", "secret": False}},
        ],
    }  # fmt: skip
    (tmp_path / "resources.json").write_text(json.dumps([service]))
    at = START
    behind = [event(at + timedelta(hours=n), "/files/*", PUBLIC[n % 9], path="/shop/files/a7", scheme="http") for n in range(60)]
    shadow = [
        {**event(at + timedelta(hours=n), "", PUBLIC[n % 9]), "urlTemplate": None, "apiId": None, "path": "/debug/dump"} for n in range(60)
    ]
    anonymous = [one | {"auth": []} for one in orderly()]
    events = write_events(tmp_path / "events.jsonl", [*anonymous, *behind, *shadow])
    assert main([events, "--declared", str(tmp_path / "resources.json"), "--no-look", "--json", "--check"]) == 1
    shown = json.loads(capsys.readouterr().out)
    rows = {one["endpoint"]: one for one in shown["inventory"]}
    assert {name: row["origin"] for name, row in rows.items()} == {
        "GET /public": "declared", "GET /shop/files/a7": "behind-wildcard", "GET /debug/dump": "undeclared", "GET /files/*": "never-seen",
    }  # fmt: skip
    assert rows["GET /public"]["authenticationByPolicy"] == "subscription-key"
    assert (
        rows["GET /public"]["contradiction"]
        == "The policy demands subscription-key, yet 90 of 90 calls that were answered 2xx proved nothing."
    )
    kinds = {(one["endpoint"], one["kind"], one["severity"], one["direction"]) for one in shown["drift"]}
    assert kinds == {
        ("GET /public", "authentication", "High", "api-off"),
        ("GET /public", "not-described", "Informational", "spec-behind"),
        ("GET /debug/dump", "operation-undeclared", "Medium", "api-off"),
    }


def test_the_learned_description_is_valid_and_the_same_every_time(tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.jsonl", made())
    for version in ("3.1", "3.0.3"):
        texts = []
        for name in ("one.json", "two.json"):
            assert main([events, "--openapi", str(tmp_path / name), "--openapi-version", version, "--no-look"]) == 0
            texts.append((tmp_path / name).read_text())
        assert texts[0] == texts[1]
        document = json.loads(texts[0])
        validate(document)
        assert document["paths"]["/abandoned"]["get"]["deprecated"] is True
        assert set(document["paths"]) == {template for template, *_ in ENDPOINTS}


def test_truth_knows_its_endpoints() -> None:
    assert {endpoint.template for endpoint in truth(made())} == {template for template, *_ in ENDPOINTS}
    assert Endpoint("contoso", "shop", "GET", "/open") in truth(made())
