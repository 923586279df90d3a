"""What a caller did lately, for the paper dry run of a response: from the activity of closed windows, and from batches for what is newer."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from adapters import ledger, windows
from adapters.batches import BatchLog, table_of
from adapters.progress import read_progress
from adapters.tables import Tables, joined
from intel.addresses import network, number
from model import NOBODY, Endpoint, Minute, minute_of, moment
from response.rails import Facts, Kind, Use, network_of
from retention.subject import is_fingered
from windows.tally import Tally, unpack

ENDPOINTS = 10
"""Of which all traffic is compared with the target's: those that it called most."""
DAY = 24 * 60


@dataclass(slots=True)
class _Seen:
    incident: date
    """The day from which on calls may be the attack itself: they say nothing about how much of an endpoint's usual traffic the target is."""
    calls: Counter[Endpoint] = field(default_factory=Counter)
    ok: Counter[Endpoint] = field(default_factory=Counter)
    before: Counter[Endpoint] = field(default_factory=Counter)
    days: dict[Endpoint, set[date]] = field(default_factory=lambda: defaultdict(set))
    people: set[int] = field(default_factory=set)
    programs: set[int] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)

    def add(self, endpoint: Endpoint, minute: Minute, n: int, status_class: int) -> None:
        self.calls[endpoint] += n
        self.ok[endpoint] += n if status_class == 2 else 0
        day = moment(minute).date()
        if day < self.incident:
            self.days[endpoint].add(day)
            self.before[endpoint] += n if status_class == 2 else 0


class _Network:
    """`hint`: what the canonical spelling of each of its addresses begins with."""

    def __init__(self, cidr: str) -> None:
        self._range = network(cidr)
        head = cidr.partition("/")[0]
        self.hint = head.partition("::")[0].partition(":0:")[0] if ":" in head else head.rpartition(".")[0] + "."

    def has(self, address: str) -> bool:
        if address in NOBODY or not address.startswith(self.hint):
            return False
        version, value = number(address)
        return version == self._range.version and self._range.first <= value <= self._range.last


