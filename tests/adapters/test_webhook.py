"""The webhook against real sockets: what is sent verifies, every kind of failure is told apart in time, and nothing secret is said."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.evidence import CONFIGURATION, Evidence
from adapters.webhook import NAME, Webhook, _asked, parse
from alerts.exports import Change
from alerts.outgoing import DeliveryFailed, Message, MessageRefused
from local.azurite import ROOT
from tests.adapters.receiver import SECRET, Arrived, Receiver
from tests.alerts.test_exports import secret

MESSAGE = Message("0af7-mdc-1-ab", "mdc", "created", "application/json", b'{"a": 1}')
LONGEST = 1.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server with a certificate of its own making, and of a client that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())


def configure(evidence: Evidence, url: str, *secrets: str) -> None:
    evidence.put(CONFIGURATION, NAME, json.dumps({"url": url, "secrets": secrets or [SECRET]}).encode())


HERE = ("127.0.0.0/8",)
"""The receivers of these tests are on this machine."""


def hook(evidence: Evidence, url: str, *secrets: str, longest: float = 60) -> Webhook:
    configure(evidence, url, *secrets)
    found = Webhook(evidence, HERE, longest=longest)
    assert found.configuration()
    assert found.problem == ""
    return found


def test_what_is_sent_verifies_and_is_marked(evidence: Evidence) -> None:
    with Receiver().running() as receiver:
        webhook = hook(evidence, receiver.url)
        changes: tuple[Change, ...] = ("created", "updated", "closed")
        for change in changes:
            webhook.send(MESSAGE._replace(change=change))
        webhook.send(Message("0af7-cef-1-ab", "cef", "created", "text/plain; charset=utf-8", b"CEF:0|a"))
    assert receiver.forged == []
    assert [message.change for message in receiver.arrived] == ["created", "updated", "closed", "created"]
    assert receiver.arrived[0] == Arrived(MESSAGE.id, "mdc", "created", "application/json", MESSAGE.body)
    assert receiver.arrived[3].content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("verifies", [1, 2])
def test_a_secret_is_replaced_without_a_gap(evidence: Evidence, verifies: int) -> None:
    with Receiver(secret(verifies)).running() as receiver:
        hook(evidence, receiver.url, secret(1), secret(2)).send(MESSAGE)
    assert (receiver.forged, len(receiver.arrived)) == ([], 1)


def test_another_configuration_is_read(evidence: Evidence) -> None:
    webhook = Webhook(evidence, HERE)
    assert webhook.configuration() is None
    with Receiver().running() as one, Receiver().running() as other:
        for receiver in (one, other):
            configure(evidence, receiver.url)
            assert webhook.configuration()
            webhook.send(MESSAGE)
    assert (len(one.arrived), len(other.arrived)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "kind", "wrong"),
    [
        (200, None, False), (202, None, False), (299, None, False),
        (301, DeliveryFailed, True), (307, DeliveryFailed, True), (401, DeliveryFailed, True), (403, DeliveryFailed, True), (404, DeliveryFailed, True), (410, DeliveryFailed, True),
        (408, DeliveryFailed, False), (425, DeliveryFailed, False), (429, DeliveryFailed, False), (500, DeliveryFailed, False), (503, DeliveryFailed, False), (599, DeliveryFailed, False),
        (400, MessageRefused, False), (409, MessageRefused, False), (413, MessageRefused, False), (422, MessageRefused, False), (451, MessageRefused, False),
    ],
)  # fmt: skip
def test_every_answer(evidence: Evidence, status: int, kind: type[Exception] | None, wrong: bool) -> None:
    with Receiver(answers=lambda _: (status, {"location": "http://127.0.0.1:1/"})).running() as receiver:
        webhook = hook(evidence, receiver.url)
        if kind is None:
            webhook.send(MESSAGE)
        else:
            with pytest.raises(kind, match=f"^HTTP {status}$") as raised:
                webhook.send(MESSAGE)
            assert getattr(raised.value, "wrong", False) is wrong
    assert len(receiver.tried) == 1, "a redirection was followed, or a failure tried again at once"


@pytest.mark.parametrize(("header", "seconds"), [("120", 120), ("0", 0), ("soon", None), ("-1", None), ("9" * 50, None), (None, None)])
def test_how_long_the_receiver_asks_to_wait(evidence: Evidence, header: str | None, seconds: int | None) -> None:
    receiver = Receiver(answers=lambda _: (429, {"retry-after": header} if header else {}))
    with receiver.running(), pytest.raises(DeliveryFailed) as raised:
        hook(evidence, receiver.url).send(MESSAGE)
    assert raised.value.asked == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)])
def test_an_address_that_is_not_public_gets_nothing(evidence: Evidence, networks: tuple[str, ...]) -> None:
    with Receiver().running() as receiver:
        configure(evidence, receiver.url)
        webhook = Webhook(evidence, networks)
        webhook.configuration()
        with pytest.raises(DeliveryFailed, match=r"^the webhook's address is not public") as raised:
            webhook.send(MESSAGE)
    assert raised.value.wrong
    assert receiver.tried == []


def test_a_name_that_changes_its_address_is_looked_up_once(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    answers = iter([["203.0.113.9", "127.0.0.1"], ["169.254.169.254"]])
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if host != "hooks.example.com":
            return real(host, port, *_, **__)  # type: ignore[arg-type, return-value]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    real = socket.getaddrinfo
    with Receiver().running() as receiver:
        configure(evidence, f"https://hooks.example.com:{receiver.url.rpartition(':')[2].strip('/').partition('/')[0]}/")
        webhook = Webhook(evidence, HERE)
        webhook.configuration()
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        with pytest.raises(DeliveryFailed, match=r"^SSLError$"):  # it reached the plain receiver here, by the one address that is allowed
            webhook.send(MESSAGE)
    assert asked == ["hooks.example.com"]


def test_a_date_to_wait_for() -> None:
    now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert _asked(format_datetime(now + timedelta(minutes=3), usegmt=True), now) == timedelta(minutes=3)
    assert _asked("Tue, 24 Nov 2026 10:03:00 -0000", now) is None  # says that it knows no zone


def test_nobody_listens(evidence: Evidence) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(DeliveryFailed, match=r"^ConnectionRefusedError$"):
            hook(evidence, f"http://127.0.0.1:{taken.getsockname()[1]}/").send(MESSAGE)


@contextmanager
def silent() -> Iterator[int]:
    """Accepts connections and never says a word: the port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("how", ["says nothing", "drips", "never shakes hands"])
