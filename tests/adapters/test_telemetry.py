"""Nothing that a caller sent is in telemetry: a log, trace, metric and exception sink is searched for all that was played."""

import base64
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from azure.core.exceptions import AzureError
from azure.core.settings import settings as azure_settings
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters import alerts, outbox
from adapters.app import App
from adapters.baseline import run as learn
from adapters.ingest import Event
from local import traffic
from retention.policy import DAY
from retention.subject import of
from settings import Connection, read
from tests.adapters.killing import KilledError, killing
from tests.adapters.receiver import Receiver
from tests.adapters.test_webhook import configure
from tests.adapters.world import dump, where_found
from tests.pipeline.test_decode import WHOLE
from tests.test_settings import LOCAL
from web.dsr import delete, export, status
from web.privacy import page

START = datetime(2026, 11, 20, 10, 1, tzinfo=UTC)


class Sink(logging.Handler):
    """Everything that an exporter could get of a record: message, attributes, exception."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[tuple[str, bytes]] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = [record.getMessage(), repr({name: value for name, value in vars(record).items() if name != "exc_info"})]
        if record.exc_info:
            said += traceback.format_exception(*record.exc_info)
        self.found.append((f"log {record.name}", "\n".join(said).encode("utf-8", "surrogatepass")))


class Telemetry:
    def __init__(self) -> None:
        self.logs, self.spans, self.metrics = Sink(), InMemorySpanExporter(), InMemoryMetricReader()

    def everything(self) -> list[tuple[str, bytes]]:
        spans = [("span", span.to_json().encode()) for span in self.spans.get_finished_spans()]
        data = self.metrics.get_metrics_data()
        return [*self.logs.found, *spans, *([("metrics", data.to_json().encode())] if data else [])]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """As in the worker: the root logger at its lowest, the SDKs' loggers as function_app sets them, and traced what azure-monitor-opentelemetry traces."""
    found = Telemetry()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(found.spans))
    trace.set_tracer_provider(tracing)
    root, azure = logging.getLogger(), logging.getLogger("azure")
    levels = root.level, azure.level
    root.addHandler(found.logs)
    root.setLevel(logging.DEBUG)
    azure.setLevel(logging.WARNING)
    metrics = MeterProvider([found.metrics])
    instrumentors = RequestsInstrumentor(), URLLibInstrumentor(), URLLib3Instrumentor()
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=tracing, meter_provider=metrics)
    azure_settings.tracing_implementation = "opentelemetry"
    azure_settings.tracing_enabled = True
    yield found
    azure_settings.tracing_enabled = False
    azure_settings.tracing_implementation = None
    for instrumentor in instrumentors:
        instrumentor.uninstrument()
    root.removeHandler(found.logs)
    root.setLevel(levels[0])
    azure.setLevel(levels[1])


MARK = "qmarkq"
"""In every value that was played: one text to search for."""


class Played:
    """Calls in which every value is marked, and every address is one that is found nowhere else."""

    def __init__(self) -> None:
        self.addresses: set[str] = set()
        self.marked = self.sequence = 0

    @property
    def values(self) -> set[str]:
        return {MARK, *self.addresses}

    def mark(self, kind: str) -> str:
        self.marked += 1
        return f"{kind}{MARK}{self.marked}"

    def address(self) -> str:
        number = len(self.addresses)
        value = f"2001:db8::{0x1000 + number:x}:7777" if number % 2 else f"203.0.{100 + number}.200"
        self.addresses.add(value)
        return value

    def event(self, body: bytes, now: datetime) -> Event:
        self.sequence += 1
        return Event(self.sequence - 1, now, body)

    def call(self, now: datetime, ip: str, number: int) -> bytes:
        token = base64.urlsafe_b64encode(json.dumps({"sub": self.mark("sub"), "from": ip}).encode()).decode()
        own = {
            "requestId": f"{self.sequence}-{number}",
            "time": now.isoformat(),
            "clientIp": ip,
            "forwardedFor": ip,
            "path": f"/shop/orders/{self.mark('path')}",
            "pathParameters": {"id": self.mark("id")},
            "query": f"expand={self.mark('query')}&access_token=eyJhbGciOiJub25lIn0.{token}.x&q=' or 1=1 -- {self.mark('sql')}",
            "userAgent": ("sqlmap/1.5 ", "okhttp/4.12.0 ")[number % 2] + self.mark("agent"),
            "subscriptionId": self.mark("app"),
            "userId": self.mark("user"),
            "identity": self.mark("identity"),
            "requestHeaders": {"authorization": f"Bearer {self.mark('bearer')}", "cookie": f"s={self.mark('cookie')}"},
            "requestBody": json.dumps({"password": self.mark("password"), "iban": "NL91ABNA0417164300"}),
            "responseBody": json.dumps({"secret": self.mark("secret"), "email": f"{self.mark('mail')}@example.com"}),
            "status": (200, 401, 404, 500)[number % 4],
        }
        return traffic.encode(WHOLE | own)

    def broken(self) -> list[bytes]:
        ip = self.address()
        texts = [
            f'{{"clientIp": "{ip}", "body": "{self.mark("cut")}',
            f'["{self.mark("list")}"]',
            f'{{"v": 1, "status": "{self.mark("type")}"}}',
        ]
        return [text.encode() for text in texts] + [b"\xff" + self.mark("bytes").encode()]


