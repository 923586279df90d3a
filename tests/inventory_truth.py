"""The oracle of the inventory: its columns counted event by event, the slow and obvious way, from events as JSON objects."""

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model import Endpoint

NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10")
]


@dataclass
class Truth:
    """One endpoint. Times are minutes since 1970; days count the 30 days up to the last."""

    minutes: list[int] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    classes: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    proofs: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    callers: dict[str, int] = field(default_factory=dict)
    """Address -> last day."""
    public: list[int] = field(default_factory=list)
    anonymous: list[int] = field(default_factory=list)
    parameters: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    durations: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Day -> milliseconds."""


def client_of(event: dict[str, Any], trusted: str = "") -> str:
    """The peer, or behind a trusted proxy the last hop that it reported."""
    peer = event.get("clientIp", "")
    if trusted and ipaddress.ip_address(peer) in ipaddress.ip_network(trusted) and event.get("forwardedFor"):
        return str(event["forwardedFor"].split(",")[-1].strip())
    return str(peer)


def truth(events: Iterable[dict[str, Any]], trusted: str = "") -> dict[Endpoint, Truth]:
    """Of events whose operation is known."""
    found: dict[Endpoint, Truth] = defaultdict(Truth)
    for event in events:
        one = found[Endpoint(event["service"], event["apiId"], event["method"], event["urlTemplate"])]
        minute = int(datetime.fromisoformat(event["time"]).timestamp() // 60)
        day, status = minute // 1440, event["status"]
        one.minutes.append(minute)
        one.statuses[status] += 1
        one.classes[day][status // 100] += 1
        if "durationMs" in event:
            one.durations[day].append(event["durationMs"])
        ip = client_of(event, trusted)
        one.callers[ip] = max(day, one.callers.get(ip, 0))
        address = ipaddress.ip_address(ip)
        if not any(address in network for network in NOT_PUBLIC):
            one.public.append(minute)
        if 200 <= status < 300:
            evidence = sorted(event.get("auth", []))
            one.proofs[day]["+".join(evidence)] += 1
            if not [kind for kind in evidence if kind != "jwt?"]:
                one.anonymous.append(minute)
            for piece in filter(None, event.get("query", "").split("&")):
                one.parameters["query:" + piece.partition("=")[0]] += 1
            for name in event.get("pathParameters", {}):
                one.parameters["path:" + name] += 1
            for direction in ("request", "response"):
                if media := event.get(f"{direction}ContentType"):
                    one.media[f"{direction} {media}"] += 1
    return found