def test_a_receiver_that_hangs_is_left(evidence: Evidence, how: str) -> None:
    receiver = Receiver(drips=how == "drips")
    with receiver.running(), silent() as port:
        if how == "says nothing":
            receiver.open.clear()
        url = f"https://127.0.0.1:{port}/" if how == "never shakes hands" else receiver.url
        webhook = hook(evidence, url, longest=LONGEST)
        began = monotonic()
        with pytest.raises(DeliveryFailed, match=r"^no answer within 1 s$"):
            webhook.send(MESSAGE)
        assert monotonic() - began >= LONGEST - 0.1
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_what_is_no_http_is_a_failure_that_quotes_nothing(evidence: Evidence) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer() -> None:
            with listening.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"SECRET OF THE RECEIVER\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DeliveryFailed, match=r"^BadStatusLine$"):
            hook(evidence, f"http://127.0.0.1:{listening.getsockname()[1]}/").send(MESSAGE)
        thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused(evidence: Evidence, certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = certificate
    with Receiver(context=server).running() as receiver:
        with pytest.raises(DeliveryFailed, match=r"^SSLCertVerificationError$"):
            hook(evidence, receiver.url).send(MESSAGE)
        assert receiver.tried == []
        webhook = Webhook(evidence, HERE, lambda: trusting)
        webhook.configuration()
        webhook.send(MESSAGE)
        assert len(receiver.arrived) == 1


SECRET_URL = "https://hooks.example.com/t0ken"
CONFIGURATIONS: list[tuple[Any, str]] = [
    ("", "it is not JSON"), (b"\xff", "it is not JSON"), ("[" * 9999, "it is not JSON"),
    (f'{{"url": "https://a.example.com", "url": "{SECRET_URL}", "secrets": ["{SECRET}"]}}', "names a key twice"),
    ([], "exactly the keys url"), ({"url": SECRET_URL}, "exactly the keys url"), ({"url": 5, "secrets": [SECRET]}, "exactly the keys url"),
    ({"url": SECRET_URL, "secrets": [SECRET], "more": 1}, "exactly the keys url"),
    ({"url": SECRET_URL, "secrets": SECRET}, "a list of one secret"), ({"url": SECRET_URL, "secrets": []}, "a list of one secret"),
    ({"url": SECRET_URL, "secrets": [SECRET] * 3}, "a list of one secret"), ({"url": SECRET_URL, "secrets": [5]}, "a list of one secret"),
    ({"url": SECRET_URL, "secrets": ["whsec_t0ken"]}, "a webhook secret is"),
    *[({"url": url, "secrets": [SECRET]}, said) for url, said in (
        ("http://hooks.example.com/t0ken", "must begin with https://"), ("ftp://hooks.example.com/t0ken", "must begin with https://"),
        ("https:///t0ken", "absolute URL"), ("/t0ken", "absolute URL"), ("", "absolute URL"), ("https://h/ t0ken", "absolute URL"),
        ("https://h/t0ken\r\nx: y", "absolute URL"), ("https://h\u00e4/t0ken", "absolute URL"), ("https://h:x/t0ken", "no URL"), ("https://[h/t0ken", "no URL"),
        ("https://user:t0ken@h/", "no user name"), ("https://t0ken@h/", "no user name"), ("https://h/#t0ken", "no #fragment"),
    )],
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), CONFIGURATIONS)
def test_a_wrong_configuration_is_one_sentence_that_quotes_nothing(evidence: Evidence, content: Any, said: str) -> None:
    raw = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode()
    with pytest.raises(ValueError, match=said) as raised:
        parse(raw)
    assert "t0ken" not in str(raised.value)
    assert SECRET not in str(raised.value)
    evidence.put(CONFIGURATION, NAME, raw)
    webhook = Webhook(evidence)
    assert webhook.configuration()
    assert webhook.problem == f"configuration/webhook.json is refused: {raised.value}"
    with pytest.raises(DeliveryFailed, match=r"^configuration/webhook\.json is refused") as failed:
        webhook.send(MESSAGE)
    assert failed.value.wrong


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://h.example.com", (True, "h.example.com", 443, "/")),
        ("https://h:8443/a/b?c=d", (True, "h", 8443, "/a/b?c=d")),
        ("http://localhost:7071/x", (False, "localhost", 7071, "/x")),
        ("http://[::1]/x", (False, "::1", 80, "/x")),
        ("HTTPS://H/?q", (True, "h", 443, "/?q")),
    ],
)
def test_urls(url: str, target: tuple[bool, str, int, str]) -> None:
    found = parse(("\ufeff" + json.dumps({"url": url, "secrets": [SECRET]})).encode())
    assert (found.is_tls, found.host, found.port, found.path) == target
    assert "/x" not in repr(found)
    assert "ssss" not in repr(found)


def test_the_receiver_of_the_page_takes_what_is_signed_and_nothing_else(evidence: Evidence) -> None:
    """docs/alerts.md, as it stands there, but for the port."""
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert '("", 8080)' in code
    serving = code.replace('http.server.ThreadingHTTPServer(("", 8080), Alerts).serve_forever()', SERVE)
    assert serving != code
    command = [sys.executable, "-c", serving]
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}/"
            with pytest.raises(DeliveryFailed, match=r"^HTTP 401$"):
                hook(evidence, url, secret(5)).send(MESSAGE)
            hook(evidence, url, secret(5), SECRET).send(MESSAGE)
            assert process.stdout.readline() == f"{MESSAGE.id} {MESSAGE.body.decode()}\n"
        finally:
            process.kill()


SERVE = """
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Alerts)
print(server.server_port, flush=True)
server.serve_forever()
"""
