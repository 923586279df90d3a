"""The evaluation: the same answers however calls were batched, partitioned, interrupted and repeated; and every count equal to a straight one."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors import detector, discovered
from model import Alert, ApiCall, Endpoint, Incident, Severity, bucket_of, is_service_endpoint, minute_of, service_endpoint, window_start
from pipeline.evaluation import RECALL, Evaluation
from pipeline.fold import fold
from pipeline.learn import DaySummary, Learner
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Regular, Step
from tests.build import ENDPOINT, IP, START, api_call, baseline
from windows.baseline import Baseline
from windows.context import Context
from windows.record import Record, WindowRow, merge_late
from windows.tally import Tally, pack, unpack

KEY = b"a key for tests of sixteen bytes"
FAR = datetime(2030, 1, 1, tzinfo=UTC)
"""A clock by which every call of these tests is history."""
ATTACKER = "198.51.100.99"
ACCUSED = (ATTACKER, "198.51.100.98", "198.51.100.97", "198.51.100.96")
"""Flood, enumeration (fast enough to be a flood too), probes, user agent."""


@cache
def traffic() -> tuple[ApiCall, ...]:
    """Four and a half days of two operations, with a flood, an enumeration and probes on the last two days."""
    random = Random(5)
    calls = []
    for _ in range(3_000):
        ip = f"203.0.113.{random.randrange(40)}"
        if random.random() < 0.5:
            number = str(random.randrange(60))
            calls.append(
                api_call(random.uniform(0, 6_400), client_ip=ip, path_parameters={"id": number}, duration_ms=20, subscription_id="web")
            )
        else:
            calls.append(
                api_call(
                    random.uniform(0, 6_400), client_ip=ip, url_template="/v1/search", query="page=1", status=random.choice([200, 200, 404])
                )
            )
    calls += [api_call(5_000 + i / 10, client_ip=ATTACKER, path_parameters={"id": "7"}, response_bytes=50) for i in range(150)]
    calls += [api_call(5_900 + i / 8, client_ip="198.51.100.98", path_parameters={"id": str(900 + i)}) for i in range(120)]
    calls += [api_call(6_000 + i, client_ip="198.51.100.97", url_template=None, path=f"/admin/{i}", status=404) for i in range(9)]
    calls += [api_call(6_100, client_ip="198.51.100.96", user_agent="javascript:alert(1)")]
    return tuple(sorted(calls, key=lambda call: call.time))


Batches = list[tuple[str, Tally]]


def batched(calls: Sequence[ApiCall], size: int = 500) -> Batches:
    return [("0", fold(calls[at : at + size], KEY)) for at in range(0, len(calls), size)]


class Stored:
    """Storage as simple as it gets: what every step says, by key."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.incidents: dict[str, Incident] = {}
        self.rows: dict[tuple[Endpoint, int], Record] = {}
        self.regulars: dict[tuple[int, Endpoint, str, str], Regular] = {}
        self.summaries: list[DaySummary] = []
        self.baselines: dict[Endpoint, Baseline] = {}
        self.learned: dict[Endpoint, int] = {}
        self.activity: Counter[tuple[str, Endpoint, int, str]] = Counter()
        self.state: Step | None = None

    def write(self, step: Step) -> None:
        self.learned |= step.learned
        for row in [*step.changed, *step.closed]:
            self.rows[row.endpoint, row.window] = row.record
        for late in step.late:
            self.rows[late.endpoint, late.window] = merge_late(
                self.rows.get((late.endpoint, late.window)), late.partition, late.position, late.record
            )
        self.alerts.update((alert.id, alert) for alert in step.alerts)
        self.incidents.update((incident.id, incident) for incident in step.incidents)
        self.regulars.update(((regular.day, regular.endpoint, regular.measure, regular.actor), regular) for regular in step.regulars)
        self.summaries += step.summaries
        self.baselines.update((baseline.endpoint, baseline) for baseline in step.baselines)
        self.activity.update({(entry.ip, entry.endpoint, entry.window, entry.status_class): entry.n for entry in step.activity})
        self.state = step

    def restart(self) -> Evaluation:
        state = self.state
        assert state is not None
        learned = {summary.day for summary in self.summaries}
        open_days = [
            WindowRow(endpoint, window, record)
            for (endpoint, window), record in self.rows.items()
            if window // 1440 not in learned and state.closed_until is not None and window + 20 <= state.closed_until
        ]
        return Evaluation(
            EvaluationState(
                regulars=self.regulars.values(),
                alerts=self.alerts.values(),
                incidents=self.incidents.values(),
                learned=self.learned,
                positions=state.positions,
                closed_until=state.closed_until,
                watermark=state.watermark,
            ),
            Criteria(baselines=self.baselines.values()),
            learner=Learner(self.summaries, open_days),
        )


