"""Fuzzing the bodies of requests: each is read, or refused with one sentence that does not repeat it; and what was read names nobody where it may not."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(
    include=["alerts.request_body", "alerts.triage", "alerts.suppression", "retention.subject", "intel.mask", "web.posture"]
):
    from alerts import suppression, triage
    from alerts.request_body import decoded, parsed_once
    from intel.mask import addresses
    from retention import subject
    from web.drift import DriftPatch
    from web.posture import ExemptionPatch, _checked
from detectors import by_id
from tests.fuzz.runner import run

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DETECTORS = by_id()
SEEDS = [
    b'{"status": "Resolved", "comment": "client fixed", "expected": true}',
    b'{"detector": "API_SprayInRequests", "actor": "203.0.113.0/24", "until": "2026-11-20T00:00:00Z", "comment": "our own scanner", "confirm": "x"}',
    b'{"subject": {"ip": "::ffff:203.0.113.7"}}',
    b'{"subject": {"identity": "a"}}',
    b'{"exempt": {"why": "the backend authenticates", "until": "2027-01-31T00:00:00Z"}}',
    b'{"accept": {"why": "user:eve at 203.0.113.7"}}',
    b'{"a": 1, "a": 2}',
    b"[" * 500,
]


def rule(body: bytes) -> str:
    return suppression.parse(body, "1", "me", NOW, DETECTORS).comment


def patch(body: bytes) -> str:
    return triage.parse(body).comment


def person(body: bytes) -> str:
    assert subject.parse(body).actor
    return ""


def exemption(body: bytes) -> str:
    asked = decoded(body, ExemptionPatch, "{}")
    _checked(asked, NOW)
    return asked.exempt.why if asked.exempt else ""


def acceptance(body: bytes) -> str:
    decoded(body, DriftPatch, "{}")
    return ""


def one_input(data: bytes) -> None:
    for read in (rule, patch, person, exemption, acceptance):
        try:
            text = read(data)
        except (ValueError, subject.RequestRefused) as refusal:
            said = str(refusal)
            assert "\n" not in said
            assert len(said) < 600
            assert said.isprintable()
        else:
            assert next(addresses(text), None) is None
            json.dumps(parsed_once(data))


if __name__ == "__main__":
    run("bodies", one_input, SEEDS)
