"""What is delivered, over real sockets: every alert in every format to hub and webhook; whatever breaks, nothing is lost, and nothing doubles but under its id."""

import json
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from azure.eventhub import EventData
from msgspec.structs import replace

from adapters import alerts, outbox
from adapters.alert_hub import AlertHub
from adapters.batches import BatchLog
from adapters.data_subjects import Places
from adapters.deliver import Deliver
from adapters.deliver import Receiver as Outlet
from adapters.evidence import CONFIGURATION, Evidence
from adapters.health import check
from adapters.purge import Purge
from adapters.tables import Tables
from adapters.webhook import NAME, Webhook
from alerts.exports import FORMATS
from alerts.outgoing import DeliveryFailed, Message, MessageRefused
from alerts.render import BREACH
from alerts.triage import AlertPatch
from local import traffic
from local.eventhubs.server import EventHubs
from model import Alert, Endpoint, Severity, Sighting, alert_id, minute_of
from retention.policy import promises
from retention.subject import of
from settings import Connection, read
from tests.adapters.killing import KilledError, killing
from tests.adapters.receiver import SECRET, TAKEN, Arrived, Receiver
from tests.adapters.test_telemetry import Sink
from tests.adapters.test_webhook import configure
from tests.adapters.world import KEY, World, where_found
from tests.alerts.test_exports import RESOURCE, problems, read_cef
from tests.local.eventhubs_thread import poll, running
from tests.local.test_eventhubs import Receiver as HubReader
from tests.test_settings import LOCAL

