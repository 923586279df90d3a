"""The back-test from files to the lines that are scored."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from local import traffic
from tools.backtest import main

END = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FLOODER, EXIT, LISTED = "203.0.113.250", "198.51.100.201", "198.51.100.202"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days of a small API, a flood, one call each from a Tor exit and a listed address, and two lines that are no calls."""
    calls = [*traffic.history(END, 4), *traffic.attack("flood", END)]
    calls += [traffic.call(Random(1), END + timedelta(minutes=30 + n), clientIp=ip) for n, ip in enumerate((EXIT, LISTED))]
    path = tmp_path_factory.mktemp("events") / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join([b"{", *map(traffic.encode, calls), b"null", b""])))
    return path


def alerts(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_from_events_to_alerts(events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, tor, intel = tmp_path / "alerts.jsonl", tmp_path / "exits.txt", tmp_path / "intel"
    tor.write_text(f"{EXIT}\n")
    intel.mkdir()
    (intel / "botnet.txt").write_text(f"# licence: none\n{LISTED}\n")
    assert main([str(events), "--alerts", str(out), "--tor", str(tor), "--intel", str(intel)]) == 0
    found = {(alert["detector"], alert["actor"]): alert for alert in alerts(out)}
    flood = found["API_SpikeInAPITraffic", FLOODER]
    assert flood["endpoint"] == "GET /v1/search"
    assert datetime.fromisoformat(flood["start"]) == END
    assert END <= datetime.fromisoformat(flood["raised"]) <= END + timedelta(minutes=5)
    assert ("API_AccessFromTorExitNode", EXIT) in found
    assert ("API_AccessFromSuspiciousIP", LISTED) in found
    told = capsys.readouterr().err
    assert "2 messages were no calls" in told or told.count("1 messages were no calls") == 2
    assert FLOODER not in told


def test_limits_hold(events: Path, tmp_path: Path) -> None:
    out, limits = tmp_path / "alerts.jsonl", tmp_path / "limits.json"
    limits.write_text(json.dumps({"limits": {"API_SpikeInAPITraffic": {"few_floor": 1000, "floor": 1000}}}))
    assert main([str(events), "--alerts", str(out), "--limits", str(limits)]) == 0
    assert not [alert for alert in alerts(out) if alert["detector"] == "API_SpikeInAPITraffic"]


@pytest.mark.parametrize(
    ("option", "content", "told"),
    [
        ("--limits", '{"limits": {"API_SpikeInAPITrafic": {}}}', "did you mean 'API_SpikeInAPITraffic'"),
        ("--limits", "{", "must be JSON"),
        ("--tor", None, "No such file"),
        ("--intel", None, "No such file"),
    ],
)
def test_what_cannot_be_used_is_named(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: str | None, told: str
) -> None:
    given = tmp_path / "given"
    if content is not None:
        given.write_text(content)
    assert main([str(events), option, str(given)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_file_that_is_not_there_or_not_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing.jsonl")]) == 2
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b"null\n" * 1000)[:-12])
    assert main([str(cut)]) == 2
    assert "nothing.jsonl" in "".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("", "", "holds no feeds"),
        ("events.jsonl", '{"v":1,"clientIp":"203.0.113.7"}\n{"v":1,"clientIp":"203.0.113.8"}\n', "is no list of addresses"),
        ("readme.md", "# Feeds\n\nThis folder holds\nwhatever somebody put here.\n", "is no list of addresses"),
        ("access.log", "app[1]: GET / 200 from 203.0.113.7\n" * 5, "is no list of addresses"),
    ],
)
def test_a_folder_that_holds_something_else_is_told(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, told: str
) -> None:
    """It is not taken for feeds without an address."""
    if name:
        (tmp_path / name).write_text(content)
    assert main([str(events), "--intel", str(tmp_path)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
