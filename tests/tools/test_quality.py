"""The table of quality: the scorer's rules, the variations, and a real log where there is one."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from model import Alert, ApiCall, Endpoint, Severity, Sighting, service_endpoint
from tests.build import ENDPOINT, IP, START, api_call
from tools import quality
from tools.quality import halved, judged, main, merged, poisoned, read, shuffled, since, weak_exports
from tools.score import Attack, Benign, Truth, score

HOUR = 3600.0
BEGIN = START * 60.0
ATTACK = Attack(
    id=1,
    type="exfil",
    intensity=1,
    method="GET",
    endpoint=ENDPOINT.template,
    start=BEGIN,
    end=BEGIN + HOUR / 3,
    phase="eval",
    ip=IP,
    event_lines=[0],
)
TRUTH = Truth(
    BEGIN - 30 * 24 * HOUR, BEGIN - HOUR, BEGIN + 24 * HOUR, [Benign("launch_ramp", BEGIN + 6 * HOUR, BEGIN + 7 * HOUR)], [ATTACK]
)


def raised(minutes: int, *, endpoint: Endpoint = ENDPOINT, actor: str | None = IP, incident: str = "one") -> Alert:
    at = START + minutes
    return Alert(f"{at}{endpoint}{actor}", "API_X", endpoint, Severity.LOW, at, at + 5, at + 4, Sighting(1, actor=actor), incident=incident)


@pytest.mark.parametrize(
    ("case", "alerts", "found", "false", "surges", "incidents"),
    [
        ("nothing", [], 0, 0, 0, 0),
        ("the attack", [raised(0)], 1, 0, 0, 0),
        ("an alert that spans endpoints", [raised(0, endpoint=service_endpoint("contoso"))], 1, 0, 0, 0),
        ("everybody together", [raised(0, actor=None)], 1, 0, 0, 0),
        ("somebody else", [raised(0, actor="198.51.100.1")], 0, 1, 0, 1),
        ("somewhere else", [raised(0, endpoint=Endpoint("contoso", "shop", "GET", "/"))], 0, 1, 0, 1),
        ("two within the hour are one episode", [raised(60), raised(120)], 0, 1, 0, 1),
        ("two far apart are two", [raised(60), raised(180, incident="two")], 0, 2, 0, 2),
        ("in a surge", [raised(6 * 60 + 5)], 0, 0, 1, 0),
        ("in the history", [raised(-24 * 60)], 0, 0, 0, 0),
    ],
)
def test_the_scorer(case: str, alerts: list[Alert], found: int, false: int, surges: int, incidents: int) -> None:
    scored = score(TRUTH, alerts)
    assert scored.found == {"exfil": [(0, 0), (found, 1), (0, 0)]}, case
    assert scored.delays == {"exfil": 5.0 if found else None}
    assert (scored.false, scored.surges) == (Counter({"API_X": false} if false else {}), Counter({"API_X": surges} if surges else {})), case
    assert scored.false_incidents == incidents, case


def traffic(days: int = 4) -> list[ApiCall]:
    return [api_call(minutes=7 * n, client_ip=f"198.51.100.{n % 50}", response_bytes=1_000) for n in range(days * 24 * 60 // 7)]


def test_variations_keep_what_they_should() -> None:
    calls = traffic()
    mixed = shuffled(calls)
    assert Counter(c.time.date() for c in mixed) == Counter(c.time.date() for c in calls)
    assert [c.time for c in mixed] == sorted(c.time for c in mixed)
    assert Counter(c.time.hour for c in mixed) != Counter(c.time.hour for c in calls[: len(calls) // 2])
    half = halved(calls)
    assert 0 < len({c.client_ip for c in half}) < 50
    assert Counter(c.client_ip for c in half).items() <= Counter(c.client_ip for c in calls).items()
    together = merged(calls)
    assert len(together) == len(calls)
    assert len({c.time.date() for c in together}) == 3


def test_labelled_traffic_is_varied() -> None:
    calls = traffic()
    poison = poisoned(calls, TRUTH)
    (put_in,) = [call for call in poison if call.time < calls[0].time]
    assert put_in.time == calls[0].time - timedelta(days=15)
    assert put_in.client_ip != calls[0].client_ip
    young = since(calls, TRUTH, 0)
    assert young[0].time >= datetime.fromtimestamp(TRUTH.eval_start, UTC)
    exported, truth = weak_exports(calls, TRUTH, each=2)
    added = Counter(call.client_ip for call in exported if (call.client_ip or "").startswith("198.18."))
    assert list(added.values()) == [5, 5]
    assert {attack.ip for attack in truth.attacks} == added.keys()


def test_the_table_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none")]) == 2
    assert "no folder" in capsys.readouterr().err
    assert main(["--data", str(tmp_path), "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == []


@pytest.mark.skipif(not (quality.DATA / "logs").is_dir(), reason="GATEWATCH_SAMPLES names no folder with logs of a real site")
@pytest.mark.parametrize(("log", "goal"), [("website-unmatched", 2.0), ("website-wildcard", 2.0), ("website-operations", 1.0)])
def test_a_real_site_is_quiet_however_it_is_told(log: str, goal: float) -> None:
    calls = read(quality.DATA / "logs" / f"{log}.jsonl.gz")
    for some in (calls, halved(calls)):
        run = judged(log, some)
        assert run.incidents / run.days <= goal
        assert "API_SprayInRequests" in {alert.detector for alert in run.alerts}, "it was probed, too"


def test_a_scan_spread_over_fifty_addresses_is_one_incident() -> None:
    """Through everything that judges, from events to incidents: 1,500 unknown paths within an hour, no address with more than 30 of them."""
    history = traffic()
    scan = [
        api_call(
            minutes=4 * 24 * 60 + n // 25,
            client_ip=f"203.0.113.{n % 50}",
            url_template=None,
            path_parameters=None,
            path=f"/{['admin', 'backup', 'old', 'test', 'wp-content', 'cgi-bin'][n % 6]}/{n}.php",
            status=404,
        )
        for n in range(1_500)
    ]
    found = [alert for alert in judged("a scan", [*history, *scan]).alerts if alert.first >= START + 4 * 24 * 60]
    assert found
    assert len({alert.incident for alert in found}) == 1
    assert max(alert.campaign.actors for alert in found if alert.campaign) == 50