def played(batches: Batches, *, steps: int = 1, now: datetime = FAR) -> Stored:
    """Everything stored after these batches, fed `steps` batches a step."""
    evaluation, stored = Evaluation(learner=Learner()), Stored()
    for at in range(0, len(batches), steps):
        for position, (partition, tally) in enumerate(batches[at : at + steps], at):
            evaluation.feed(partition, tally, position)
        stored.write(evaluation.step(now))
    stored.write(evaluation.finish())
    return stored


@cache
def expected() -> Stored:
    return played(batched(traffic()))


def counts(stored: Stored) -> dict[tuple[Endpoint, int], dict[int, int]]:
    return {key: record.calls for key, record in stored.rows.items() if not is_service_endpoint(key[0])}


def straight(calls: Sequence[ApiCall]) -> dict[tuple[Endpoint, int], dict[int, int]]:
    found: dict[tuple[Endpoint, int], dict[int, int]] = defaultdict(dict)
    for call in calls:
        template = call.url_template
        endpoint = Endpoint("contoso", "shop", "GET", template) if template else bucket_of("contoso", "shop")
        of = found[endpoint, window_start(minute_of(call.time))]
        of[call.status] = of.get(call.status, 0) + 1
    return dict(found)


def test_what_is_found() -> None:
    found = {(alert.detector, alert.sighting.actor) for alert in expected().alerts.values()}
    assert ("API_SpikeInAPITraffic", ATTACKER) in found
    assert ("API_ParameterEnumeration", "198.51.100.98") in found
    assert ("API_SprayInRequests", "198.51.100.97") in found
    assert ("API_AccessFromSuspiciousUserAgent", "198.51.100.96") in found
    assert not any(alert.open for alert in expected().alerts.values())
    assert not any(incident.open for incident in expected().incidents.values())


def test_every_count_is_a_straight_count() -> None:
    assert counts(expected()) == straight(traffic())
    services = {key: sum(record.calls.values()) for key, record in expected().rows.items() if is_service_endpoint(key[0])}
    assert sum(services.values()) == len(traffic())
    assert expected().activity.total() == len(traffic())


def random_batches(calls: Sequence[ApiCall], random: Random, partitions: int) -> Batches:
    """The calls spread over partitions and cut into batches, in the order in which a tick would read them: every partition gets on in turn."""
    of: list[list[ApiCall]] = [[] for _ in range(partitions)]
    for call in calls:
        of[random.randrange(partitions)].append(call)
    queues = []
    for number, mine in enumerate(of):
        cuts = sorted({0, len(mine), *(random.randrange(len(mine) + 1) for _ in range(8))})
        queues.append([(str(number), fold(mine[a:b], KEY)) for a, b in pairwise(cuts)])
    found: Batches = []
    while any(queues):
        found.extend(queue.pop(0) for queue in queues if queue)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_batches_and_partitions_do_not_matter(seed: int) -> None:
    random = Random(seed)
    partitions = random.choice([1, 2, 4])
    stored = played(random_batches(traffic(), random, partitions), steps=partitions)
    assert counts(stored) == counts(expected())
    assert stored.alerts == expected().alerts
    assert {one.id: one.alerts for one in stored.incidents.values()} == {one.id: one.alerts for one in expected().incidents.values()}
    assert stored.activity == expected().activity


