"""Responses over real HTTP: through the real SDK to an emulated management interface, recorded in real tables, killed anywhere."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from adapters import responses
from adapters.guard_list import Address, GatewayRefused, GuardList, connect
from adapters.responses import Response, Responses, TooMany
from adapters.tables import Tables
from local import traffic
from model import minute_of
from pipeline.decode import decode
from pipeline.fold import fold
from response.entries import EMPTY, LISTS, MODE, Entry, Full, key_of, parse, place, put
from response.limits import Rails
from tests.adapters.killing import KilledError, killing
from tests.adapters.world import START
from tests.pipeline.test_decode import WHOLE
from tests.tools.arm_emulator import GROUP, NAME, SUBSCRIPTION, ArmService, serving

NOW = START
ME = "203.0.113.7"
HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> ArmService:
    values = {**dict.fromkeys(LISTS, EMPTY), MODE: "on", "gatewatch-guard-key": EMPTY}
    return ArmService(named_values=values, subscriptions={"mobile-app": {"state": "active"}})


@pytest.fixture
def guard(service: ArmService) -> Iterator[GuardList]:
    address = Address(SUBSCRIPTION, GROUP, NAME)
    with serving(service) as endpoint:
        yield GuardList(connect(address, None, endpoint, polling_interval=0, retry_total=0), address)


@pytest.fixture
def known(tables: Tables, guard: GuardList) -> Responses:
    return Responses(tables, guard, Rails(burst=100))


def wanted(target: str = ME, **changes: object) -> Response:
    made = Response(responses.new_id(), "ann", NOW, "ip", target, "block", NOW + HOUR)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def listed(service: ArmService) -> list[Entry]:
    return [entry for name in LISTS for entry in parse(service.named_values[name])]


def writes(service: ArmService) -> int:
    return len(service.writes())


def test_apply_lists_and_records_and_a_second_time_changes_nothing(known: Responses, service: ArmService) -> None:
    made, is_new = known.apply(wanted(), NOW)
    assert is_new
    assert listed(service) == [Entry(ME, made.id, minute_of(NOW + HOUR))]
    assert [one.id for one in known.records()] == [made.id]
    before = writes(service)
    again, is_new = known.apply(wanted(), NOW)
    assert (again.id, is_new, writes(service)) == (made.id, False, before)
    longer, is_new = known.apply(wanted(until=NOW + 2 * HOUR), NOW)
    assert is_new
    assert listed(service) == [longer.entry]


def test_every_write_says_which_version_it_was_made_from(known: Responses, service: ArmService) -> None:
    known.apply(wanted(), NOW)
    assert [tag for method, _, tag in service.requests if method == "PATCH"] not in ([], [None], ["*"])


def test_what_somebody_else_writes_meanwhile_stays(known: Responses, service: ArmService) -> None:
    name = LISTS[place(ME)]
    other = next(Entry(f"192.0.2.{n}", "byhand", minute_of(NOW + HOUR)) for n in range(256) if place(f"192.0.2.{n}") == place(ME))
    left = [1, 1]

    def edit(key: str) -> None:
        if key == f"namedValues/{name}" and left:
            left.pop()
            service.set_value(name, put(service.named_values[name], other, 0))

    service.after_get = edit
    made, _ = known.apply(wanted(), NOW)
    assert not left
    assert sorted(entry.id for entry in listed(service)) == sorted(["byhand", made.id])
    left.append(1)
    known.undo(made.id, "bob", NOW)
    assert [entry.id for entry in listed(service)] == ["byhand"]


def test_who_is_always_late_gives_up_in_words(known: Responses, service: ArmService) -> None:
    service.after_get = lambda key: service.set_value(key.partition("/")[2], ";192.0.2.1=b,99999999,x" + str(writes(service)))
    with pytest.raises(GatewayRefused, match="changed by somebody else"):
        known.apply(wanted(), NOW)


def test_undo_takes_one_back_and_says_who(known: Responses, service: ArmService) -> None:
    first, _ = known.apply(wanted(), NOW)
    second, _ = known.apply(wanted("203.0.113.8", action="slow", calls=10), NOW)
    undone = known.undo(first.id, "bob", NOW)
    assert undone is not None
    assert (undone.undone_by, undone.undone_at) == ("bob", NOW)
    assert listed(service) == [second.entry]
    assert [(row.response.id, row.state) for row in known.shown(NOW)] in (
        [(second.id, "active"), (first.id, "undone")],
        [(first.id, "undone"), (second.id, "active")],
    )
    assert known.undo("nobody", "bob", NOW) is None


def test_what_is_over_is_pruned_and_shown_as_over(known: Responses, service: ArmService) -> None:
    made, _ = known.apply(wanted(), NOW)
    later, _ = known.apply(wanted("203.0.113.8", until=NOW + 2 * HOUR), NOW)
    known.prune(NOW + HOUR)
    assert listed(service) == [later.entry]
    assert {row.response.id: row.state for row in known.shown(NOW + HOUR)} == {made.id: "over", later.id: "active"}
    before = writes(service)
    known.prune(NOW + HOUR)
    assert writes(service) == before


def test_panic_switches_off_and_keeps_the_list(known: Responses, service: ArmService, guard: GuardList) -> None:
    made, _ = known.apply(wanted(), NOW)
    known.panic("ann", NOW)
    assert (guard.mode(), listed(service)) == ("off", [made.entry])
    guard.switch("on")
    assert guard.mode() == "on"
    with pytest.raises(ValueError, match="off, dry, on"):
        guard.switch("onn")


def test_a_subscription_is_suspended_and_comes_back(known: Responses, service: ArmService) -> None:
    made, _ = known.apply(wanted("mobile-app", kind="subscription", action="suspend"), NOW)
    assert service.subscriptions["mobile-app"] == {"state": "suspended", "stateComment": f"gatewatch:{made.id}"}
    known.apply(wanted("mobile-app", kind="subscription", action="suspend"), NOW)
    assert len(list(known.records())) == 1
    known.undo(made.id, "bob", NOW)
    assert service.subscriptions["mobile-app"]["state"] == "active"
    again, _ = known.apply(wanted("mobile-app", kind="subscription", action="suspend"), NOW)
    known.prune(NOW + HOUR)  # its time is over: it does not end by itself at the gateway
    assert service.subscriptions["mobile-app"]["state"] == "active"
    service.subscriptions["mobile-app"] = {"state": "suspended", "stateComment": "by the owner"}
    known.undo(again.id, "bob", NOW)
    assert service.subscriptions["mobile-app"]["state"] == "suspended"


@pytest.mark.parametrize(("method", "what"), [("PATCH", "no permission"), ("GET", "no permission")])
def test_a_lost_permission_is_said_and_leaves_a_record_that_says_not_applied(
    known: Responses, service: ArmService, method: str, what: str
) -> None:
    service.forbidden = {(method, name) for name in LISTS}
    with pytest.raises(GatewayRefused, match=what):
        known.apply(wanted(), NOW)
    service.forbidden = set()
    assert listed(service) == []
    assert {row.state for row in known.shown(NOW + timedelta(minutes=3))} <= {"not applied"}


def test_a_guard_that_is_not_there_is_said(known: Responses, service: ArmService) -> None:
    service.named_values.clear()
    with pytest.raises(GatewayRefused, match="deploy the guard first"):
        known.apply(wanted(), NOW)
    assert list(known.records()) == []


def test_no_more_than_so_many_in_ten_minutes(tables: Tables, guard: GuardList) -> None:
    careful = Responses(tables, guard, Rails(burst=2))
    for host in (1, 2):
        careful.apply(wanted(f"192.0.2.{host}"), NOW)
    with pytest.raises(TooMany, match="burst"):
        careful.apply(wanted("192.0.2.3"), NOW)
    careful.apply(wanted("192.0.2.3"), NOW, confirmed=True)
    careful.apply(wanted("192.0.2.4", when=NOW + HOUR), NOW + timedelta(minutes=11))


def test_a_full_list_is_said_and_nothing_is_lost(known: Responses, service: ArmService) -> None:
    name = LISTS[place(ME)]
    value, host = EMPTY, 0
    while len(value) < 4060:
        host += 1
        if place(f"100.0.{host >> 8}.{host & 255}") == place(ME):
            value = put(value, Entry(f"100.0.{host >> 8}.{host & 255}", "k", 99_999_999), 0)
    value = value + f";100.200.200.200=b,99999999,{'k' * 12}"
    service.set_value(name, value)
    with pytest.raises(Full):
        known.apply(wanted(id="z" * 16), NOW)
    assert service.named_values[name] == value


def test_hashes_stand_for_addresses_and_the_gateway_gets_the_key_once(tables: Tables, guard: GuardList, service: ArmService) -> None:
    secret = "0123456789abcdef" * 2
    hashed = Responses(tables, guard, Rails(burst=100), secret)
    made, _ = hashed.apply(wanted(), NOW)
    hashed.apply(wanted("203.0.113.8"), NOW)
    assert listed(service)[0].key.startswith("h:")
    assert ME not in str(service.named_values)
    assert service.named_values["gatewatch-guard-key"] == secret
    assert sum(path.endswith("gatewatch-guard-key") for method, path in service.writes()) == 1
    assert made.key == key_of(ME, secret=secret)
    assert [one.id for one in responses.of_target(tables, ME)] == [made.id]


STEPS = ("apply", "undo", "prune", "suspend", "resume")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before the request", "after its answer"])
def test_killed_between_any_two_requests_nothing_is_left_half(
    tables: Tables, known: Responses, service: ArmService, step: str, after: bool
) -> None:
    def scene() -> Response:
        for one in list(known.records()):
            responses.delete(tables, one.id)
        for name in LISTS:
            service.set_value(name, EMPTY)
        service.subscriptions["mobile-app"] = {"state": "active"}
        suspended = step in ("suspend", "resume")
        made = wanted("mobile-app", kind="subscription", action="suspend") if suspended else wanted()
        if step not in ("apply", "suspend"):
            known.apply(made, NOW)
        return made

    def act(made: Response) -> None:
        if step in ("apply", "suspend"):
            known.apply(replace_id(made), NOW)
        elif step == "prune":
            known.prune(NOW + 2 * HOUR)
        else:
            known.undo(made.id, "bob", NOW)

    def state() -> tuple[int, str]:
        return len(listed(service)), service.subscriptions["mobile-app"]["state"]

    act(scene())
    whole = state()
    with killing() as killer:
        for request in range(1, 100):
            made = scene()
            killer.arm(request, after=after)
            try:
                act(made)
                break
            except KilledError:
                killer.disarm()
            # The list always reads as a whole, and names nobody whom no record names.
            assert {entry.id for entry in listed(service)} <= {one.id for one in known.records()}
            act(made)  # whoever was interrupted does it again
            known.prune(NOW + 2 * HOUR if step == "prune" else NOW)
            assert state() == whole, request
        killer.disarm()
    assert request > 2


def replace_id(made: Response) -> Response:
    """The same wish again, as a new request has it."""
    return msgspec.structs.replace(made, id=responses.new_id(), key="")


def test_what_is_counted_twice_counts_once(tables: Tables) -> None:

    tally = fold([decode(traffic.encode(WHOLE | {"guard": guard})) for guard in ("blocked:a1", "blocked:a1", "would-block:b2")], b"k" * 32)
    for _ in range(2):
        responses.count(tables, [("0", 7, tally)])
    responses.count(tables, [("1", 3, tally)])
    found = responses.stopped_of(tables)
    assert (found["a1"].stopped, found["a1"].would, found["b2"].would) == (4, 0, 2)
