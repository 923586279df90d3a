"""Fold calls into a tally: a function for each of its tables, over the columns of a batch, in plain Python, since importing numpy would double a cold start.

A new table is declared in windows.tally.TABLES, filled here, and read in pipeline.feed (what is judged) or posture.inventory (what is kept).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from attacks.agents import suspicious_agent
from attacks.carried import parameter_attack
from attacks.per_call import injection
from attacks.pollution import polluted
from intel.addresses import TrustedProxies, canonical_ip, canonical_ips, client_ip
from model import WINDOW_MINUTES, ApiCall
from pipeline import kept_texts
from pipeline.callers import codes, is_guarded, is_served, names_of, tables_of
from pipeline.fold_form import form_of
from pipeline.numbering import LARGEST_SIZE, NAME_LENGTH, NAMES_PER_BATCH, PARAMETERS_PER_CALL, Buckets, Endpoints, Index, Pairs
from windows.rules import INJECTION, POLLUTION, SENSITIVE_URL, SUSPICIOUS_AGENT
from windows.tally import Row, Tally
from windows.values import hash_value, value_type

if TYPE_CHECKING:
    from pipeline.contents import Look

AGENT_LENGTH = 256
DAY = timedelta(days=1)
MARKS = 16
_mark = re.compile(r"(?:log4j|script|path-traversal|command|template|sql|xxe|deserialisation) in (?:cookie|header)").fullmatch
"""What the gateway's fragment writes, and nothing else that somebody could send to the hub."""
PLACE_LENGTH = 256

Key = TypeVar("Key", bound=Row)
Listed = Callable[[str], Iterable[tuple[str, str]]]
"""An address -> (rule, name of a list) for each list that it is on."""


def fold(
    calls: Sequence[ApiCall],
    key: bytes,
    looks: "Mapping[int, Look] | None" = None,
    trusted: TrustedProxies | None = None,
    listed: Listed | None = None,
    country: Callable[[str], str] | None = None,
) -> Tally:
    """The tally of some calls. `key`, 16 to 64 bytes, keys the hashes of parameter values; values themselves go no further than this function.
    `looks`: what looking into some of the calls showed, by their index. `trusted`: the proxies whose X-Forwarded-For is believed.
    `country`: two letters, or "", of a canonical address.

    Calls that the gateway's guard refused are counted in the table `guarded` and in no other: nothing is judged or learned from them.
    """
    guarded = [call for call in calls if call.guard is not None and is_guarded(call)]
    if guarded:
        served = [at for at, call in enumerate(calls) if is_served(call)]
        if len(served) < len(calls):
            if looks:
                looks = {now: looks[at] for now, at in enumerate(served) if at in looks}
            calls = [calls[at] for at in served]
    if not calls:
        return _only_guarded(guarded) if guarded else Tally()
    batch = _Batch(calls, guarded, key, trusted)
    sightings = _Sightings(batch)
    tables: dict[str, list[Row]] = {
        "calls": _calls(batch),
        "identities": _identities(batch),
        "values": _values(batch, key),
        "agents": _agents(batch),
        "auth": _auth(batch),
        "reasons": _reasons(batch),
        "sizes": _sizes(batch),
    }
    tables |= _callers(batch, country)
    if guarded:
        tables["guarded"] = _guarded(guarded, batch.since, batch.endpoints, sightings.details)
    sightings.of_injections()
    sightings.of_marks()
    sightings.of_doubled_parameters()
    sightings.of_agents()
    if listed is not None:
        sightings.of_lists(tables["calls"], listed)
    if looks:
        tables["looks"] = _looks(batch, looks)
        tables["overlooked"] = _overlooked(batch, looks)
        tables["sensitive"] = _sensitive(batch, looks)
        sightings.of_looks(looks)
    tables["sightings"] = _counted(sightings.counts)
    form = form_of(batch.calls, batch.minute, batch.endpoint, batch.ip, looks)
    tables |= form.tables
    for rows in tables.values():
        rows.sort(key=itemgetter(0))
    return Tally(
        since=batch.since,
        endpoints=batch.endpoints.all,
        ips=batch.ips.names,
        identities=batch.identities.names,
        parameters=batch.pairs.parameters.names,
        agents=batch.agents.names,
        evidence=batch.evidence.names,
        reasons=batch.reasons.names,
        rules=sightings.rules.names,
        details=sightings.details.names,
        information=batch.information.names,
        places=batch.places.names,
        media=form.media,
        fields=form.fields,
        tables={table: rows for table, rows in tables.items() if rows},
    )


