"""Learning: days from windows, baselines from days, and what must not be learned."""

import msgspec
import pytest

from model import Endpoint, service_endpoint
from pipeline.learn import DaySummary, DayTops, Learner, baseline_of, pack_summary, summarise, unpack_summary
from tests.build import ENDPOINT, IP, START, value, window
from windows.baseline import LATENCY_ERRORS, Baseline, pack_baseline, unpack_baseline, weekday
from windows.closing import record_of
from windows.live import LiveWindow
from windows.record import Record, WindowRow

DAY = START // 1440
MIDNIGHT = DAY * 1440
SERVICE = service_endpoint("contoso")
OTHER = Endpoint("contoso", "shop", "GET", "/v1/search")
NEIGHBOURS = [f"198.51.100.{i}" for i in range(6)]


def rows(
    day: int, *, n: int = 10, slots: range = range(72), made: LiveWindow | None = None, endpoint: Endpoint = ENDPOINT
) -> list[WindowRow]:
    """A day on which every window of `slots` has the same calls, and its service's rows."""
    found = []
    for slot in slots:
        start = day * 1440 + slot * 20
        of = made or window(
            calls=[(NEIGHBOURS[0], 200, n)],
            values=[(ip, "path:id", [slot, slot + 1], True) for ip in NEIGHBOURS[:2]],
            milliseconds=[20.0] * n,
        )
        found.append(WindowRow(endpoint, start, record_of(of)))
        found.append(WindowRow(SERVICE, start, Record({200: n})))
    return found


def month(days: int = 30) -> list[DaySummary]:
    return [next(one for one in summarise(day, rows(day)) if one.endpoint == ENDPOINT) for day in range(DAY - days, DAY)]


def test_no_days_are_no_baseline() -> None:
    found = baseline_of(ENDPOINT, [])
    assert found == Baseline(ENDPOINT)
    assert found.rank("calls:2xx", 10) is None
    assert found.expected("2xx", START) is None
    assert found.threshold("2xx", START, 1.25, 3.0) == 0.0


def test_a_young_baseline_asks_for_more() -> None:
    at = {days: baseline_of(ENDPOINT, month(days)).threshold("2xx", START, 1.25, 0.0) for days in (1, 3, 8, 14, 30)}
    assert at[1] == pytest.approx(at[3])
    assert at[3] > at[8] > at[14]
    assert at[14] == pytest.approx(at[30])


def test_a_day_from_its_windows() -> None:
    tops = DayTops(ENDPOINT, DAY, {"day:path:id": [60.0, 50.0], "ips:path:id": [7]})
    found = next(one for one in summarise(DAY, rows(DAY), [tops]) if one.endpoint == ENDPOINT)
    assert found.calls == 720
    assert found.series["2xx"] == [10] * 72
    assert found.series["distinct:path:id"] == [2] * 72
    assert found.tops["calls:2xx"] == [10] * 12
    assert found.tops["day:path:id"] == [60.0, 50.0]
    assert found.parameters["path:id"].ips == 7
    assert found.parameters["path:id"].n == 4 * 72
    assert found.logs["2 2xx"].n == 720
    assert found.alive == (1 << 72) - 1


def test_windows_of_other_days_are_not_mixed_in() -> None:
    assert summarise(DAY, rows(DAY - 1) + rows(DAY + 1)) == []


def test_a_silent_day_of_a_known_endpoint_is_information_and_an_outage_is_not() -> None:
    found = {one.endpoint: one for one in summarise(DAY, rows(DAY), known=[ENDPOINT, OTHER])}
    assert found[OTHER].calls == 0
    assert found[OTHER].alive
    assert summarise(DAY, [], known=[ENDPOINT]) == []


def test_a_month() -> None:
    found = baseline_of(ENDPOINT, month())
    assert (found.days, found.calls, found.day) == (30, 21_600, DAY - 1)
    assert found.expected("2xx", START) == pytest.approx(10, rel=0.02)
    assert found.threshold("2xx", START, 1.25, 3.0) > 20
    assert found.rank("calls:2xx", 10) == 10
    assert found.latency["2xx"].n == 7 * 720
    assert found.parameters["path:id"] > 0
    assert found.types["path:id"].keys() == {3}
    assert found.seen["path:id"].distinct == 73
    assert found.pairs["2xx"] == 30 * 72


def test_only_thirty_days_count() -> None:
    assert baseline_of(ENDPOINT, month(40)) == baseline_of(ENDPOINT, month(40)[10:])