@pytest.mark.parametrize("seed", range(6))
def test_a_restart_at_any_step_changes_nothing(seed: int) -> None:
    random = Random(100 + seed)
    batches = batched(traffic(), 150)
    evaluation, stored = Evaluation(learner=Learner()), Stored()
    at = 0
    while at < len(batches):
        for position in range(at, min(len(batches), at + random.randint(1, 3))):
            evaluation.feed(*batches[position], position)
            at = position + 1
        stored.write(evaluation.step(FAR))
        if random.random() < 0.4:
            evaluation = stored.restart()
            assert stored.state is not None
            assert stored.state.watermark is not None
            since = stored.state.watermark - RECALL
            for position in range(at):
                partition, tally = batches[position]
                if tally.since + tally.tables["calls"][-1][0] >= since:
                    evaluation.recall(partition, unpack(pack(tally)), position)
            if seed % 2:
                evaluation.settle(stored.state.watermark)  # which packs what has ended
    stored.write(evaluation.finish())
    assert counts(stored) == counts(expected())
    assert {id: replace(alert, windows=0) for id, alert in stored.alerts.items()} == {
        id: replace(alert, windows=0) for id, alert in expected().alerts.items()
    }
    assert {key: record.series for key, record in stored.rows.items()} == {key: record.series for key, record in expected().rows.items()}
    assert [(one.endpoint, one.day, one.series) for one in stored.summaries] == [
        (one.endpoint, one.day, one.series) for one in expected().summaries
    ]


def test_a_tally_that_was_fed_is_not_fed_again() -> None:
    evaluation, stored = Evaluation(), Stored()
    for position, (partition, tally) in enumerate(batched(traffic()[:900], 300)):
        for _ in range(2):
            evaluation.feed(partition, tally, position)
    stored.write(evaluation.step(FAR))
    stored.write(evaluation.finish())
    assert counts(stored) == straight(traffic()[:900])


disordered = st.lists(st.tuples(st.integers(0, 600), st.sampled_from([200, 404]), st.sampled_from([IP, ATTACKER])), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(disordered, st.integers(1, 9))
def test_late_and_disordered_calls_are_counted_once(events: list[tuple[int, int, str]], size: int) -> None:
    calls = [api_call(minute, status=status, client_ip=ip) for minute, status, ip in events]
    stored = played(batched(calls, size))
    assert counts(stored) == straight(calls)
    assert stored.activity.total() <= len(calls)


def test_late_calls_name_their_source_and_change_nothing_else() -> None:
    evaluation = Evaluation(criteria=Criteria(baselines=[baseline()]))
    evaluation.feed("0", fold([api_call(0), api_call(200)], KEY), 7)
    evaluation.step(FAR)
    evaluation.feed("0", fold([api_call(5), api_call(6, user_agent="javascript:alert(1)")], KEY), 8)
    step = evaluation.step(FAR)
    assert [(late.endpoint, late.window, late.partition, late.position, late.record.calls) for late in step.late] == [
        (ENDPOINT, START, "0", 8, {200: 2})
    ]
    assert sum(activity.n for activity in step.late[0].activity) == 2
    assert step.closed == []
    assert [alert.detector for alert in step.alerts] == ["API_AccessFromSuspiciousUserAgent"], "what one call proves stays true"


def flood(minute: float, n: int = 100, ip: str = ATTACKER) -> Tally:
    return fold([api_call(minute + i / 200, client_ip=ip) for i in range(n)], KEY)


def test_live_calls_are_judged_at_once_and_history_waits_for_its_watermark() -> None:
    live, history = Evaluation(criteria=Criteria(baselines=[baseline()])), Evaluation(criteria=Criteria(baselines=[baseline()]))
    for evaluation in (live, history):
        evaluation.feed("0", flood(3), 1)
    now = datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=4)
    assert [alert.detector for alert in live.step(now).alerts] == ["API_SpikeInAPITraffic"]
    assert history.step(FAR).alerts == []
    history.feed("0", fold([api_call(10)], KEY), 2)
    assert [alert.raised for alert in history.step(FAR).alerts] == [START + 3]


def test_a_slow_partition_holds_the_watermark_until_it_is_idle() -> None:
    evaluation = Evaluation()
    now = datetime.fromtimestamp(START * 60, UTC)
    evaluation.feed("0", fold([api_call(0)], KEY), 1)
    evaluation.feed("1", fold([api_call(100)], KEY), 1)
    assert evaluation.step(now + timedelta(minutes=100)).watermark == START
    evaluation.feed("1", fold([api_call(103)], KEY), 2)
    assert evaluation.step(now + timedelta(minutes=104)).watermark == START
    evaluation.feed("1", fold([api_call(105)], KEY), 3)
    assert evaluation.step(now + timedelta(minutes=106)).watermark == START + 105


