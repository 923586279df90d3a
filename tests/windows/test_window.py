"""Windows: counts that stay true whatever is capped, records without actors, and merges that equal the whole."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import OTHER, is_service_endpoint, service_endpoint
from tests.build import ENDPOINT, IP, START, value, window
from windows import live, parameter
from windows.closing import record_of
from windows.live import LiveWindow
from windows.record import Record, merge_late, merge_records, pack_record, unpack_record, untainted

actors = st.sampled_from(["203.0.113.1", "203.0.113.2", "203.0.113.3", "", "198.51.100.9"])
calls = st.lists(st.tuples(actors, st.sampled_from([200, 201, 302, 401, 404, 500]), st.integers(1, 5)), max_size=30)
values = st.lists(
    st.tuples(actors, st.sampled_from(["path:id", "query:page"]), st.lists(st.integers(0, 20), max_size=4), st.booleans()), max_size=12
)


def test_empty_first() -> None:
    record = record_of(window())
    assert record == Record()
    assert record.n == 0
    assert merge_records(Record(), Record()) == Record()


@given(calls, values)
def test_record_round_trip(counted: list[tuple[str, int, int]], seen: list[tuple[str, str, list[int], bool]]) -> None:
    record = record_of(window(calls=counted, values=seen, sightings=[("API_Injection", IP, 200, "sql")], milliseconds=[3.0, 40.0]))
    assert unpack_record(pack_record(record)) == record


@given(calls, values)
def test_no_actor_is_in_a_record(counted: list[tuple[str, int, int]], seen: list[tuple[str, str, list[int], bool]]) -> None:
    made = window(
        calls=counted, values=seen, identities=[("subject:abcdef", 200, 3)], sightings=[("API_Injection", "203.0.113.1", 200, "sql")]
    )
    packed = pack_record(record_of(made))
    for text in (b"203.0.113", b"198.51.100", b"abcdef"):
        assert text not in packed


@given(calls, values, st.lists(st.tuples(actors, st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_busiest_against_everyone(
    counted: list[tuple[str, int, int]], seen: list[tuple[str, str, list[int], bool]], sizes: list[tuple[str, int, int]]
) -> None:
    of_endpoint = window(calls=counted, values=seen, sizes=sizes, identities=counted)
    assert of_endpoint.most_calls == max(of_endpoint.busiest + of_endpoint.busiest_lately)
    assert (of_endpoint.refusals, of_endpoint.failed) == (sum(of_endpoint.refused.values()), of_endpoint.classes[5])
    for at, reading in ((2, of_endpoint.busiest_request), (3, of_endpoint.busiest_answer), (5, of_endpoint.busiest_third)):
        assert reading == max((own[at] for own in of_endpoint.bytes.values()), default=0)
    assert of_endpoint.busiest_identity == max((n for own in of_endpoint.identities for n in own.values()), default=0)
    assert of_endpoint.busiest_values == max((one.most for one in of_endpoint.parameters.values()), default=0)
    assert of_endpoint.most_values == max((len(one.values) for one in of_endpoint.parameters.values()), default=0)
    of_service = window(endpoint=service_endpoint("contoso"), routes=[(ip, status, ENDPOINT) for ip, status, _ in counted])
    assert of_service.busiest_errors == max(of_service.errors.values(), default=0)


@given(st.lists(calls, min_size=2, max_size=4), st.lists(values, min_size=2, max_size=4), st.randoms())
def test_merge_equals_whole_for_all_that_adds(
    parts: list[list[tuple[str, int, int]]], seen: list[list[tuple[str, str, list[int], bool]]], random: Random
) -> None:
    every = record_of(window(calls=[call for part in parts for call in part], values=[one for part in seen for one in part]))
    records = [record_of(window(calls=part)) for part in parts] + [record_of(window(values=part)) for part in seen]
    random.shuffle(records)
    merged = Record()
    for record in records:
        merged = merge_records(merged, record)
    assert merged.calls == every.calls
    assert merged.parameters.keys() == every.parameters.keys()
    for name, one in every.parameters.items():
        other = merged.parameters[name]
        assert (other.n, other.ok, other.distinct, other.types, other.hashes) == (
            one.n,
            one.ok,
            one.distinct,
            one.types,
            one.hashes,
        )
    assert {name: n for name, n in merged.series.items() if n} == {name: n for name, n in every.series.items() if n}


def test_late_shares_are_merged_once() -> None:
    stored = record_of(window(calls=[(IP, 200, 5)]))
    late = record_of(window(calls=[(IP, 200, 2)]))
    once = merge_late(stored, "0", 41, late)
    assert once.calls == {200: 7}
    assert merge_late(once, "0", 41, late) == once
    assert merge_late(once, "0", 40, late) == once
    assert merge_late(once, "1", 41, late).calls == {200: 9}
    assert merge_late(None, "0", 3, late).calls == {200: 2}


def test_found_actors_are_not_learned() -> None:
    made = window(
        calls=[(IP, 200, 90), ("198.51.100.1", 200, 5)],
        values=[(IP, "path:id", range(50), True), ("198.51.100.1", "path:id", [1, 2, 3], True)],
    )
    made.flagged = {IP}
    record = record_of(made)
    assert record.calls == {200: 95}
    assert record.series["2xx"] == 5
    assert record.tops["calls:2xx"] == [5]
    assert record.pairs["2xx"] == 1
    assert record.parameters["path:id"].distinct == 50
    assert record.series["distinct:path:id"] == 3


def test_a_found_series_is_marked_and_its_count_kept() -> None:
    made = window(calls=[(IP, 200, 90)])
    made.tainted = {"2xx"}
    record = record_of(made)
    assert record.series["2xx"] == -91
    assert untainted(-91) == 90
    assert merge_records(record, record_of(window(calls=[(IP, 200, 4)]))).series["2xx"] == -95


def test_the_least_active_actors_are_folded_and_totals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ACTORS", 8)
    order = [(f"198.51.100.{i}", 200, 1 + (i == 5) * 90) for i in range(30)]
    made = [window(calls=order), window(calls=order[::-1])]
    for one in made:
        one.trim()
        assert sum(one.ips[2].values()) == one.n == 120
        assert one.ips[2]["198.51.100.5"] == 91
        assert len(one.ips[2]) <= 8
        assert set().union(*(own or () for own in one.codes.values())) == one.bytes.keys() - {OTHER}
    assert made[0].ips == made[1].ips
    assert record_of(made[0]).tops == record_of(made[1]).tops
    made[0].call("198.51.100.5", 200, 1, 0, 0, 0, 0)
    assert OTHER in made[0].ips[2]


def test_caps_on_names_values_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((live, "NAMES"), (live, "PARAMETERS"), (parameter, "VALUES"), (parameter, "VALUES_OF_ONE")):
        monkeypatch.setattr(owner, name, 3)
    made = LiveWindow(ENDPOINT, START)
    for i in range(50):
        made.agent(f"agent {i}", 2)
        made.reason(f"reason {i}", 1)
        made.value(IP, f"query:x{i}", value(i), 1, 0, 0)
        made.value(IP, "query:x0", value(i), 1, 1, 0)
        made.sighting("API_Injection", f"198.51.100.{i}", 200, "sql", 1)
    assert sum(made.agents.values()) == 100
    assert len(made.agents) == 4
    assert sum(made.reasons.values()) == 50
    assert len(made.parameters) == 4
    assert sum(parameter.n for parameter in made.parameters.values()) == 100
    assert len(made.parameters["query:x0"].values) == 3
    assert sum(sum(statuses.values()) for statuses in made.sightings.values()) == 50
    assert len(made.sightings) <= 16 * 3 + 1


def test_of_all_who_are_accused_a_window_remembers_those_that_it_knows() -> None:
    made = window(
        calls=[("198.51.100.1", 200, 1)], identities=[("user:1", 200, 1)], values=[("198.51.100.2", "path:id", [1], True)],
        routes=[("198.51.100.3", 404, ENDPOINT._replace(matched=False))],
    )  # fmt: skip
    made.accuse(
        {f"10.0.{number >> 8}.{number & 255}" for number in range(1_000)} | {"198.51.100.1", "198.51.100.2", "198.51.100.3", "user:1"}
    )
    assert made.flagged == {"198.51.100.1", "198.51.100.2", "198.51.100.3", "user:1"}


def test_a_value_is_ok_once_any_answer_was() -> None:
    made = LiveWindow(ENDPOINT, START)
    for ok in (0, 1, 0):
        made.value(IP, "path:id", value(1), 1, ok, 3)
    assert made.parameters["path:id"].values == {value(1): True}
    assert made.parameters["path:id"].by_ip == {IP: {value(1): True}}


def test_the_three_largest_answers_are_kept() -> None:
    made = window(sizes=[(IP, 0, size) for size in (5, 90, 7, 80, 1, 60)])
    assert made.bytes[IP] == [0, 243, 0, 90, 80, 60]


def test_what_is_no_record() -> None:
    with pytest.raises(ValueError, match="not a packed window record"):
        unpack_record(b"nonsense")
    newer = msgspec.msgpack.encode((99, Record()))
    with pytest.raises(ValueError, match="format 99"):
        unpack_record(newer)


def test_whole() -> None:
    assert is_service_endpoint(service_endpoint("contoso"))
    assert not is_service_endpoint(ENDPOINT)