def test_an_outage_is_left_out_and_a_quiet_endpoint_is_not() -> None:
    ordinary = baseline_of(ENDPOINT, month())
    summaries = month(29)
    day = DAY - 30
    outage = next(one for one in summarise(day, rows(day, slots=range(30, 72))) if one.endpoint == ENDPOINT)
    found = baseline_of(ENDPOINT, [outage, *summaries])
    assert found.series["2xx"].mean == pytest.approx(10)
    alive = [row for row in rows(day) if row.endpoint == SERVICE]
    quiet = next(one for one in summarise(day, [*rows(day, slots=range(30, 72)), *alive]) if one.endpoint == ENDPOINT)
    assert baseline_of(ENDPOINT, [quiet, *summaries]).series["2xx"].mean < 10
    assert ordinary.series["2xx"].mean == pytest.approx(10)


def tainted(day: int, slots: range, n: int = 900) -> DaySummary:
    flood = window(calls=[(NEIGHBOURS[0], 200, n)])
    flood.tainted = {"2xx"}
    usual = rows(day, slots=range(slots.stop, 72))
    return next(one for one in summarise(day, rows(day, slots=slots, made=flood) + usual) if one.endpoint == ENDPOINT)


def test_found_windows_are_not_learned_until_they_are_the_rule() -> None:
    burst = tainted(DAY - 1, range(10))
    assert burst.series["2xx"][:11] == [-901] * 10 + [10]
    found = baseline_of(ENDPOINT, [*month()[1:], burst])
    assert found.series["2xx"].mean == pytest.approx(10)
    assert tainted(DAY - 1, range(40)).series["2xx"][0] == 900


def bursting(days: int, n: int = 900) -> list[DaySummary]:
    """A month in which on so many of its last days an hour's burst was found."""
    return [*month(30)[: 30 - days], *(tainted(day, range(3), n) for day in range(DAY - days, DAY))]


@pytest.mark.parametrize(("case", "days", "learned"), [("twice is an accident", 2, False), ("three days are its nature", 3, True)])
def test_bursts_that_come_back_are_learned_and_lift_the_line_only_so_far(case: str, days: int, learned: bool) -> None:
    found = baseline_of(ENDPOINT, bursting(days))
    assert (found.recurs == {"2xx": days}) == learned, case
    assert (found.series["2xx"].mean > 10.1) == learned, case
    assert found.series["2xx"].mean < 11
    enormous = baseline_of(ENDPOINT, bursting(days, 1_000_000))
    assert enormous.series == found.series, "nobody lifts the line quickly"


def test_bursts_of_failed_logins_are_never_learned() -> None:
    flood = window(calls=[(NEIGHBOURS[0], 401, 900)])
    flood.tainted = {"auth"}
    days = [
        next(
            one for one in summarise(day, rows(day, slots=range(3), made=flood) + rows(day, slots=range(3, 72))) if one.endpoint == ENDPOINT
        )
        for day in range(DAY - 9, DAY)
    ]
    found = baseline_of(ENDPOINT, [*month(30)[:21], *days])
    assert found.recurs == {}
    assert found.series["auth"].mean == 0


def test_an_actor_that_was_found_teaches_one_measure_a_day() -> None:
    def probed(day: int) -> DaySummary:
        made = window(routes=[(IP, 404, Endpoint("contoso", "", "GET", f"/probe{n}", matched=False)) for n in range(9)], endpoint=SERVICE)
        made.flagged = {IP}
        return next(one for one in summarise(day, [WindowRow(SERVICE, day * 1440 + slot * 20, record_of(made)) for slot in range(5)]))

    found = baseline_of(SERVICE, [probed(DAY + n) for n in range(4)])
    assert found.tops["lost"] == [9.0] * 4


def test_what_was_new_is_noticed_for_a_day() -> None:
    def with_role(day: int) -> DaySummary:
        made = window(values=[(IP, "query:role", [1], True)])
        return next(one for one in summarise(day, rows(day, slots=range(1), made=made)) if one.endpoint == ENDPOINT)

    found = baseline_of(ENDPOINT, [*month(29), with_role(DAY)])
    assert "query:role" in found.noticed
    (later,) = (one for one in summarise(DAY + 1, rows(DAY + 1)) if one.endpoint == ENDPOINT)
    assert "query:role" not in baseline_of(ENDPOINT, [*month(29), with_role(DAY), later]).noticed
    assert baseline_of(ENDPOINT, [with_role(DAY)]).noticed == [], "in the first days nobody is told"


