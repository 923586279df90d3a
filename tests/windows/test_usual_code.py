"""Fields that usually carry code: learned from a crowd over days, not from a few, and never for what nobody honest sends."""

import random
from datetime import timedelta
from urllib.parse import quote

import pytest

from model import NOBODY, Alert, Severity, moment
from pipeline.evaluation import Evaluation
from pipeline.fold import fold
from pipeline.learn import Learner
from pipeline.start import Criteria
from tests.attacks.attacks import unbroken
from tests.build import START, api_call
from windows.rules import INJECTION, SUSPICIOUS_AGENT
from windows.usual_code import CALLS, CLIENTS, DAYS, FIELDS, Code, learnable, together, usual

HTML = "script in request.body $.html"
KEY = b"k" * 32


def sightings(*seen: tuple[str, str], rule: str = INJECTION, status: int = 200) -> dict[tuple[str, str, str], dict[int, int]]:
    return {(rule, ip, detail): {status: 1} for ip, detail in seen}


def test_code_is_counted_with_its_clients_and_none_is_kept() -> None:
    found = learnable(sightings(*((f"198.51.100.{n}", HTML) for n in range(20))))
    calls, clients = found[HTML]
    assert calls == 20
    assert 10 < clients.bit_count() <= 20


@pytest.mark.parametrize(
    ("case", "seen"),
    [
        ("was refused", sightings(("198.51.100.1", HTML), status=403)),
        ("is no field", sightings(("198.51.100.1", "sql in path"))),
        ("is a name", sightings(("198.51.100.1", "sql in request.body a name"))),
        ("is nothing honest", sightings(("198.51.100.1", "log4j in request.header x-id"))),
        ("tries many fields", sightings(*(("198.51.100.1", f"sql in query:{n}") for n in range(4)))),
        ("also has the agent of a scanner", sightings(("198.51.100.1", HTML)) | sightings(("198.51.100.1", "scanner:nikto"), rule=SUSPICIOUS_AGENT)),
        ("also sends what is nothing honest", sightings(("198.51.100.1", HTML), ("198.51.100.1", "xxe in request.body $.html"))),
        ("is nobody that we know", sightings(*((ip, HTML) for ip in NOBODY))),
    ],
)  # fmt: skip
def test_nothing_is_learned_from_code_that(case: str, seen: dict[tuple[str, str, str], dict[int, int]]) -> None:
    assert case
    assert learnable(seen) == {}


def days(calls: int, clients: int, on: int, answered: int = 100) -> list[tuple[int, Code]]:
    return [(answered, {HTML: (calls, (1 << clients) - 1)}) for _ in range(on)]


@pytest.mark.parametrize(
    ("history", "known"),
    [
        ([], False),
        (days(50, CLIENTS, DAYS), True),
        (days(50, CLIENTS - 1, 30), False),
        (days(50, 20, DAYS - 1), False),
        (days(CALLS // DAYS - 1, 20, DAYS), False),
        (days(50, 20, 10, answered=10_000), False),
        ([*days(50, 20, 1), *days(50, 20, 1), (100, {}), *days(50, 20, 1)], True),
    ],
)
def test_usual_is_what_a_crowd_does_for_days(history: list[tuple[int, Code]], known: bool) -> None:
    assert usual(history) == ([HTML] if known else [])


def test_merging_adds_calls_and_unites_clients() -> None:
    a, b = {HTML: (2, 0b011)}, {HTML: (3, 0b110), "sql in query:q": (1, 1)}
    assert together((a, b)) == together((b, a)) == {HTML: (5, 0b111), "sql in query:q": (1, 1)}
    assert together((a,)) == a
    assert together(()) == {}


def test_names_that_callers_choose_take_no_room_without_end() -> None:
    many = learnable({(INJECTION, f"198.51.{n // 250}.{n % 250}", f"sql in query:{n}"): {200: 1} for n in range(1_000)})
    assert len(many) == FIELDS


# through the evaluation, as days pass

SVG = quote(unbroken("<svg xmlns='http://www.w3.org/2000/svg'><scr¦ipt>al¦ert(1)</scr¦ipt></svg>"), safe="")


def alerts_of_day(evaluation: Evaluation, day: int, queries: list[tuple[str, str, int]], position: int) -> list[Alert]:
    """Feed a day of calls, (query, address, status) in turn, spread over its hours."""
    calls = [
        api_call(day * 1440 + 60 + n, query=query, client_ip=ip, status=status, url_template="/pages", path="/pages", path_parameters=None)
        for n, (query, ip, status) in enumerate(queries)
    ]
    found: list[Alert] = []
    for at in range(0, len(calls), 20):
        evaluation.feed("0", fold(calls[at : at + 20], KEY), position * 1_000 + at)
        found += evaluation.step(moment(START) + timedelta(days=400)).alerts
    return [alert for alert in found if alert.detector == INJECTION]


def last_day(evaluation: Evaluation, queries: list[tuple[str, str, int]]) -> dict[str | None, Severity]:
    """The severities of a fifth day's strangers."""
    found = [*alerts_of_day(evaluation, 5, queries, 5), *evaluation.finish().alerts]
    return {alert.sighting.actor: alert.severity for alert in found if (alert.sighting.actor or "").startswith("203.")}


def history(senders: int) -> list[tuple[str, str, int]]:
    draw = random.Random(5)
    plain = [("q=lamp", f"198.51.100.{draw.randrange(30)}", 200) for _ in range(150)]
    return plain + [(f"svg={SVG}", f"198.51.100.{40 + n % senders}", 200) for n in range(30)]


@pytest.mark.parametrize(("senders", "severity"), [(12, Severity.INFORMATIONAL), (2, Severity.HIGH)])
def test_a_field_is_known_once_a_crowd_has_used_it_for_days(senders: int, severity: Severity) -> None:
    evaluation = Evaluation(criteria=Criteria(), learner=Learner(), live_rows=False)
    for day in range(5):
        alerts_of_day(evaluation, day, history(senders), day)
    assert last_day(evaluation, [(f"svg={SVG}", "203.0.113.50", 200)]) == {"203.0.113.50": severity}


def test_another_field_and_another_family_are_told_as_before() -> None:
    evaluation = Evaluation(criteria=Criteria(), learner=Learner(), live_rows=False)
    for day in range(5):
        alerts_of_day(evaluation, day, history(12), day)
    attacks = [
        (f"q={SVG}", "203.0.113.51", 200),
        (f"svg={quote(unbroken('1 UN¦ION SEL¦ECT 1,2--'))}", "203.0.113.52", 200),
        (f"svg={quote(unbroken('${jn¦di:ldap://x}'))}", "203.0.113.53", 200),
    ]
    assert last_day(evaluation, attacks) == dict.fromkeys(("203.0.113.51", "203.0.113.52", "203.0.113.53"), Severity.HIGH)