class _Batch:
    """The columns that several tables need, one entry a call, and what their numbers stand for."""

    def __init__(self, calls: Sequence[ApiCall], guarded: Sequence[ApiCall], key: bytes, trusted: TrustedProxies | None) -> None:
        """`guarded`: calls that the guard touched, served or not; only their minutes are read here."""
        self.calls = calls
        self.endpoints = Endpoints()
        self.pairs = Pairs()
        self.ips: Index[str | None] = Index(lambda text: canonical_ip(text or ""))
        self.identities: Index[str] = Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)
        self.agents: Index[str | None] = Index(lambda text: kept_texts.agent(text or "", key), NAMES_PER_BATCH)
        self.evidence: Index[str | tuple[str, ...]] = Index(
            lambda proofs: kept_texts.evidence((proofs,) if isinstance(proofs, str) else proofs), NAMES_PER_BATCH
        )
        self.reasons: Index[str] = Index(kept_texts.reason)
        self.information: Index[str] = Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)
        self.places: Index[str] = Index(lambda text: text[:PLACE_LENGTH], NAMES_PER_BATCH)

        start = min([call.time for call in (*calls, *guarded)]).astimezone(UTC).replace(second=0, microsecond=0)
        self.since = _minute(start)
        self.minute = _minutes(calls, start)
        self.endpoint = self.endpoints.of(calls)
        if trusted is None:
            self.ip = self.ips.of_named([call.client_ip for call in calls], canonical_ips)
        else:
            self.ip = self.ips.of([client_ip(call.client_ip, call.forwarded_for, trusted) for call in calls])
        self.status = [call.status for call in calls]
        self.status_class = [status // 100 for status in self.status]
        self.subscriptions = [call.subscription_id for call in calls]
        self.users = [call.user_id for call in calls]
        self.subjects = [call.identity for call in calls]
        self.agent = self.agents.of([call.user_agent for call in calls])
        self.values = _values_of(calls, self.pairs)
        """Numbers of the (parameter, value) pairs of each call."""


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _minutes(calls: Sequence[ApiCall], start: datetime) -> list[int]:
    """Of each call, counted from `start`, which is the beginning of a minute and not after any of them."""
    passed = [call.time - start for call in calls]
    if max(passed) < DAY:
        return [time.seconds // 60 for time in passed]
    return [time.days * 1440 + time.seconds // 60 for time in passed]


def _values_of(calls: Sequence[ApiCall], pairs: Pairs) -> list[list[int]]:
    known: dict[str | None, list[int]] = {None: [], "": []}
    every = []
    for call in calls:
        query, items = call.query, call.path_parameters
        found = known.get(query)
        if found is None:
            found = known[query] = pairs.of_query(query or "")
        if items:
            found = [*found, *map(pairs.__getitem__, islice(items.items(), PARAMETERS_PER_CALL))]
        every.append(found)
    return every


def _counted(counts: Mapping[Key, int]) -> list[Row]:
    return [(*key, n) for key, n in counts.items()]


# a function a table


def _calls(batch: _Batch) -> list[Row]:
    rows: dict[tuple[int, int, int, int], list[int]] = {}
    keys = zip(batch.minute, batch.endpoint, batch.ip, batch.status, strict=True)
    requests = [size if size and 0 < size < LARGEST_SIZE else 0 for call in batch.calls for size in (call.request_bytes,)]
    responses = [size if size and 0 < size < LARGEST_SIZE else 0 for call in batch.calls for size in (call.response_bytes,)]
    for key, request, response in zip(keys, requests, responses, strict=True):
        row = rows.get(key)
        if row is None:
            rows[key] = [1, request, response, request, response]
        else:
            row[0] += 1
            row[1] += request
            row[2] += response
            row[3] = max(row[3], request)
            row[4] = max(row[4], response)
    return [(*key, *row) for key, row in rows.items()]


def _identities(batch: _Batch) -> list[Row]:
    counts: Counter[tuple[int, int, int | None, int]] = Counter()
    numbers = batch.identities
    for prefix, column in (
        ("subscription:", batch.subscriptions),
        ("user:", batch.users),
        ("subject:", batch.subjects),
    ):
        known: dict[str | None, int] = {who: numbers[prefix + who] for who in dict.fromkeys(column) if who}
        if known:
            who = [known.get(name) for name in column]
            counts.update(zip(batch.minute, batch.endpoint, who, batch.status, strict=True))
    return [(m, e, who, s, n) for (m, e, who, s), n in counts.items() if who is not None]


def _values(batch: _Batch, key: bytes) -> list[Row]:
    columns = list(zip(batch.minute, batch.endpoint, batch.ip, batch.values, batch.status, strict=True))
    seen = Counter([(m, e, i, pair) for m, e, i, found, _ in columns for pair in found])
    failed = Counter([(m, e, i, pair) for m, e, i, found, s in columns if not 199 < s < 300 for pair in found]).get
    hashes = [(parameter, hash_value(value, key), value_type(value)) for parameter, value in batch.pairs.all]
    return [(m, e, i, p, h, n, n - failed(key, 0), t) for key, n in seen.items() for m, e, i, pair in (key,) for p, h, t in (hashes[pair],)]


def _agents(batch: _Batch) -> list[Row]:
    return _counted(Counter(zip(batch.minute, batch.endpoint, batch.agent, strict=True)))


def _auth(batch: _Batch) -> list[Row]:
    # one proof is the usual case, and a text costs less than a tuple
    proofs = [(auth[0] if len(auth) == 1 else tuple(auth)) if auth else () for call in batch.calls for auth in (call.auth,)]
    evidence = batch.evidence.of(proofs)
    return _counted(Counter(zip(batch.minute, batch.endpoint, evidence, batch.status, strict=True)))


def _reasons(batch: _Batch) -> list[Row]:
    numbers = batch.reasons
    return _counted(
        Counter(
            (m, e, numbers[c.error_reason]) for m, e, c in zip(batch.minute, batch.endpoint, batch.calls, strict=True) if c.error_reason
        )
    )


def _sizes(batch: _Batch) -> list[Row]:
    rows: list[Row] = []
    metrics: tuple[Sequence[float | None], ...] = (
        [call.request_bytes for call in batch.calls],
        [call.response_bytes for call in batch.calls],
        [call.duration_ms for call in batch.calls],
    )
    for metric, sizes in enumerate(metrics):
        counts = Counter(zip(batch.minute, batch.endpoint, repeat(metric), batch.status_class, map(_buckets.__getitem__, sizes)))
        rows += [(*key, n) for key, n in counts.items() if key[4] >= 0]
    return rows


_buckets = Buckets()


def _looks(batch: _Batch, looks: "Mapping[int, Look]") -> list[Row]:
    return _counted(Counter((batch.minute[at], batch.endpoint[at]) for at, look in looks.items() if look.sampled))


def _overlooked(batch: _Batch, looks: "Mapping[int, Look]") -> list[Row]:
    return _counted(Counter((batch.minute[at], batch.endpoint[at]) for at, look in looks.items() if look.overlooked))


def _sensitive(batch: _Batch, looks: "Mapping[int, Look]") -> list[Row]:
    information, places = batch.information, batch.places
    return _counted(
        Counter(
            (batch.minute[at], batch.endpoint[at], information[name], places[place], confidence, batch.status_class[at])
            for at, look in looks.items()
            for name, place, confidence in look.found
        )
    )


def _callers(batch: _Batch, country: Callable[[str], str] | None) -> dict[str, list[Row]]:
    """The tables `callers` and, where countries are known, `countries`."""
    since = batch.since
    windows = {minute: minute - (minute + since) % WINDOW_MINUTES for minute in set(batch.minute)}
    window = [windows[minute] for minute in batch.minute]
    who = names_of(batch.subjects, batch.users, batch.subscriptions, batch.identities.__getitem__)
    country_of = codes(batch.ips.names, country) if country is not None else None
    return tables_of(window, batch.endpoint, batch.endpoints.all, batch.status, (batch.ip, who, batch.agent), country_of)


def _guarded(calls: Sequence[ApiCall], since: int, endpoints: Endpoints, details: Index[str]) -> list[Row]:
    minutes = [_minute(call.time) - since for call in calls]
    return _counted(Counter(zip(minutes, endpoints.of(calls), details.of([call.guard or "" for call in calls]), strict=True)))


def _only_guarded(calls: Sequence[ApiCall]) -> Tally:
    endpoints, details, since = Endpoints(), Index[str](str), min(_minute(call.time) for call in calls)
    rows = sorted(_guarded(calls, since, endpoints, details))
    return Tally(since, endpoints.all, details=details.names, tables={"guarded": rows})


class _Sightings:
    """The table `sightings`: what breaks a rule by itself. `counts`: (minute, endpoint, rule, ip, status, detail) -> n."""

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch
        self.counts: Counter[tuple[int, ...]] = Counter()
        self.rules: Index[str] = Index(str)
        self.details: Index[str] = Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)

    def _add(self, at: int, rule: str, detail: str) -> None:
        """The call at this index breaks a rule."""
        batch = self._batch
        key = (batch.minute[at], batch.endpoint[at], self.rules[rule], batch.ip[at], batch.status[at], self.details[detail])
        self.counts[key] += 1

    def of_injections(self) -> None:
        """Values, and paths that match no operation, that are written to be run as code."""
        batch = self._batch
        pairs = batch.pairs.all
        parameters = batch.pairs.parameters.names
        attacks = {
            pair: f"{family} in {parameters[parameter]}"
            for pair, (parameter, value) in enumerate(pairs)
            if (family := parameter_attack(parameters[parameter], value)) is not None
        }
        attacks.update((pair, f"{family} in a name of the query") for pair, family in batch.pairs.attacking_names.items())
        if attacks:
            for at, found in enumerate(batch.values):
                for pair in found:
                    if pair in attacks:
                        self._add(at, INJECTION, attacks[pair])
        matched = [endpoint.matched for endpoint in batch.endpoints.all]
        if all(matched):
            return
        for at, number in enumerate(batch.endpoint):
            if not matched[number] and (family := injection(batch.calls[at].path)) is not None:
                self._add(at, INJECTION, f"{family} in path")

    def of_marks(self) -> None:
        """What the gateway saw in cookies and headers that it does not send."""
        for at, call in enumerate(self._batch.calls):
            if call.marks:
                for mark in call.marks.split(",", MARKS)[:MARKS]:
                    if _mark(mark):
                        self._add(at, INJECTION, mark)

    def of_doubled_parameters(self) -> None:
        names = [parameter for parameter, _ in self._batch.pairs.all]
        for at, found in enumerate(self._batch.values):
            if len(found) > 1 and len({names[pair] for pair in found}) < len(found):
                name = polluted(self._batch.calls[at].query or "")
                if name is not None:
                    self._add(at, POLLUTION, kept_texts.parameter(f"query:{name}"[:NAME_LENGTH]))

    def of_agents(self) -> None:
        suspicious = {text: detail for text in self._batch.agents if text and (detail := _verdict(text)) is not None}
        if suspicious:
            for at, call in enumerate(self._batch.calls):
                if call.user_agent in suspicious:
                    self._add(at, SUSPICIOUS_AGENT, suspicious[call.user_agent])

    def of_lists(self, calls: Iterable[Row], listed: Listed) -> None:
        """Calls, as rows of their table, from addresses that are on a list."""
        accused = {number: found for number, address in enumerate(self._batch.ips.names) if address and (found := list(listed(address)))}
        if accused:
            for m, e, i, s, n, *_ in calls:
                for rule, name in accused.get(i, ()):
                    self.counts[m, e, self.rules[rule], i, s, self.details[name[:NAME_LENGTH]]] += n

    def of_looks(self, looks: "Mapping[int, Look]") -> None:
        """Sensitive data in addresses, and attacks in what only looking into a call shows."""
        for at, look in looks.items():
            for name in look.leaked:
                self._add(at, SENSITIVE_URL, name)
        for at, look in looks.items():
            for attack in look.attacks:
                self._add(at, INJECTION, attack)


def _verdict(agent: str) -> str | None:
    return _remembered(agent) if len(agent) <= AGENT_LENGTH else suspicious_agent(agent)


_remembered = lru_cache(4096)(suspicious_agent)
"""User agents repeat from batch to batch; long ones, which attackers can make up without end, are not worth the memory."""