def test_the_slowest_windows_are_known_without_those_that_were_found() -> None:
    slow = window(milliseconds=[500.0] * 4, calls=[(IP, 200, 4)])
    day = next(
        one for one in summarise(DAY, rows(DAY, slots=range(1), made=slow) + rows(DAY, slots=range(1, 72))) if one.endpoint == ENDPOINT
    )
    assert day.tops[LATENCY_ERRORS][0] > 4
    slow.found = {"API_SpikeInLatency"}
    day = next(
        one for one in summarise(DAY, rows(DAY, slots=range(1), made=slow) + rows(DAY, slots=range(1, 72))) if one.endpoint == ENDPOINT
    )
    assert all(error < 4 for error in day.tops.get(LATENCY_ERRORS, []))


def test_poison_is_not_learned_as_a_known_parameter_from_one_caller() -> None:
    def with_parameter(day: int, name: str, ips: list[str]) -> DaySummary:
        made = window(values=[(ip, name, [1], True) for ip in ips])
        return next(
            one for one in summarise(day, rows(day, slots=range(1), made=made) + rows(day, slots=range(1, 72))) if one.endpoint == ENDPOINT
        )

    def known(*days: DaySummary) -> bool:
        return "query:role" in baseline_of(ENDPOINT, [*month(29), *days]).parameters

    assert not known(with_parameter(DAY, "query:role", [IP]))
    assert not known(with_parameter(DAY, "query:role", [IP]), with_parameter(DAY + 1, "query:role", [IP]))
    assert known(*(with_parameter(DAY + i, "query:role", [IP]) for i in range(3)))
    assert known(with_parameter(DAY, "query:role", NEIGHBOURS[:5]))
    young = baseline_of(ENDPOINT, [with_parameter(DAY, "query:role", NEIGHBOURS[:2])])
    assert "query:role" in young.parameters


def test_ranks_of_few_days_let_as_small_a_share_pass() -> None:
    made = Baseline(ENDPOINT, 0, 30, 0, {}, {"calls:2xx": [float(12 - i) for i in range(12)]})
    assert made.rank("calls:2xx", 10) == 3
    assert msgspec.structs.replace(made, days=3).rank("calls:2xx", 10) == 12
    assert msgspec.structs.replace(made, days=15).rank("calls:2xx", 10) == 8


def test_unseen_values_count_only_once_enough_is_known() -> None:
    seen = baseline_of(ENDPOINT, month()).seen
    made = LiveWindow(ENDPOINT, START)
    for number in (1, 2, 500, 501, 502):
        made.value(IP, "path:id", value(number), 1, 1, 3)
    assert record_of(made, seen).series["unseen:path:id"] == 3
    assert "unseen:path:id" not in record_of(made).series
    assert record_of(made, {}).series["unseen:path:id"] == 5


def test_round_trips() -> None:
    found = baseline_of(ENDPOINT, month())
    assert unpack_baseline(pack_baseline(found)) == found
    assert len(pack_baseline(found)) < 20_000
    for summary in month(2):
        assert unpack_summary(pack_summary(summary)) == summary


@pytest.mark.parametrize("unpack", [unpack_baseline, unpack_summary])
def test_what_is_none_of_ours(unpack: object) -> None:
    assert callable(unpack)
    for packed in (b"", b"nonsense", msgspec.msgpack.encode({"a": 1})):
        with pytest.raises(ValueError, match="not a packed"):
            unpack(packed)


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 9"):
        unpack_summary(msgspec.msgpack.encode((9, msgspec.structs.replace(month(1)[0], alive=0), bytes(9))))


def test_a_learner_is_the_same_as_doing_it_by_hand() -> None:
    learner = Learner(month(29))
    for row in rows(DAY):
        learner.add(row)
    summaries, baselines = learner.close(DAY, [])
    by_hand = summarise(DAY, rows(DAY), known=[ENDPOINT])
    assert summaries == by_hand
    mine = next(one for one in baselines if one.endpoint == ENDPOINT)
    assert mine == baseline_of(ENDPOINT, [*month(29), next(one for one in by_hand if one.endpoint == ENDPOINT)])
    assert learner.close(DAY + 1, []) == ([], [])


def test_what_comes_late_is_learned_while_its_day_is_not() -> None:
    learner = Learner(rows=rows(DAY, slots=range(1)))
    learner.add_late(ENDPOINT, MIDNIGHT, record_of(window(calls=[(IP, 200, 5)])))
    learner.add_late(ENDPOINT, MIDNIGHT - 20, record_of(window(calls=[(IP, 200, 5)])))
    summaries, _ = learner.close(DAY, [])
    assert next(one for one in summaries if one.endpoint == ENDPOINT).series["2xx"][:2] == [15, 0]


def test_weekday() -> None:
    assert weekday(0) == 3, "1970-01-01 was a Thursday"
    assert weekday(DAY) == 2, "2026-03-04 is a Wednesday"