def test_time_passes_where_no_one_calls() -> None:
    evaluation = Evaluation(criteria=Criteria(baselines=[baseline()]))
    now = datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=4)
    evaluation.feed("0", flood(3), 1)
    evaluation.step(now)
    steps = [evaluation.step(now + timedelta(minutes=minutes)) for minutes in range(1, 120)]
    assert [row.endpoint for step in steps for row in step.closed] == [service_endpoint("contoso"), ENDPOINT]
    assert [alert.open for step in steps for alert in step.alerts] == [False]


def test_history_that_pauses_does_not_run_away() -> None:
    evaluation = Evaluation()
    evaluation.feed("0", fold([api_call(0)], KEY), 1)
    for minutes in range(0, 300, 5):
        step = evaluation.step(FAR + timedelta(minutes=minutes))
    assert step.watermark == START + 1, "its last minute too, for nothing more comes"
    assert step.closed == []


def test_an_age_without_calls_is_skipped() -> None:
    evaluation, stored = Evaluation(learner=Learner()), Stored()
    old = api_call(0, time=datetime(1970, 1, 2, tzinfo=UTC))
    for position, call in enumerate([old, api_call(0), api_call(3)]):
        evaluation.feed("0", fold([call], KEY), position)
        stored.write(evaluation.step(FAR))
    stored.write(evaluation.finish())
    assert counts(stored) == straight([old, api_call(0), api_call(3)])


def test_nothing_fed() -> None:
    step = Evaluation().step(FAR)
    assert (step.watermark, step.closed_until, step.alerts, step.closed) == (None, None, [], [])
    assert Evaluation().finish().alerts == []
    evaluation = Evaluation()
    evaluation.feed("0", fold([], KEY), 1)
    assert evaluation.step(FAR).positions == {"0": 1}


def test_refused_calls_to_unknown_paths_make_no_endpoint_and_none_is_lost() -> None:
    calls = [api_call(i / 10, url_template=None, path=f"/probe{'abcdefghijklmnopqrstuvwxyz'[i % 26]}/{i}", status=404) for i in range(100)]
    stored = played(batched(calls, 20))
    found = {endpoint for endpoint, _ in stored.rows if not is_service_endpoint(endpoint)}
    assert found == {bucket_of("contoso", "shop")}
    assert stored.learned == {}
    assert sum(sum(of.values()) for of in counts(stored).values()) == 100


REPORT = Endpoint("contoso", "shop", "GET", "/reports/{integer}/pages", matched=False)


def reports() -> list[ApiCall]:
    """Five hours on paths that nobody described."""
    return [api_call(i * 5, url_template=None, path=f"/reports/{i}/pages", client_ip=f"198.51.100.{i % 4}") for i in range(60)]


@pytest.mark.parametrize("size", [1, 7, 19])
def test_what_several_clients_are_answered_over_time_is_an_endpoint_from_a_window_on(size: int) -> None:
    stored = played(batched(reports(), size))
    (since,) = stored.learned.values()
    assert stored.learned == {REPORT: since}
    assert since % 20 == 0
    assert START + 60 < since < START + 240
    assert {key: sum(of.values()) for key, of in counts(stored).items()} == straight_at(reports(), since)


def test_late_calls_of_a_window_before_an_endpoint_was_learned_are_in_the_bucket_as_those_before_them() -> None:
    stored = played([*batched(reports(), 5), *batched(reports()[:30], 30)])
    (since,) = stored.learned.values()
    assert {key: sum(of.values()) for key, of in counts(stored).items()} == straight_at(reports() + reports()[:30], since)


def straight_at(calls: Sequence[ApiCall], since: int) -> dict[tuple[Endpoint, int], int]:
    windows = Counter(window_start(minute_of(one.time)) for one in calls)
    return {(REPORT if window >= since else bucket_of("contoso", "shop"), window): n for window, n in windows.items()}


def test_a_detector_that_fails_is_counted_and_alerted_on() -> None:
    @detector(
        id="API_Broken", title="Broken", severity=Severity.LOW, sees="Nothing.", causes="None.", remediation=("None.",), tactic="Impact",
        techniques=(), owasp_2019=(), owasp_2023=(),
    )  # fmt: skip
    def broken(window, baseline):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError

    evaluation = Evaluation(criteria=Criteria(baselines=[baseline()], detectors=[*discovered(), broken]))
    evaluation.feed("0", flood(3), 1)
    step = evaluation.step(datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=4))
    assert [failure.detector for failure in step.failures] == ["API_Broken"]
    assert {alert.detector for alert in step.alerts} == {"API_SpikeInAPITraffic", "Gatewatch_DetectorFailure"}
    failure = next(alert for alert in step.alerts if alert.detector == "Gatewatch_DetectorFailure")
    assert failure.sighting.parameter == "API_Broken"


