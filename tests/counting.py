"""The oracle of every count: events counted one by one, the slow and obvious way, and tallies brought into the same form."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from model import Endpoint
from pipeline import kept_texts
from stats.buckets import bucket
from windows import countries
from windows.media import media_type
from windows.tally import METRICS, TABLES, Tally
from windows.values import hash_value, value_type

Key = tuple[Any, ...]
Counts = dict[Key, tuple[int, ...]]


def straight(events: Iterable[dict[str, Any]], key: bytes, country: Callable[[str], str] | None = None) -> Counts:
    """What calls (as JSON objects of the event contract, all matched by an operation) come to, without sightings."""
    sums: Counter[Key] = Counter()
    largest: dict[Key, int] = defaultdict(int)
    ok: Counter[Key] = Counter()
    sizes: Counter[Key] = Counter()
    types: dict[Key, int] = {}
    served: Counter[Key] = Counter()
    for event in events:
        minute = int(datetime.fromisoformat(event["time"]).timestamp() // 60)
        endpoint = Endpoint(event.get("service", ""), event.get("apiId", ""), event["method"], event["urlTemplate"])
        status, ip = event["status"], event.get("clientIp", "")
        if event.get("guard"):
            sums["guarded", minute, endpoint, event["guard"]] += 1
            if event["guard"].startswith(("blocked:", "slowed:")):
                continue
        call = ("calls", minute, endpoint, ip, status)
        sums[call] += 1
        for at, name in enumerate(("requestBytes", "responseBytes")):
            sizes[*call, at] += event.get(name, 0)
            largest[*call, at] = max(largest[*call, at], event.get(name, 0))
        for name, prefix in (("subscriptionId", "subscription:"), ("userId", "user:"), ("identity", "subject:")):
            if event.get(name):
                sums["identities", minute, endpoint, prefix + event[name], status] += 1
        pairs = [(f"path:{name}", value) for name, value in event.get("pathParameters", {}).items()]
        for piece in filter(None, event.get("query", "").split("&")):
            name, _, value = piece.partition("=")
            pairs.append((f"query:{unquote_plus(name)}", unquote_plus(value)))
        for name, value in pairs:
            row = ("values", minute, endpoint, ip, name, hash_value(value, key))
            sums[row] += 1
            ok[row] += 200 <= status < 300
            types[row] = value_type(value)
        window = minute // 20 * 20
        names = (("identity", "subject:"), ("userId", "user:"), ("subscriptionId", "subscription:"))
        who = next((prefix + event[name] for name, prefix in names if event.get(name)), "")
        place = country(ip) if country else ""
        caller = ("callers", window, endpoint.service, ip, who, kept_texts.agent(event.get("userAgent", ""), key), place)
        sums[caller] += 1
        served[caller] += 200 <= status < 300
        if country:
            sums["countries", window, endpoint, place, status // 100] += 1
        sums["agents", minute, endpoint, kept_texts.agent(event.get("userAgent", ""), key)] += 1
        sums["auth", minute, endpoint, "+".join(sorted(event.get("auth", []))), status] += 1
        for direction, name in enumerate(("requestContentType", "responseContentType")):
            if event.get(name):
                sums["media", minute, endpoint, direction, media_type(event[name], by_caller=not direction), status // 100] += 1
        revision = event.get("apiRevision", "")
        plain, numbered = event.get("scheme") == "http", int(revision) if revision.isdigit() else 0
        if plain or numbered > 1:
            sums["forms", minute, endpoint, 0, int(plain), numbered] += 1
        if event.get("errorReason"):
            sums["reasons", minute, endpoint, event["errorReason"]] += 1
        for kind, name in zip(METRICS, ("requestBytes", "responseBytes", "durationMs"), strict=True):
            if name in event:
                sums["sizes", minute, endpoint, kind, status // 100, bucket(event[name])] += 1
    found: Counts = {}
    for row, n in sums.items():
        if row[0] == "calls":
            found[row] = (n, sizes[*row, 0], sizes[*row, 1], largest[*row, 0], largest[*row, 1])
        elif row[0] == "values":
            found[row] = (n, ok[row], types[row])
        elif row[0] == "callers":
            found[row] = (n, served[row])
        else:
            found[row] = (n,)
    return found


def counted(tallies: Iterable[Tally]) -> Counts:
    """The rows of all tallies together, their indices replaced by what they stand for."""
    found: Counts = {}
    for tally in tallies:
        names: dict[str, Callable[[int], Any]] = {
            "endpoint": tally.endpoints.__getitem__,
            "ip": tally.ips.__getitem__,
            "identity": tally.identities.__getitem__,
            "parameter": tally.parameters.__getitem__,
            "agent": tally.agents.__getitem__,
            "evidence": tally.evidence.__getitem__,
            "reason": tally.reasons.__getitem__,
            "rule": tally.rules.__getitem__,
            "detail": tally.details.__getitem__,
            "metric": METRICS.__getitem__,
            "information": tally.information.__getitem__,
            "place": tally.places.__getitem__,
            "country": countries.country,
            "media": tally.media.__getitem__,
            "field": tally.fields.__getitem__,
        }
        for table, columns in TABLES.items():
            for row in tally.rows(table):
                cells = dict(zip(columns.all, row, strict=True))
                key: tuple[Any, ...] = (table, *(names[name](cells[name]) if name in names else cells[name] for name in columns.keys))
                if table == "callers":  # of its endpoint only the service counts
                    key = (*key[:2], key[2].service, *key[3:])
                sums, maxima = [cells[name] for name in columns.sums], [cells[name] for name in columns.maxima]
                if key in found:
                    before = found[key]
                    sums = [a + b for a, b in zip(sums, before, strict=False)]
                    maxima = [max(a, b) for a, b in zip(maxima, before[len(sums) :], strict=True)]
                found[key] = (*sums, *maxima)
    return found