class Footprints:
    """`key`: of all hashes."""

    def __init__(self, tables: Tables, batches: BatchLog, key: bytes) -> None:
        self._tables, self._batches, self._key = tables, batches, key

    def of(self, kind: Kind, target: str, days: int, now: datetime, wide: bool = False) -> Facts:
        """`target`: a canonical address, "subject:…", or the id of a subscription. Of identities only batches know, which live for two days. `wide`: all of
        the address's /24; of IPv6 it is always all of the /64, for so is the entry."""
        whole = network_of(target, wide=wide) if kind == "ip" else ""
        seen = _Seen((now - timedelta(days=1)).astimezone(UTC).date())
        if kind == "ip":
            closed = read_progress(self._tables).closed_until or 0
            if whole:
                self._of_network(seen, _Network(whole), days, closed, now)
            else:
                self._of_ledger(seen, target, days, now)
                self._of_batches(seen, target, closed, now)
        else:
            days = min(days, 2)
            self._of_batches(seen, target if kind == "identity" else f"subscription:{target}", 0, now)
        endpoints = [endpoint for endpoint, _ in seen.calls.most_common()]
        everybody, evidence = self._everybody(endpoints[:ENDPOINTS], seen, now)
        uses = [Use(one, seen.calls[one], seen.ok[one], seen.before[one], max(everybody[one], seen.before[one])) for one in endpoints]
        proven = _proven(evidence) if kind == "identity" else None
        return Facts(kind, target, days, uses, len(seen.people), len(seen.programs), proven, whole, len(seen.addresses) if whole else 1)

    def _of_network(self, seen: _Seen, whole: "_Network", days: int, closed: Minute, now: datetime) -> None:
        """Of every address of a network: all buckets of the ledger, and all batches, are read for it."""
        tables = self._days(days, now)
        for ip, entry in ledger.look_up_all(self._tables, whole.has, whole.hint, tables):
            seen.addresses.add(ip)
            seen.add(entry.endpoint, entry.window, entry.n, int(entry.status_class[0]))
        since = minute_of(now) - DAY
        lately = [name for name in tables if name >= ledger.table_of(moment(since).date())]
        seen.people, seen.programs = ledger.behind_all(self._tables, whole.has, whole.hint, since, lately)
        for tally in self._tallies(lambda _: True, closed, now):
            for address in filter(whole.has, tally.ips):
                seen.addresses.add(address)
                self._address_in(seen, tally, address, closed)

    def _days(self, days: int, now: datetime) -> list[str]:
        oldest = (now - timedelta(days=days)).astimezone(UTC).date()
        return [name for name in self._tables.names(ledger.PREFIX) if name >= ledger.table_of(oldest)]

    def _of_ledger(self, seen: _Seen, ip: str, days: int, now: datetime) -> None:
        tables = self._days(days, now)
        for entry in ledger.look_up(self._tables, ip, self._key, tables):
            seen.add(entry.endpoint, entry.window, entry.n, int(entry.status_class[0]))
        since = minute_of(now) - DAY
        lately = [name for name in tables if name >= ledger.table_of(moment(since).date())]
        seen.people, seen.programs = ledger.behind(self._tables, ip, self._key, since, lately)

    def _of_batches(self, seen: _Seen, actor: str, since: Minute, now: datetime) -> None:
        is_address = not actor.startswith(("subject:", "subscription:", "user:"))
        for tally in self._tallies(lambda prints: is_fingered(actor, prints), since, now):
            if is_address:
                self._address_in(seen, tally, actor, since)
            elif actor in tally.identities:
                mine = tally.identities.index(actor)
                for minute, endpoint, identity, status, n in tally.rows("identities"):
                    if identity == mine:
                        seen.add(tally.endpoints[endpoint], minute, n, status // 100)

    def _address_in(self, seen: _Seen, tally: Tally, address: str, since: Minute) -> None:
        if address not in tally.ips:
            return
        mine = tally.ips.index(address)
        for minute, endpoint, ip, status, n, *_ in tally.rows("calls"):
            if ip == mine and minute >= since:
                seen.add(tally.endpoints[endpoint], minute, n, status // 100)
        for minute, _, ip, identity, agent, *_ in tally.rows("callers"):
            if ip == mine and minute >= since:
                for names, kind, number, found in (
                    (tally.identities, ledger.IDENTITY, identity, seen.people),
                    (tally.agents, ledger.AGENT, agent, seen.programs),
                ):
                    if name := names[number]:
                        found.add(ledger.who_of(name, kind, self._key))

    def _tallies(self, is_wanted: Callable[[bytes], bool], since: Minute, now: datetime) -> Iterator[Tally]:
        """The batches of the last two days with newer calls than `since` whose actors' fingerprints are wanted."""
        where = "PartitionKey eq @partition and newest ge @since"
        for back in (2, 1, 0):
            table = table_of((now - timedelta(days=back)).astimezone(UTC).date())
            if table not in self._tables.names("batches"):
                continue
            for partition in self._batches.partitions_in(table):
                for row in self._tables.query(table, where, select=["RowKey", "actors"], partition=partition, since=since):
                    if is_wanted(row["actors"]) and (entity := self._tables.get(table, partition, row["RowKey"])):
                        yield unpack(joined(entity))

    def _everybody(self, endpoints: list[Endpoint], seen: _Seen, now: datetime) -> tuple[Counter[Endpoint], set[str]]:
        """Successful calls of all callers on the target's days before the incident, and what proved those callers on any day."""
        ok: Counter[Endpoint] = Counter()
        evidence: set[str] = set()
        for endpoint in endpoints:
            for day in sorted({*seen.days[endpoint], seen.incident, now.astimezone(UTC).date()}):
                for row in windows.read(self._tables, day, endpoint):
                    if day < seen.incident:
                        ok[endpoint] += sum(n for status, n in row.record.calls.items() if status // 100 == 2)
                    evidence |= {name.partition(" ")[2] for name in row.record.auth if name.startswith("2xx ")}
        return ok, evidence


def _proven(evidence: set[str]) -> bool | None:
    """Whether tokens were validated wherever they were shown; None where none was."""
    kinds = {kind for text in evidence for kind in text.split("+")}
    if kinds & {"jwt?", "azure-ad-token?"}:
        return False
    return True if kinds & {"jwt", "azure-ad-token"} else None
