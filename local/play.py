"""Play contract events over AMQP into an event hub: a file's, made-up ones, or an attack on the running stack."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from azure.eventhub import EventData, EventHubProducerClient
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local import traffic
from local.jsonl import lines_of

SENT_AT_ONCE = 1000


class Sender:
    """Sends messages spread evenly over the partitions, so that all of them get as far in event time."""

    def __init__(self, connection_string: str, hub: str = "calls") -> None:
        self._begin(EventHubProducerClient.from_connection_string(connection_string, eventhub_name=hub))

    @classmethod
    def signed_in(cls, namespace: str, hub: str = "calls") -> Self:
        """To a namespace (its host name) that takes no keys, as whoever is signed in here."""
        from adapters.identity import credential

        made = cls.__new__(cls)
        made._begin(EventHubProducerClient(namespace, hub, credential(None)))
        return made

    def _begin(self, client: EventHubProducerClient) -> None:
        self._client = client
        self._turn = 0
        try:
            self._partitions = client.get_partition_ids()
        except BaseException:
            client.close()
            raise

    @property
    def partitions(self) -> int:
        return len(self._partitions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def send(self, messages: Sequence[bytes]) -> int:
        """How many were sent."""
        for at in range(min(len(messages), len(self._partitions))):
            self._send(self._partitions[self._turn % len(self._partitions)], messages[at :: len(self._partitions)])
            self._turn += 1
        return len(messages)

    def _send(self, partition: str, messages: Iterable[bytes]) -> None:
        batch = self._client.create_batch(partition_id=partition)
        for message in messages:
            event = EventData(message)
            try:
                batch.add(event)
            except ValueError:  # the batch is full
                self._client.send_batch(batch)
                batch = self._client.create_batch(partition_id=partition)
                batch.add(event)
        self._client.send_batch(batch)


def read_events(path: Path) -> Iterator[bytes]:
    """The lines of a JSONL file, gzipped or not, blank ones left out. Raises OSError where it cannot be read."""
    for line, _ in lines_of(str(path)):
        if line.strip():
            yield line.rstrip(b"\n")


def time_of(message: bytes) -> datetime | None:
    """When a message says that its call was; None where it does not say."""
    try:
        time = datetime.fromisoformat(json.loads(message)["time"])
        return time if time.tzinfo else None
    except (ValueError, KeyError, TypeError):
        return None


def groups(messages: Iterable[bytes], size: int = SENT_AT_ONCE) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for message in messages:
        group.append(message)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def paced(timed: Iterable[tuple[datetime | None, bytes]], speed: float) -> Iterator[bytes]:
    """Messages, each held back until its time has come; `speed` 60 plays an hour in a minute. What has no time goes at once."""
    first: datetime | None = None
    began = monotonic()
    for at, message in timed:
        first = first or at
        if at and first and (ahead := (at - first).total_seconds() / speed - (monotonic() - began)) > 0:
            sleep(ahead)
        yield message


def progress_bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), transient=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.play", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="JSONL files of contract events, gzipped or not")
    parser.add_argument("--attack", choices=sorted(traffic.ATTACKS), help="play this attack, now")
    parser.add_argument("--speed", type=float, help="1 plays in real time, 60 an hour in a minute; as fast as possible without it")
    parser.add_argument("--folder", type=Path, default=Path(".gatewatch/run"), help="folder of the running stack (default: %(default)s)")
    parser.add_argument("--connection", help="connection string of another namespace, with --hub")
    parser.add_argument("--hub", default="calls", help="name of the event hub (default: %(default)s)")
    arguments = parser.parse_args()
    if bool(arguments.files) == bool(arguments.attack):
        parser.error("name files to play, or an attack")
    for path in arguments.files:
        if not path.is_file():
            print(f"error: {path} cannot be read: there is no such file", file=sys.stderr)
            return 1
    connection = arguments.connection
    if connection is None:
        try:
            connection = json.loads((arguments.folder / "stack.json").read_text())["hub"]
        except (OSError, ValueError, KeyError):
            print(f"error: no stack runs in {arguments.folder}: start one with `make run`, or give --connection", file=sys.stderr)
            return 1
    with Sender(connection, arguments.hub) as sender, progress_bar() as bar:
        task = bar.add_task("playing", total=None)
        if arguments.attack:
            events = traffic.attack(arguments.attack, datetime.now(UTC) - timedelta(seconds=1))
            timed = ((datetime.fromisoformat(event["time"]), traffic.encode(event)) for event in events)
            for message in paced(timed, arguments.speed or 1.0):
                bar.advance(task, sender.send([message]))
        for path in arguments.files:
            messages: Iterable[bytes] = read_events(path)
            if arguments.speed:
                messages = paced(((time_of(message), message) for message in messages), arguments.speed)
            for group in groups(messages, 1 if arguments.speed else SENT_AT_ONCE):
                bar.advance(task, sender.send(group))
    return 0


if __name__ == "__main__":
    sys.exit(main())
