"""Fold calls into a tally: one pass over the columns of a batch, in plain Python, since importing numpy would double a cold start.

Everything that an attacker can vary is capped, here per batch and again per window; what overflows is counted under OTHER, so totals stay true.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote_plus

from attacks.per_call import injection, polluted, suspicious_agent
from intel.addresses import TrustedProxies, canonical_ip, client_ip
from intel.mask import masked
from model import OTHER, WINDOW_MINUTES, ApiCall, Endpoint
from pipeline.callers import codes, is_guarded, is_served, name_of, tables_of
from stats.buckets import bucket
from windows.tally import Row, Tally
from windows.values import hash_value, value_type

if TYPE_CHECKING:
    from pipeline.contents import Look

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
PARAMETERS_PER_CALL = 64
NAMES_PER_BATCH = 2048
"""Distinct parameter names, user agents, identities, reasons, unmatched templates: each."""
NAME_LENGTH = 128
AGENT_LENGTH = 256
PLACE_LENGTH = 256
TEMPLATE_LENGTH = 1024
LARGEST_SIZE = 1 << 48
"""Bytes or milliseconds; beyond it a number is taken for unknown."""

REST = "{…}"
"""Stands in a template for whatever follows."""
_WORD = re.compile(r"v\d{1,3}|[A-Za-z._~-]{1,32}")


SUSPICIOUS_AGENT = "API_AccessFromSuspiciousUserAgent"
SENSITIVE_URL = "API_SensitiveDataInUrl"
INJECTION = "API_Injection"
POLLUTION = "API_ParameterPollution"

K = TypeVar("K", bound=Hashable)
Key = TypeVar("Key", bound=Row)


class _Index(dict[K, int], Generic[K]):
    """Gives every key the number of its name; names past the cap all get the number of OTHER."""

    def __init__(self, name: Callable[[K], str], cap: int | None = None) -> None:
        super().__init__()
        self._name = name
        self._cap = cap
        self._numbers: dict[str, int] = {}

    def __missing__(self, key: K) -> int:
        name = self._name(key)
        if self._cap is not None and len(self._numbers) >= self._cap and name not in self._numbers:
            name = OTHER
        self[key] = number = self._numbers.setdefault(name, len(self._numbers))
        return number

    @property
    def names(self) -> list[str]:
        return list(self._numbers)


class _Endpoints(dict[tuple[str | None, str | None, str, str | None, str], int]):
    """Numbers endpoints; a call that matched no operation, or only a wildcard, belongs to the folded template of its path."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[Endpoint, int] = {}
        self._unmatched = 0

    def __missing__(self, key: tuple[str | None, str | None, str, str | None, str]) -> int:
        service, api, method, template, path = key
        service, api = (service or "")[:NAME_LENGTH], (api or "")[:NAME_LENGTH]
        method = method if method in METHODS else OTHER.upper()
        if template and not template.endswith("*"):
            endpoint = Endpoint(service, api, method, template[:TEMPLATE_LENGTH])
        else:
            endpoint = Endpoint(service, api, method, unmatched_template(path), matched=False)
            if endpoint not in self._numbers:
                self._unmatched += 1
                if self._unmatched > NAMES_PER_BATCH:
                    endpoint = endpoint._replace(template=f"/{REST}")
        number = self._numbers.setdefault(endpoint, len(self._numbers))
        if endpoint.matched:
            self[key] = number  # keys of unmatched calls hold their paths: not worth keeping
        return number

    def of(self, call: ApiCall) -> int:
        template = call.url_template
        return self[call.service, call.api_id, call.method, template, "" if template and template[-1] != "*" else call.path]

    @property
    def all(self) -> list[Endpoint]:
        return list(self._numbers)