def test_an_attack_is_not_learned() -> None:
    rows = {
        key: record
        for key, record in expected().rows.items()
        if "API_SpikeInAPITraffic" in record.found and not is_service_endpoint(key[0])
    }
    assert rows
    for (endpoint, start), record in rows.items():
        others = sum(
            1
            for call in traffic()
            if call.client_ip not in ACCUSED
            and call.url_template == endpoint.template
            and window_start(minute_of(call.time)) == start
            and call.status == 200
        )
        assert record.series["2xx"] == others


def days_of(regular_days: int) -> Iterator[Regular]:
    for back in range(1, regular_days + 1):
        yield Regular(START // 1440 - back, ENDPOINT, "calls:2xx", ATTACKER, 90.0)


@pytest.mark.parametrize(("days", "alerts"), [(0, 1), (2, 1), (3, 0)])
def test_three_days_make_a_regular(days: int, alerts: int) -> None:
    evaluation = Evaluation(
        EvaluationState(regulars=days_of(days), watermark=START, closed_until=START - 60), Criteria(baselines=[baseline()])
    )
    evaluation.feed("0", flood(3), 1)
    assert len(evaluation.step(datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=4)).alerts) == alerts


def test_regulars_are_written_at_close() -> None:
    found = {(regular.measure, regular.actor) for regular in expected().regulars.values()}
    assert ("calls:2xx", ATTACKER) in found
    assert ("distinct:path:id", "198.51.100.98") in found
    assert all(
        regular.value >= 13 for regular in expected().regulars.values() if not regular.measure.startswith(("refused", "lost", "routes"))
    )


def test_a_regular_day_is_read_as_the_rolling_day_is_judged() -> None:
    """A nightly job that comes late one night and early the next asks for twice as much within 24 hours, on no calendar day."""
    midnight = START - START % 1440 - START

    def run(minute: float, first: int) -> list[ApiCall]:
        return [api_call(minute + i / 10, path_parameters={"id": str(first + i)}) for i in range(50)]

    stored = played(batched([*run(midnight - 60, 0), *run(midnight + 600, 100)]))
    read = {regular.day: regular.value for regular in stored.regulars.values() if regular.measure == "day:path:id"}
    assert read == {START // 1440 - 1: 50.0, START // 1440: 100.0}


def test_a_sensitive_endpoint_raises_severity_and_says_so() -> None:
    evaluation = Evaluation(criteria=Criteria(baselines=[baseline()], contexts={ENDPOINT: Context(sensitive=("Email",))}))
    evaluation.feed("0", flood(3), 1)
    step = evaluation.step(datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=4))
    assert [alert.severity for alert in step.alerts] == [Severity.HIGH]
    assert "Email" in step.alerts[0].formula


def test_low_and_slow_survives_a_restart() -> None:
    def ids(n: int) -> Tally:
        return fold([api_call(20 * n + i, path_parameters={"id": str(4 * n + i)}) for i in range(4)], KEY)

    def clock(n: int) -> datetime:
        return datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=20 * n + 5)

    evaluation, stored = Evaluation(criteria=Criteria(baselines=[baseline()])), Stored()
    for n in range(6):
        evaluation.feed("0", ids(n), n)
        stored.write(evaluation.step(clock(n)))
    assert stored.alerts == {}
    assert stored.state is not None
    state = EvaluationState(positions=stored.state.positions, closed_until=stored.state.closed_until, watermark=stored.state.watermark)
    again = Evaluation(state, Criteria(baselines=[baseline()]))
    for n in range(6):
        again.recall("0", ids(n), n)
    again.feed("0", ids(6), 6)
    assert {alert.detector for alert in again.step(clock(6)).alerts} == {"API_SlowParameterEnumeration"}


def test_the_days_say_what_windows_cannot() -> None:
    evaluation = Evaluation()
    evaluation.feed("0", fold([*traffic()], KEY), 1)
    days = evaluation.step(FAR).days
    busiest = max((top for one in days for top in one.tops.get("day:path:id", [])), default=0)
    assert busiest >= 5
    assert all(IP not in repr(one) and ATTACKER not in repr(one) for one in days)