# the SDK forgets sockets of connections that broke
pytestmark = [
    pytest.mark.usefixtures("forgotten_sockets"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FIRST = minute_of(NOW) - 40
IP = "203.0.113.77"
PATIENT, IMPATIENT = 60.0, 1.0
DAY = timedelta(days=1)


def an_alert(number: int, **changed: Any) -> Alert:
    first = FIRST + number
    endpoint = Endpoint("contoso", "orders", "PUT", f"/orders/{number}")
    sighting = Sighting(865, expected=80.5, threshold=161, actor=IP, status_class="2xx", mean=71.17, deviation=57.8)
    found = Alert(
        alert_id(first, str(number)), "API_SpikeInAPITraffic", endpoint, Severity.MEDIUM, first, first + 5, first + 5, sighting, {200: 865}
    )
    return replace(found, **changed)


class Records(Sink):
    """Every log record, as text and as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        self.records.append(record)

    def of(self, level: int) -> list[str]:
        return [record.getMessage() for record in self.records if record.name == "gatewatch.deliver" and record.levelno == level]


@dataclass
class Post:
    """A deployment's outputs: `deliver` as the function would have it, a hub, and a webhook that a test starts."""

    tables: Tables
    evidence: Evidence
    hub: str
    server: EventHubs
    records: Records
    formats: tuple[str, ...] = ("mdc",)
    webhook: Receiver = field(default_factory=Receiver)
    hub_connection: Connection | None = None
    longest: dict[str, float] = field(default_factory=lambda: dict.fromkeys(outbox.RECEIVERS, PATIENT))

    def deliver(self) -> Deliver:
        """A new one: what it knows is in storage."""
        connection = self.hub_connection or Connection("hub", self.server.connection_string)
        receivers: dict[str, Outlet] = {
            "hub": AlertHub(connection, self.hub, self.longest["hub"]),
            "webhook": Webhook(self.evidence, ("127.0.0.0/8",), longest=self.longest["webhook"]),
        }
        return Deliver(self.tables, receivers, self.formats, RESOURCE)

    def run(self, now: datetime = NOW) -> int:
        return self.deliver().run(now)

    def write(self, *some: Alert, now: datetime = NOW) -> None:
        """As evaluate does."""
        with outbox.announced(self.tables, some, now):
            alerts.write(self.tables, some, [])

    def waiting(self, receiver: str) -> list[str]:
        return [message.id for message in outbox.waiting(self.tables, receiver)]

    def at_hub(self, count: int) -> list[EventData]:
        with HubReader(self.server, self.hub) as reader:
            return list(reader.wait(count))

    def nothing_more_at_hub(self, count: int) -> bool:
        """Whether an event sent now is the next after `count`."""
        mark = Message("end", "mdc", "created", "text/plain", b"end")
        last = AlertHub(Connection("hub", self.server.connection_string), self.hub)
        last.send(mark)
        last.close()
        return [event.body_as_str() for event in self.at_hub(count + 1)].index("end") == count


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventHubs]:
    with running(tmp_path_factory.mktemp("hubs"), {f"alerts{i}": 1 for i in range(60)}) as server:
        yield server


HUBS = iter(range(60))


@pytest.fixture
def records() -> Iterator[Records]:
    """As in the worker: everything at its lowest, but the SDKs' loggers as function_app sets them."""
    found = Records()
    root, azure = logging.getLogger(), logging.getLogger("azure")
    levels = root.level, azure.level
    root.addHandler(found)
    root.setLevel(logging.DEBUG)
    azure.setLevel(logging.WARNING)
    yield found
    root.removeHandler(found)
    root.setLevel(levels[0])
    azure.setLevel(levels[1])
    assert where_found(found.found, [IP, SECRET, "t0ken-in-the-url", "/hooks/gatewatch", "t4ken"]) == []


@pytest.fixture
def post(tables: Tables, evidence: Evidence, server: EventHubs, records: Records) -> Post:
    return Post(tables, evidence, f"alerts{next(HUBS)}", server, records)


@pytest.fixture
def webhook(post: Post) -> Iterator[Receiver]:
    """It runs, and is configured."""
    with post.webhook.running() as receiver:
        configure(post.evidence, receiver.url)
        yield receiver
    assert receiver.forged == []


def body_of(event: EventData) -> bytes:
    return event.body_as_str().encode()


def order(some: list[Arrived]) -> list[str]:
    return [alert.id.partition("-")[0] for alert in some]


# what arrives


def test_every_alert_arrives_once_in_each_format_at_both(post: Post, webhook: Receiver) -> None:
    post.formats = tuple(FORMATS)
    some = [an_alert(number) for number in range(4)]
    post.write(*some)
    assert post.run() == 2 * 4 * 3
    assert post.run() == 0
    at_hub = [
        Arrived(
            str(event.properties[b"id"], "utf-8"),
            str(event.properties[b"format"], "utf-8"),
            str(event.properties[b"change"], "utf-8"),
            event.content_type or "",
            body_of(event),
        )
        for event in post.at_hub(24 // 2)
    ]
    assert at_hub == webhook.arrived
    assert post.nothing_more_at_hub(12)
    assert order(webhook.arrived) == [alert.id for alert in some for _ in FORMATS]
    assert [message.format for message in webhook.arrived[:3]] == list(FORMATS)
    assert {message.change for message in webhook.arrived} == {"created"}
    for message in webhook.arrived:
        if message.format == "mdc":
            document = json.loads(message.body)
            assert document["id"].startswith(RESOURCE)
            assert document["properties"]["entities"][1] == {"$id": "2", "address": IP, "type": "ip"}
        elif message.format == "ocsf":
            finding = json.loads(message.body)
            assert problems(finding, "1.5.0") == []
            assert finding["evidences"][0]["src_endpoint"] == {"ip": IP}
        else:
            assert read_cef(message.body.decode())[1]["src"] == IP
    assert post.waiting("hub") == post.waiting("webhook") == []


def test_an_update_is_told_when_something_matters_and_the_end(post: Post, webhook: Receiver) -> None:
    raised = an_alert(0)
    post.write(raised)
    post.run()
    for minutes in (1, 2, 3):
        raised = replace(raised, last=raised.last + minutes)
        post.write(raised)
        assert post.run() == 0
    post.write(raised := replace(raised, severity=Severity.HIGH))
    post.run()
    post.write(raised := replace(raised, windows=2))
    post.run()
    alerts.amend(post.tables, raised.id, None, AlertPatch("InProgress"), "test", NOW)
    outbox.mark(post.tables, [raised], NOW)
    post.run()
    post.write(replace(raised, open=False))
    post.run()
    assert [found.change for found in webhook.arrived] == ["created", "updated", "updated", "updated", "closed"]
    assert len({found.id for found in webhook.arrived}) == 5
    assert [json.loads(found.body)["properties"]["status"] for found in webhook.arrived] == ["Active"] * 3 + ["InProgress"] * 2
    assert post.nothing_more_at_hub(5)
    assert post.waiting("hub") == post.waiting("webhook") == []


def test_what_evaluation_and_analysts_wrote_survives(post: Post, webhook: Receiver) -> None:
    raised = an_alert(0)
    post.write(raised)
    alerts.amend(post.tables, raised.id, None, AlertPatch("InProgress", comment="mine"), "test", NOW)
    post.run()
    post.write(replace(raised, windows=2))
    found = alerts.find(post.tables, raised.id)
    assert found is not None
    assert (found.alert.windows, found.status, found.triage.revision) == (2, "InProgress", 1)
    assert {name: sent["mdc"].number for name, sent in found.told.items()} == {"hub": 1, "webhook": 1}


def test_who_is_suppressed_or_gone_is_not_told_of(post: Post, webhook: Receiver) -> None:
    post.write(an_alert(0, suppressed="rule"))
    outbox.mark(post.tables, [an_alert(1)], NOW)
    assert post.run() == 0
    assert post.waiting("hub") == post.waiting("webhook") == []
    assert alerts.find(post.tables, an_alert(1).id) is None


def test_who_was_erased_before_it_was_sent_is_not_sent(post: Post, webhook: Receiver) -> None:
    post.formats = tuple(FORMATS)
    post.write(an_alert(0), an_alert(1, sighting=replace(an_alert(1).sighting, actor="203.0.113.8")))
    places = Places(post.tables, BatchLog(post.tables), post.evidence, KEY, promises())
    assert places.erase("alerts/alerts", of("ip", IP), 1 << 40) == 1
    post.run()
    bodies = b"".join(message.body for message in webhook.arrived) + b"".join(map(body_of, post.at_hub(6)))
    assert IP.encode() not in bodies
    assert bodies.count(b"erased-") >= 6
    assert b"203.0.113.8" in bodies


def test_an_erasure_leaves_what_was_told_readable(post: Post, webhook: Receiver) -> None:
    raised = an_alert(0, sighting=replace(an_alert(0).sighting, actor="user:1"))
    post.write(raised)
    post.run()
    places = Places(post.tables, BatchLog(post.tables), post.evidence, KEY, promises())
    assert places.erase("alerts/alerts", of("userId", "1"), 1 << 40) == 1
    outbox.mark(post.tables, [raised], NOW)
    assert post.run() == 0


def test_a_run_ends_when_its_time_is_over_and_the_next_goes_on(post: Post, webhook: Receiver) -> None:
    some = [an_alert(number) for number in range(5)]
    post.write(*some)
    while post.waiting("webhook") or post.waiting("hub"):
        asked = Counter[str]()

        def out_of_time(asked: Counter[str] = asked) -> bool:
            asked[threading.current_thread().name] += 1
            return asked[threading.current_thread().name] > 1

        assert post.deliver().run(NOW, out_of_time) <= 4
    assert order(webhook.arrived) == [alert.id for alert in some]
    assert post.nothing_more_at_hub(5)


def test_with_nothing_to_tell_a_run_is_two_requests(post: Post, webhook: Receiver) -> None:
    """What tools/cost_units.json counts."""
    with killing() as counter:
        assert post.run() == 0
    assert counter.requests == 2


# who does not take anything


def test_where_nobody_is_configured_nothing_waits(post: Post) -> None:
    post.hub = ""
    post.write(an_alert(0))
    assert post.run() == 0
    assert post.waiting("hub") == post.waiting("webhook") == []
    post.hub = f"alerts{next(HUBS)}"
    post.write(an_alert(1))
    assert post.run() == 1


DEAD: dict[str, Callable[[Receiver], None]] = {
    "500": lambda receiver: setattr(receiver, "answers", lambda _: (500, {})),
    "503 with Retry-After": lambda receiver: setattr(receiver, "answers", lambda _: (503, {"retry-after": "15"})),
    "404": lambda receiver: setattr(receiver, "answers", lambda _: (404, {})),
    "a redirection": lambda receiver: setattr(receiver, "answers", lambda _: (308, {"location": "https://127.0.0.1:1/"})),
}


@pytest.mark.parametrize("how", DEAD)
def test_a_webhook_that_is_down_delays_nobody_and_loses_nothing(post: Post, webhook: Receiver, how: str) -> None:
    DEAD[how](webhook)
    some = [an_alert(number) for number in range(3)]
    for minute, alert in enumerate(some):
        post.write(alert)
        assert post.run(NOW + timedelta(minutes=20 * minute)) == 1  # the hub's
    assert [message.properties[b"id"].partition(b"-")[0].decode() for message in post.at_hub(3)] == [alert.id for alert in some]
    assert webhook.arrived == []
    assert len(webhook.tried) == 3, "only the oldest is tried, once each time"
    assert set(order(webhook.tried)) == {some[0].id}
    assert len({message.id for message in webhook.tried}) == 1
    webhook.answers = lambda _: TAKEN
    assert post.run(NOW + timedelta(hours=3)) == 3
    assert order(webhook.arrived) == [alert.id for alert in some]
    assert outbox.standing(post.tables, "webhook") == outbox.Standing()
    assert post.records.of(logging.INFO) == ["the webhook takes alerts again"]
    said = post.records.of(logging.ERROR if how in ("404", "a redirection") else logging.WARNING)
    assert len(said) == 3
    assert said[0].startswith("the webhook takes no alerts (HTTP ")


def test_a_webhook_that_nobody_serves(post: Post) -> None:
    with Receiver().running() as gone:
        configure(post.evidence, gone.url)
    post.write(an_alert(0))
    assert post.run() == 1
    assert outbox.standing(post.tables, "webhook").what == "ConnectionRefusedError"
    with Receiver(port=gone.port).running() as back:
        assert post.run(NOW + timedelta(minutes=1)) == 1
    assert order(back.arrived) == [an_alert(0).id]


def test_a_webhook_that_hangs_keeps_the_hub_from_nothing(post: Post, webhook: Receiver) -> None:
    """While one message hangs, what is raised meanwhile reaches the hub in the same run."""
    webhook.open.clear()
    post.write(an_alert(0))
    run = threading.Thread(target=post.run)
    run.start()
    assert poll(lambda: len(webhook.tried) == 1)
    with HubReader(post.server, post.hub) as reader:
        reader.wait(1)
        post.write(an_alert(1))
        reader.wait(2)
    assert run.is_alive()
    assert webhook.arrived == []
    webhook.open.set()
    run.join()
    post.run()
    assert order(webhook.arrived) == [an_alert(0).id, an_alert(1).id]


def test_a_webhook_that_does_not_answer_is_left_and_tried_again(post: Post, webhook: Receiver) -> None:
    webhook.open.clear()
    post.longest["webhook"] = IMPATIENT
    some = [an_alert(number) for number in range(3)]
    post.write(*some)
    assert post.run() == 3
    assert outbox.standing(post.tables, "webhook").what == "no answer within 1 s"
    assert len(webhook.tried) == 1
    webhook.open.set()
    post.longest["webhook"] = PATIENT
    post.run(NOW + timedelta(hours=1))
    assert list(dict.fromkeys(order(webhook.arrived))) == [alert.id for alert in some]


def test_pauses_grow_and_end_with_another_configuration(post: Post, webhook: Receiver) -> None:
    webhook.answers = lambda _: (500, {})
    post.write(an_alert(0))
    now, waits = NOW, []
    for _ in range(8):
        post.run(now)
        until = outbox.standing(post.tables, "webhook").until
        assert until is not None
        waits.append((until - now).total_seconds())
        tried = len(webhook.tried)
        post.run(until - timedelta(seconds=1))
        assert len(webhook.tried) == tried, "it was tried in its pause"
        now = until
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert outbox.standing(post.tables, "webhook").since == NOW
    post.run(now)
    webhook.answers = lambda _: TAKEN
    configure(post.evidence, webhook.url)  # somebody put it right: not fifteen minutes later, but now
    assert post.run(now) == 1


@pytest.mark.parametrize(("asked", "waits"), [("120", 120), ("0", 15), ("86400", 900)])
def test_the_receiver_says_how_long(post: Post, webhook: Receiver, asked: str, waits: int) -> None:
    webhook.answers = lambda _: (429, {"retry-after": asked})
    post.write(an_alert(0))
    post.run()
    assert outbox.standing(post.tables, "webhook").until == NOW + timedelta(seconds=waits)


def test_a_configuration_that_is_refused_keeps_everything(post: Post) -> None:
    post.evidence.put(CONFIGURATION, NAME, b'{"url": "http://hooks.example.com/t0ken-in-the-url", "secrets": []}')
    some = [an_alert(number) for number in range(3)]
    post.write(*some)
    assert post.run() == 3
    assert post.waiting("webhook") == [alert.id for alert in some]
    (said,) = post.records.of(logging.ERROR)
    assert said.startswith("the webhook takes no alerts (configuration/webhook.json is refused: secrets must be a list")
    with Receiver().running() as receiver:
        configure(post.evidence, receiver.url)
        assert post.run() == 3
    assert order(receiver.arrived) == [alert.id for alert in some]


@pytest.mark.parametrize("how", ["refuses connections", "says nothing"])
def test_a_hub_that_is_down_delays_nobody_and_loses_nothing(post: Post, webhook: Receiver, how: str) -> None:
    some = [an_alert(number) for number in range(3)]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if how == "says nothing":
            taken.listen()
        port = taken.getsockname()[1]
        post.hub_connection = Connection(
            "hub", f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
        )
        post.longest["hub"] = IMPATIENT if how == "says nothing" else PATIENT
        post.write(*some)
        assert post.run() == 3
        assert order(webhook.arrived) == [alert.id for alert in some]
        what = outbox.standing(post.tables, "hub").what
        assert what == ("ConnectError" if how == "refuses connections" else "no answer within 1 s")
    post.hub_connection = None
    post.longest["hub"] = PATIENT
    assert post.run(NOW + timedelta(minutes=1)) == 3
    assert [message.properties[b"id"].partition(b"-")[0].decode() for message in post.at_hub(3)] == [alert.id for alert in some]


def test_what_the_hub_does_not_take_for_its_size_is_refused_alone(post: Post) -> None:
    hub = AlertHub(Connection("hub", post.server.connection_string), post.hub)
    with pytest.raises(MessageRefused, match=r"^too large$"):
        hub.send(Message("a", "mdc", "created", "text/plain", b"x" * 2_000_000))
    hub.send(Message("b", "mdc", "created", "text/plain", b"x"))
    hub.close()
    hub.close()
    assert [message.properties[b"id"] for message in post.at_hub(1)] == [b"b"]


def test_a_hub_that_is_not_there_fails(post: Post) -> None:
    hub = AlertHub(Connection("hub", post.server.connection_string), "nowhere")
    with pytest.raises(DeliveryFailed):
        hub.send(Message("a", "mdc", "created", "text/plain", b"x"))
    hub.close()


# one message that is not wanted


def test_a_message_that_is_refused_holds_no_other_back(post: Post, webhook: Receiver) -> None:
    some = [an_alert(number) for number in range(4)]
    webhook.answers = lambda message: (422, {}) if message.id.startswith(some[1].id) else TAKEN
    post.write(*some)
    post.run()
    assert order(webhook.arrived) == [some[0].id, some[2].id, some[3].id]
    assert post.waiting("webhook") == [some[1].id]
    post.run(NOW + timedelta(seconds=14))
    assert len(webhook.tried) == 4, "it is not tried in its pause"
    webhook.answers = lambda _: TAKEN
    assert post.run(NOW + timedelta(seconds=15)) == 1
    assert webhook.arrived[-1].id.startswith(some[1].id)
    assert len({message.id for message in webhook.tried}) == 4
    assert post.waiting("webhook") == []
    assert not any("refused" in row for row in post.tables.query(outbox.TABLE, "PartitionKey eq 'webhook'")), (
        "its past would be held against it"
    )


def test_a_format_that_is_refused_keeps_no_other_format_back(post: Post, webhook: Receiver) -> None:
    post.formats = tuple(FORMATS)
    webhook.answers = lambda message: (415, {}) if message.format == "mdc" else TAKEN
    post.write(an_alert(0))
    for minutes in range(0, 60, 10):
        post.run(NOW + timedelta(minutes=minutes))
    assert [message.format for message in webhook.arrived] == ["ocsf", "cef"]


def test_after_three_days_a_refused_message_is_given_up_and_named(post: Post, webhook: Receiver) -> None:
    webhook.answers = lambda _: (400, {})
    raised = an_alert(0)
    post.write(raised)
    now = NOW
    while post.waiting("webhook"):
        post.run(now)
        assert now < NOW + 4 * DAY
        now += timedelta(hours=1)
    assert now - timedelta(hours=1) >= NOW + 3 * DAY
    assert len(webhook.tried) < 40
    (said,) = post.records.of(logging.ERROR)
    assert said == f"alert {raised.id} is given up: the webhook has refused it since {NOW.isoformat()}, last with HTTP 400"


def test_what_this_version_cannot_render_holds_no_other_back(post: Post, webhook: Receiver) -> None:
    post.write(an_alert(0, detector="OfALaterVersion"), an_alert(1))
    assert post.run() == 2
    assert order(webhook.arrived) == [an_alert(1).id]
    assert post.waiting("webhook") == post.waiting("hub") == [an_alert(0).id]
    assert "this version knows no detector 'OfALaterVersion'" in post.records.of(logging.WARNING)[0]


# crashes and rivals


def test_a_change_while_a_message_is_under_way_is_not_lost(post: Post, webhook: Receiver) -> None:
    raised = an_alert(0)
    post.hub = ""

    def changes_meanwhile(arrived: Arrived) -> Any:
        if len(webhook.arrived) < 3:
            post.write(replace(raised, windows=2 + len(webhook.arrived)))
        return TAKEN

    webhook.answers = changes_meanwhile
    post.write(raised)
    for _ in range(6):
        post.run()
    assert [json.loads(found.body)["properties"]["extendedProperties"]["Windows"] for found in webhook.arrived] == ["1", "2", "3", "4"]
    assert post.waiting("webhook") == []


def test_who_looks_between_mark_and_write_and_a_crash_after_it_lose_nothing(post: Post, webhook: Receiver) -> None:
    raised = an_alert(0)
    outbox.mark(post.tables, [raised], NOW)
    assert post.run() == 0
    alerts.write(post.tables, [raised], [])  # and here evaluate dies, before it marks again
    assert post.run(NOW + outbox.GRACE - timedelta(seconds=1)) == 0
    assert post.run(NOW + outbox.GRACE) == 2
    assert post.run(NOW + 2 * outbox.GRACE) == 0
    assert list(post.tables.query(outbox.TABLE, "PartitionKey ge @least", least="")) == []


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_it_doubles_only_under_the_same_id(post: Post, webhook: Receiver, seed: int) -> None:
    random, post.formats = Random(seed), ("mdc", "cef")
    some = [an_alert(number) for number in range(4)]
    states = 0
    with killing() as killer:
        for changes in ({}, {"windows": 2}, {"open": False}):
            for alert in some:
                killer.disarm()
                post.write(replace(alert, **changes))
                killer.arm(random.randrange(1, 12), after=random.random() < 0.5)
                with suppress(KilledError):
                    post.run()
            killer.disarm()
            post.run()
            states += 1
    assert post.waiting("webhook") == post.waiting("hub") == []
    at_hub = [str(message.properties[b"id"], "utf-8") for message in post.at_hub(states * 8)]
    for ids in ([message.id for message in webhook.arrived], at_hub):
        assert len(ids) >= states * 8
        by_alert = Counter(id.rsplit("-", 2)[0] for id in set(ids))
        assert by_alert == {f"{alert.id}-{name}": states for alert in some for name in post.formats}
    bodies: dict[str, set[str]] = {}
    for found in webhook.arrived:
        if found.format == "mdc":
            properties = json.loads(found.body)["properties"]
            bodies.setdefault(found.id, set()).add(json.dumps(properties["extendedProperties"]["Windows"]))
    assert {len(said) for said in bodies.values()} == {1}, "one id stands for two messages"


def test_an_evaluation_that_is_killed_anywhere_forgets_nobody(account: Connection) -> None:
    world = World(account, now=NOW)
    calls = [traffic.encode(event) for event in traffic.attack("agent", NOW - timedelta(minutes=1))]
    requests, is_service_endpoint = 0, False
    while not is_service_endpoint:
        requests += 1
        world.empty()
        world.sequence.clear()
        world.play(calls)
        with killing() as killer:
            killer.arm(requests, after=bool(requests % 2))
            try:
                world.evaluate()
                is_service_endpoint = True
            except KilledError:
                killer.disarm()
                world.restart()
                world.evaluate()
        raised = {alert.id for alert in alerts.read(world.tables, 0)}
        assert raised
        for receiver in outbox.RECEIVERS:
            assert {message.id for message in outbox.waiting(world.tables, receiver)} == raised
    assert requests > 5


def test_two_at_a_time(post: Post, webhook: Receiver) -> None:
    some = [an_alert(number) for number in range(10)]
    post.write(*some)
    rivals = [threading.Thread(target=post.run) for _ in range(2)]
    for item in rivals:
        item.start()
    for item in rivals:
        item.join()
    assert {message.id.partition("-")[0] for message in webhook.arrived} == {alert.id for alert in some}
    assert len({message.id for message in webhook.arrived}) == 10
    assert post.waiting("webhook") == post.waiting("hub") == []


def test_many_at_once_in_order(post: Post, webhook: Receiver) -> None:
    some = [an_alert(number) for number in range(130)]
    post.write(*reversed(some))
    assert post.run() == 260
    assert order(webhook.arrived) == [alert.id for alert in some]


# who is told that something waits


def health(post: Post, account: Connection, now: datetime) -> tuple[list[str], list[dict[str, Any]]]:
    assert account.connection_string
    own = {"ALERT_HUB_NAME": post.hub, "EventHubConnection": post.server.connection_string, "EVENT_HUB_NAME": post.hub}
    settings = read(LOCAL | own | {"StateStorage": account.connection_string, "EvidenceStorage": account.connection_string})
    _, body = check(settings, post.tables, BatchLog(post.tables), post.evidence, now)
    return [item for item in body["problems"] if "wait" in item or "webhook" in item], body["outputs"]


def test_health_names_who_is_not_told(post: Post, webhook: Receiver, account: Connection) -> None:
    webhook.answers = lambda _: (503, {})
    post.write(an_alert(0), an_alert(1))
    post.run()
    assert health(post, account, NOW + timedelta(minutes=15)) == (
        [],
        [
            {"name": "hub", "waiting": 0, "since": None, "last": None},
            {"name": "webhook", "waiting": 2, "since": "2026-11-24T10:00:00+00:00", "last": "HTTP 503"},
        ],
    )
    assert health(post, account, NOW + timedelta(minutes=16))[0] == [
        "alerts wait for the webhook: 2, since 2026-11-24T10:00:00+00:00 (HTTP 503)"
    ]
    webhook.answers = lambda _: TAKEN
    later = NOW + timedelta(minutes=20)
    assert [item["waiting"] for item in health(post, account, later)[1]] == [0, 2]  # what is only looked at once more does not wait
    post.run(later)
    post.write(an_alert(2), now=later)
    assert health(post, account, later + timedelta(minutes=14))[0] == []
    assert health(post, account, later + timedelta(minutes=16))[0] == [
        f"alerts wait for the {name}: 1, since 2026-11-24T10:20:00+00:00 (function deliver does not run)" for name in ("hub", "webhook")
    ]
    post.evidence.put(CONFIGURATION, NAME, b"{}")
    assert any(item.startswith("configuration/webhook.json is refused: it must have exactly") for item in health(post, account, later)[0])


def test_what_waited_for_thirty_days_goes_and_is_said(post: Post, webhook: Receiver, tables: Tables, evidence: Evidence) -> None:
    webhook.answers = lambda _: (503, {})
    post.write(an_alert(0))
    post.run()
    purge = Purge(tables, BatchLog(tables), evidence, KEY)
    purge.run(NOW + 29 * DAY)
    assert post.waiting("webhook") == [an_alert(0).id]
    purge.run(NOW + 31 * DAY)
    assert an_alert(0).id not in post.waiting("webhook")
    assert [
        record.getMessage() for record in post.records.records if record.name == "gatewatch.purge" and record.levelno == logging.ERROR
    ] == ["alerts that the webhook was never told of: 1, which waited for 30 days"]


def test_a_broken_promise_is_told(post: Post, webhook: Receiver, tables: Tables, evidence: Evidence) -> None:
    evidence.put("quarantine", f"{NOW - 3 * DAY:%Y-%m-%dT%H}/0-1.jsonl", b"{}")
    assert Purge(tables, BatchLog(tables), evidence, KEY).run(NOW).broken
    post.run()
    (arrived,) = webhook.arrived
    assert json.loads(arrived.body)["properties"]["alertType"] == BREACH.id