class _Pairs(dict[tuple[str, str], int]):
    """Numbers the distinct (parameter, value) pairs of a batch, from the pieces of queries and the items of path parameters as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.parameters: _Index[str] = _Index(masked, NAMES_PER_BATCH)
        self._numbers: dict[tuple[int, str], int] = {}
        self._pieces: dict[str, int] = {}

    def __missing__(self, item: tuple[str, str]) -> int:
        name, value = item
        self[item] = number = self._number(f"path:{name[:NAME_LENGTH]}", value)
        return number

    def of_query(self, query: str) -> list[int]:
        pieces = query.split("&", PARAMETERS_PER_CALL)
        rest = [self._number(f"query:{OTHER}", pieces.pop())] if len(pieces) > PARAMETERS_PER_CALL else []
        known = self._pieces
        try:
            return [known[piece] for piece in pieces] + rest
        except KeyError:
            for piece in pieces:
                if piece and piece not in known:
                    known[piece] = self._of_piece(piece)
            return [known[piece] for piece in pieces if piece] + rest

    def _of_piece(self, piece: str) -> int:
        name, _, value = piece.partition("=")
        if "%" in piece or "+" in piece:
            name, value = unquote_plus(name), unquote_plus(value)
        return self._number(f"query:{name[:NAME_LENGTH]}", value)

    def _number(self, parameter: str, value: str) -> int:
        return self._numbers.setdefault((self.parameters[parameter], value), len(self._numbers))

    @property
    def all(self) -> list[tuple[int, str]]:
        return list(self._numbers)


class _Buckets(dict[float | None, int]):
    """Remembers the bucket of a size; -1 is unknown."""

    def __missing__(self, size: float | None) -> int:
        self[size] = found = -1 if size is None or not 0 <= size < LARGEST_SIZE else bucket(size)
        return found


def fold(
    calls: Sequence[ApiCall],
    key: bytes,
    looks: "Mapping[int, Look] | None" = None,
    trusted: TrustedProxies | None = None,
    listed: Callable[[str], Iterable[tuple[str, str]]] | None = None,
    country: Callable[[str], str] | None = None,
) -> Tally:
    """The tally of some calls. `key`, 16 to 64 bytes, keys the hashes of parameter values; values themselves go no further than this function.
    `looks`: what looking into some of the calls showed, by their index. `trusted`: the proxies whose X-Forwarded-For is believed.
    `listed`: (rule, name of a list) for each list that an address is on. `country`: two letters, or "", of a canonical address.

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
    endpoints, pairs, buckets = _Endpoints(), _Pairs(), _Buckets()
    ips: _Index[str | None] = _Index(lambda text: canonical_ip(text) if text else "")
    agents: _Index[str | None] = _Index(lambda text: masked((text or "")[:AGENT_LENGTH]), NAMES_PER_BATCH)
    identities: _Index[str] = _Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)
    evidence: _Index[tuple[str, ...]] = _Index(lambda kinds: "+".join(sorted(set(kinds)))[:NAME_LENGTH], NAMES_PER_BATCH)
    reasons: _Index[str] = _Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)

    minutes = [_minute(call) for call in calls]
    since = min(*minutes, *map(_minute, guarded)) if guarded else min(minutes)
    minute = [m - since for m in minutes]
    endpoint = [endpoints[c.service, c.api_id, c.method, t, "" if t and t[-1] != "*" else c.path] for c in calls for t in (c.url_template,)]
    if trusted is None:
        ip = [ips[call.client_ip] for call in calls]
    else:
        ip = [ips[client_ip(call.client_ip, call.forwarded_for, trusted)] for call in calls]
    status = [call.status for call in calls]
    agent = [agents[call.user_agent] for call in calls]
    kinds = [evidence[tuple(call.auth)] if call.auth else evidence[()] for call in calls]

    values = [_values(call, pairs) for call in calls]
    seen = Counter([(m, e, i, pair) for m, e, i, found in zip(minute, endpoint, ip, values, strict=True) for pair in found])
    ok = Counter(
        [(m, e, i, pair) for m, e, i, s, found in zip(minute, endpoint, ip, status, values, strict=True) if 199 < s < 300 for pair in found]
    )
    distinct = pairs.all
    hashes = [(parameter, hash_value(value, key), value_type(value)) for parameter, value in distinct]

    owners: Counter[tuple[int, ...]] = Counter()
    for prefix, column in (
        ("subscription:", [call.subscription_id for call in calls]),
        ("user:", [call.user_id for call in calls]),
        ("subject:", [call.identity for call in calls]),
    ):
        owners.update((m, e, identities[prefix + who], s) for m, e, who, s in zip(minute, endpoint, column, status, strict=True) if who)

    sizes: Counter[tuple[int, ...]] = Counter()
    classes = [s // 100 for s in status]
    for kind, sized in enumerate(
        (
            [buckets[call.request_bytes] for call in calls],
            [buckets[call.response_bytes] for call in calls],
            [buckets[call.duration_ms] for call in calls],
        )
    ):
        sizes.update(zip(minute, endpoint, repeat(kind), classes, sized))

    tables: dict[str, list[Row]] = {
        "calls": _calls(zip(minute, endpoint, ip, status, strict=True), calls),
        "identities": _counted(owners),
        "values": [(m, e, i, p, h, n, ok[m, e, i, pair], t) for (m, e, i, pair), n in seen.items() for p, h, t in (hashes[pair],)],
        "agents": _counted(Counter(zip(minute, endpoint, agent, strict=True))),
        "auth": _counted(Counter(zip(minute, endpoint, kinds, status, strict=True))),
        "reasons": _counted(
            Counter((m, e, reasons[c.error_reason]) for m, e, c in zip(minute, endpoint, calls, strict=True) if c.error_reason)
        ),
        "sizes": [(*row, n) for row, n in sizes.items() if row[4] >= 0],
    }
    window = [m - (m + since) % WINDOW_MINUTES for m in minute]
    who = [identities[name_of(call)] for call in calls]
    country_of = codes(ips.names, country) if country is not None else None
    tables |= tables_of(window, endpoint, endpoints.all, status, (ip, who, agent), country_of)
    rules: _Index[str] = _Index(str)
    details: _Index[str] = _Index(str)
    if guarded:
        tables["guarded"] = _guarded(guarded, since, endpoints, details)
    seen_at_once: Counter[tuple[int, ...]] = Counter()
    attacks = {pair: family for pair, (_, value) in enumerate(distinct) if (family := injection(value)) is not None}
    if attacks:
        parameters = pairs.parameters.names
        seen_at_once.update(
            (m, e, rules[INJECTION], i, s, details[f"{attacks[pair]} in {parameters[distinct[pair][0]]}"[:NAME_LENGTH]])
            for m, e, i, s, found in zip(minute, endpoint, ip, status, values, strict=True)
            for pair in found
            if pair in attacks
        )
    matched = [one.matched for one in endpoints.all]
    for at, number in enumerate(endpoint):
        if not matched[number] and (family := injection(calls[at].path)) is not None:
            seen_at_once[minute[at], number, rules[INJECTION], ip[at], status[at], details[f"{family} in path"]] += 1
    names = [parameter for parameter, _ in distinct]
    doubled = [at for at, found in enumerate(values) if len(found) > 1 and len({names[pair] for pair in found}) < len(found)]
    for at in doubled:
        name = polluted(calls[at].query or "")
        if name is not None:
            seen_at_once[minute[at], endpoint[at], rules[POLLUTION], ip[at], status[at], details[f"query:{name}"[:NAME_LENGTH]]] += 1
    suspicious = {text: detail for text in agents if text and (detail := _verdict(text)) is not None}
    if suspicious:
        seen_at_once.update(
            (m, e, rules[SUSPICIOUS_AGENT], i, s, details[suspicious[c.user_agent]])
            for m, e, i, s, c in zip(minute, endpoint, ip, status, calls, strict=True)
            if c.user_agent in suspicious
        )
    if listed is not None:
        accused = {number: found for number, address in enumerate(ips.names) if address and (found := list(listed(address)))}
        if accused:
            for m, e, i, s, n, *_ in tables["calls"]:
                for rule, name in accused.get(i, ()):
                    seen_at_once[m, e, rules[rule], i, s, details[name[:NAME_LENGTH]]] += n
    information: _Index[str] = _Index(lambda text: text[:NAME_LENGTH], NAMES_PER_BATCH)
    places: _Index[str] = _Index(lambda text: text[:PLACE_LENGTH], NAMES_PER_BATCH)
    if looks:
        tables["looks"] = _counted(Counter((minute[at], endpoint[at]) for at, look in looks.items() if look.sampled))
        tables["sensitive"] = _counted(
            Counter(
                (minute[at], endpoint[at], information[kind], places[place], confidence, classes[at])
                for at, look in looks.items()
                for kind, place, confidence in look.found
            )
        )
        seen_at_once.update(
            (minute[at], endpoint[at], rules[SENSITIVE_URL], ip[at], status[at], details[kind])
            for at, look in looks.items()
            for kind in look.leaked
        )
        seen_at_once.update(
            (minute[at], endpoint[at], rules[INJECTION], ip[at], status[at], details[attack])
            for at, look in looks.items()
            for attack in look.attacks
        )
    tables["sightings"] = _counted(seen_at_once)
    for rows in tables.values():
        rows.sort(key=itemgetter(0))
    return Tally(
        since,
        endpoints.all,
        ips.names,
        identities.names,
        pairs.parameters.names,
        agents.names,
        evidence.names,
        reasons.names,
        rules.names,
        details.names,
        information.names,
        places.names,
        {table: rows for table, rows in tables.items() if rows},
    )


def _minute(call: ApiCall) -> int:
    return int(call.time.timestamp()) // 60


def _guarded(calls: Iterable[ApiCall], since: int, endpoints: _Endpoints, details: _Index[str]) -> list[Row]:
    return _counted(Counter((_minute(call) - since, endpoints.of(call), details[call.guard or ""]) for call in calls))


def _only_guarded(calls: Sequence[ApiCall]) -> Tally:
    endpoints, details, since = _Endpoints(), _Index[str](str), min(map(_minute, calls))
    rows = sorted(_guarded(calls, since, endpoints, details))
    return Tally(since, endpoints.all, details=details.names, tables={"guarded": rows})


def _verdict(agent: str) -> str | None:
    return _remembered(agent) if len(agent) <= AGENT_LENGTH else suspicious_agent(agent)


_remembered = lru_cache(4096)(suspicious_agent)
"""User agents repeat from batch to batch; long ones, which attackers can make up without end, are not worth the memory."""


def unmatched_template(path: str) -> str:
    """`/v1/admin/{…}` of `/v1/admin/users/7`: at most two leading segments that read like words; the rest is folded."""
    kept: list[str] = []
    segments = [segment for segment in path[:NAME_LENGTH].split("/") if segment]
    for segment in segments[:2]:
        if not _WORD.fullmatch(segment):
            break
        kept.append(segment)
    if len(segments) > len(kept):
        kept.append(REST)
    return "/" + "/".join(kept)


def _values(call: ApiCall, pairs: _Pairs) -> list[int]:
    found = pairs.of_query(call.query) if call.query else []
    if call.path_parameters:
        found = found + [pairs[item] for item in islice(call.path_parameters.items(), PARAMETERS_PER_CALL)]
    return found


def _calls(keys: Iterable[tuple[int, int, int, int]], calls: Sequence[ApiCall]) -> list[Row]:
    rows: dict[tuple[int, int, int, int], list[int]] = {}
    for key, call in zip(keys, calls, strict=True):
        request, response = call.request_bytes or 0, call.response_bytes or 0
        if not 0 <= request < LARGEST_SIZE:
            request = 0
        if not 0 <= response < LARGEST_SIZE:
            response = 0
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


def _counted(counts: Mapping[Key, int]) -> list[Row]:
    return [(*key, n) for key, n in counts.items()]
