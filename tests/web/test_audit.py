"""The audit: every change of the API leaves who, when, what, before and after; nobody's address, identity or comment; and no change goes without."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from adapters import alerts, audit
from adapters.app import App
from adapters.tables import Tables
from model import alert_id, minute_of
from settings import Connection, Settings, read
from tests.adapters.world import START
from tests.build import alert
from web import audited
from web.routes import RESOURCES, Answer, Request

NOW = START + timedelta(hours=10)
ALICE = {"x-ms-client-principal-name": "alice@contoso.com"}
ACCUSED = "203.0.113.177"


@pytest.fixture
def app(account: Connection) -> App:
    text = str(account.connection_string)
    hub = "Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    settings: Settings = read({"StateStorage": text, "EvidenceStorage": text, "EventHubConnection": hub})
    return App(settings)


def ask(app: App, method: str, name: str, body: Any = None, at: datetime = NOW, headers: Mapping[str, str] = ALICE, **path: str) -> Answer:
    (resource,) = [one for one in RESOURCES if one.name == name]
    return audited.change(app, resource, Request(method, path, {}, headers, json.dumps(body).encode() if body is not None else b"", at))


def entries(app: App) -> list[audit.Entry]:
    return list(audit.newest(app.tables))


def test_a_rule_that_was_deleted_is_still_told(app: App) -> None:
    wanted = {"actor": ACCUSED, "detector": "API_Injection", "comment": "Ann's own scanner", "until": (NOW + timedelta(days=2)).isoformat()}
    made = ask(app, "POST", "suppressions", wanted).body
    assert ask(app, "DELETE", "suppression", at=NOW + timedelta(minutes=5), headers={}, id=made["id"]).status == 200
    deleted, added = entries(app)
    assert (added.action, added.by, added.outcome) == ("POST suppressions", "alice@contoso.com", 201)
    assert added.after["detector"] == "API_Injection"
    assert (deleted.action, deleted.target, deleted.by, deleted.outcome) == ("DELETE suppressions/{id}", made["id"], "function key", 200)
    assert deleted.before["detector"] == "API_Injection"
    assert deleted.before["until"] == made["until"]
    assert ACCUSED not in str(entries(app))
    assert "Ann" not in str(entries(app))


def test_fifty_comments_push_no_dismissal_out(app: App) -> None:
    stored = alert()
    alerts.write(app.tables, [stored], [])
    for n in range(60):
        body = {"status": "Dismissed"} if n == 0 else {"comment": f"note {n}"}
        assert ask(app, "PATCH", "alert", body, NOW + timedelta(seconds=n), {**ALICE, "if-match": "*"}, id=stored.id).status == 200
    oldest = entries(app)[-1]
    assert (oldest.after["properties"]["status"], oldest.before["properties"]["status"]) == ("Dismissed", "Active")


def test_what_is_refused_is_told_too(app: App) -> None:
    assert ask(app, "PATCH", "alert", {"status": "Resolved"}, headers={**ALICE, "if-match": "*"}, id="0" * 32).status == 404
    assert [(entry.outcome, entry.after) for entry in entries(app)] == [(404, {"status": "Resolved"})]


def test_a_look_leaves_nothing(app: App) -> None:
    ask(app, "GET", "suppressions")
    ask(app, "POST", "suppressions_preview", {"detector": "API_Injection", "until": (NOW + timedelta(days=2)).isoformat()})
    assert entries(app) == []


def test_a_change_that_dies_half_way_is_known_to_have_begun(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> Answer:
        raise SystemExit

    monkeypatch.setattr("web.suppressions.add", dies)
    with pytest.raises(SystemExit):
        ask(app, "POST", "suppressions", {"detector": "API_Injection", "until": (NOW + timedelta(days=2)).isoformat()})
    assert [entry.outcome for entry in entries(app)] == [audit.ASKED]
    assert ask(app, "GET", "audit").body["value"][0]["outcome"] == "unknown"


def test_no_change_without_a_trace(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise HttpResponseError("storage is away")

    monkeypatch.setattr(audit, "begin", fails)
    with pytest.raises(HttpResponseError):
        ask(app, "POST", "suppressions", {"detector": "API_Injection", "until": (NOW + timedelta(days=2)).isoformat()})
    assert ask(app, "GET", "suppressions").body["value"] == []


@pytest.fixture
def many(account: Connection) -> Tables:
    tables = Tables(account)
    for month in (10, 11):
        for n in range(30):
            at = NOW.replace(month=month, second=n, microsecond=n)
            audit.end(tables, audit.begin(tables, at, "alice", "PATCH x", str(n), {}, {}), 200, {})
    return tables


def test_pages_go_from_the_newest_back_over_months(app: App, many: Tables) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": "7", **({"cursor": cursor} if cursor else {})}
        (resource,) = [one for one in RESOURCES if one.name == "audit"]
        answer = audited.change(app, resource, Request("GET", {}, parameters, {}, b"", NOW))
        seen += [entry["at"] for entry in answer.body["value"]]
        cursor = answer.body["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("parameters", [{"limit": "0"}, {"limit": "x"}, {"cursor": "x' or 1 eq 1"}])
def test_a_page_that_is_none_is_refused(app: App, parameters: dict[str, str]) -> None:
    (resource,) = [one for one in RESOURCES if one.name == "audit"]
    assert audited.change(app, resource, Request("GET", {}, parameters, {}, b"", NOW)).status == 400


BROAD: list[tuple[dict[str, str], str]] = [
    ({"service": "contoso"}, "contoso"),
    ({"service": "contoso", "api": "shop"}, "shop"),
    ({"actor": "128.0.0.0/1"}, "128.0.0.0/1"),
    ({"actor": "2001:db8::/31", "detector": "API_Injection"}, "2001:db8::/31"),
]


@pytest.mark.parametrize(("fields", "name"), BROAD)
def test_a_rule_that_would_blind_is_made_only_when_it_is_confirmed_by_name(app: App, fields: dict[str, str], name: str) -> None:
    wanted = {**fields, "until": (NOW + timedelta(days=2)).isoformat()}
    refused = ask(app, "POST", "suppressions", wanted)
    assert refused.status == 409
    assert "confirm" in refused.body["error"]
    assert ask(app, "POST", "suppressions", {**wanted, "confirm": "yes"}).status == 409
    assert ask(app, "POST", "suppressions", {**wanted, "confirm": name}).status == 201


def test_a_rule_that_would_have_covered_most_alerts_of_the_week_is_confirmed(app: App) -> None:
    first = minute_of(NOW) - 30
    alerts.write(
        app.tables, [alert(id=alert_id(first, str(n)), first=first, last=first + 9, detector="API_Injection") for n in range(12)], []
    )
    until = (NOW + timedelta(days=2)).isoformat()
    answer = ask(app, "POST", "suppressions", {"detector": "API_Injection", "until": until})
    assert answer.status == 409
    assert "12 of the 12" in answer.body["error"]
    assert ask(app, "POST", "suppressions", {"detector": "API_SpikeInLatency", "until": until}).status == 201


@pytest.mark.parametrize("name", ["suppressions", "suppressions_preview", "alerts", "alert"])
def test_a_body_that_is_too_large_is_one_status_everywhere_and_leaves_nothing(app: App, name: str) -> None:
    method = "PATCH" if name.startswith("alert") else "POST"
    assert ask(app, method, name, {"comment": "x" * 20_000}, id="0" * 32).status == 413
    assert entries(app) == []


def test_a_key_that_is_named_twice_is_refused(app: App) -> None:
    (resource,) = [one for one in RESOURCES if one.name == "suppressions"]
    body = b'{"until": "2026-12-01T00:00:00Z", "detector": "API_Injection", "detector": "API_SpikeInLatency"}'
    answer = audited.change(app, resource, Request("POST", {}, {}, ALICE, body, NOW))
    assert answer.status == 400
    assert "no key twice" in answer.body["error"]