def test_nothing_that_was_played_is_in_telemetry(account: Connection, telemetry: Telemetry) -> None:
    assert account.connection_string
    here = {"StateStorage": account.connection_string, "EvidenceStorage": account.connection_string, "WEBHOOK_NETWORKS": "127.0.0.0/8"}
    settings = read(LOCAL | here)
    app, played, now = App(settings), Played(), START
    ips = [played.address() for _ in range(12)]
    for hour in range(4):
        now = START + timedelta(hours=hour)
        bodies = [played.call(now, ip, number) for number, ip in enumerate(ips * 3)] + played.broken()
        app.ingest.batch("0", [played.event(body, now) for body in bodies], now)
        app.evaluator.tick(now, datetime.now(UTC) + timedelta(minutes=1))
    # who is told: nobody at first, then a webhook that was put right
    with Receiver().running() as receiver:
        for code in (500, 204):
            receiver.answers = lambda _, code=code: (code, {})  # type: ignore[misc]
            configure(app.evidence, f"{receiver.url}&more={played.mark('url')}")
            outbox.mark(app.tables, alerts.read(app.tables, 0), now)
            app.deliver.run(now)
    assert any(ip.encode() in message.body for message in receiver.arrived for ip in ips)
    learn(app.tables, now)
    assert {text for text, _ in where_found(dump(account.connection_string), [MARK, *ips])} == {MARK, *ips}, (
        "nothing was stored: the search would prove nothing"
    )
    # the privacy of one person
    body = json.dumps({"subject": {"ip": ips[0]}}).encode()
    assert export(app.requests, body, {}, now)[0] == 200
    answer = delete(app.requests, body, {}, settings.kept, now, lambda: False)[1]
    assert isinstance(answer, dict)
    for wrong in (
        b'{"subject": {"ip": "' + played.mark("host").encode() + b'"}}',
        b'{"subject": {"' + played.mark("kind").encode() + b'": "x"}}',
        played.mark("raw").encode(),
    ):
        assert export(app.requests, wrong, {}, now)[0] == 400
    status(app.requests, answer["id"], settings.kept, now + timedelta(minutes=3), lambda: False)
    assert status(app.requests, played.mark("status"), settings.kept, now, lambda: False)[0] == 404
    # faults in every trigger: killed in the middle, and storage that refuses; their exceptions are logged as the worker does
    refused = App(read(LOCAL | {"StateStorage": with_another_key(account), "EvidenceStorage": account.connection_string}))
    for broken in (app, refused):
        late = [played.event(alert, now) for alert in (played.call(now, ips[1], 0), *played.broken())]
        fault(partial(broken.ingest.batch, "0", late, now))
        fault(partial(broken.evaluator.tick, now, now))
        fault(partial(export, broken.requests, json.dumps({"subject": {"ip": ips[2]}}).encode(), {}, now))
        fault(partial(broken.requests.erase, of("ip", ips[2]), "test", now))
        fault(partial(broken.purge.run, now))
    # time passes, everything is purged, and whoever looks is told
    azure_settings.tracing_enabled = False  # the SDKs' own spans suppress those of requests, and its metrics
    for days in (2, 31):
        now = START + days * DAY
        app.purge.run(now, jobs=partial(app.requests.resume, now))
        page(settings, app.tables, app.evidence, now)
    found = telemetry.everything()
    kinds = {where.split()[0] for where, _ in found}
    assert kinds == {"log", "span", "metrics"}, "a sink that got nothing proves nothing"
    assert {"log gatewatch.alert", "log gatewatch.purge", "log gatewatch.dsr", "log gatewatch.deliver", "log worker"} <= {
        where for where, _ in found
    }
    assert where_found(found, played.values) == []


def test_the_sinks_see_what_is_said(telemetry: Telemetry) -> None:
    logging.getLogger("gatewatch.test").warning("message", extra={"attribute": "attribute-in-a-record"})
    try:
        raise ValueError("message-of-an-exception")
    except ValueError:
        logging.getLogger("worker").exception("failed")
    found = where_found(telemetry.everything(), ["attribute-in-a-record", "message-of-an-exception"])
    assert {text for text, _ in found} == {"attribute-in-a-record", "message-of-an-exception"}


def with_another_key(account: Connection) -> str:
    assert account.connection_string
    return re.sub(r"AccountKey=[^;]+", "AccountKey=" + base64.b64encode(b"wrong").decode(), account.connection_string)


def fault(trigger: Callable[[], object]) -> None:
    for requests in (1, 2, 3, 5, 8):
        with killing() as killer:
            killer.arm(requests, after=bool(requests % 2))
            try:
                trigger()
            except (AzureError, KilledError):
                logging.getLogger("worker").exception("the function failed")
