"""What is kept of a live window once it closes: its counts without any IP or identity, and what may be learned of them."""

from collections.abc import Iterable, Mapping, Set

from model import NOBODY, STATUS_CLASSES
from stats.rank import largest
from stats.sketch import Sketch, shorten, sketch
from stats.sketch import pack as pack_sketch
from windows.live import LiveWindow, count
from windows.parameter import Parameter
from windows.record import FOUND, LEARNT_VALUES, ParameterRecord, Record, taint
from windows.usual_code import learnable


def record_of(window: LiveWindow, seen: Mapping[str, Sketch] | None = None) -> Record:
    """What stays. `seen`: the values known of each parameter, where enough days are known; without it nothing is counted as new."""
    series, tops, pairs = _learnable(window)
    parameters: dict[str, ParameterRecord] = {}
    for name, parameter in window.parameters.items():
        short = _usual_values(parameter, window.flagged)
        parameters[name] = _parameter_record(parameter, window.flagged, short)
        marked = f"distinct:{name}" in window.tainted
        series[f"distinct:{name}"] = taint(marked, len(short))
        if seen is not None:
            known = seen.get(name)
            series[f"unseen:{name}"] = taint(marked, round(known.unseen(short)) if known else len(short))
        left_out = window.flagged.union(NOBODY)
        _rank(tops, f"distinct:{name}", (n for ip, n in parameter.by_ip.counts() if ip not in left_out), 2)
    return Record(
        calls=dict(window.statuses),
        ips=len(window.bytes),
        request_bytes=window.request_bytes,
        response_bytes=window.response_bytes,
        sizes={f"{metric} {STATUS_CLASSES[of - 1]}": dict(histogram) for (metric, of), histogram in window.sizes.items()},
        parameters=parameters,
        agents=dict(window.agents),
        auth=dict(window.auth),
        reasons=dict(window.reasons),
        sightings=_sightings_by_rule(window.sightings),
        series=series,
        tops=tops,
        pairs=pairs,
        found=sorted(window.found),
        code=learnable(window.sightings) if window.sightings else {},
    )


def _learnable(window: LiveWindow) -> tuple[dict[str, int], dict[str, list[float]], dict[str, int]]:
    """`series`, `tops` and `pairs` of the record, but for those of parameters: all without the actors that were found."""
    flagged, left_out = window.flagged, window.flagged.union(NOBODY)
    series: dict[str, int] = {}
    tops: dict[str, list[float]] = {}
    pairs: dict[str, int] = {}
    for number, status_class in enumerate(STATUS_CLASSES, 1):
        ips = window.ips[number]
        if not ips:
            continue
        usual = {ip: n for ip, n in ips.items() if ip not in flagged} if flagged else ips
        series[status_class] = taint(status_class in window.tainted, sum(usual.values()))
        pairs[status_class] = len(usual)
        _rank(tops, f"calls:{status_class}", (n for ip, n in usual.items() if ip not in left_out), 2)
        _rank(tops, f"identity:{status_class}", (n for who, n in window.identities[number].items() if who not in left_out), 2)
    if window.refused:
        series["auth"] = taint("auth" in window.tainted, sum(n for ip, n in window.refused.items() if ip not in flagged))
        _rank(tops, "refused", (n for ip, n in window.refused.items() if ip not in left_out), 2)
    sizes = [own for ip, own in window.bytes.items() if ip not in left_out]
    _rank(tops, "response:sum", (own[1] for own in sizes), 0)
    _rank(tops, "response:call", (own[3] for own in sizes), 0)
    _rank(tops, "response:third", (own[5] for own in sizes), 0)
    _rank(tops, "request:call", (own[2] for own in sizes), 0)
    _rank(tops, "routes", (len(routes) for ip, routes in window.routes.items() if ip not in left_out), 2)
    _rank(tops, "lost", (n for ip, n in window.unknown.items() if ip not in left_out), 1)
    _rank(tops, "lost:clients", (len(window.unknown),), 1)
    _rank(tops, f"{FOUND}lost", (n for ip, n in window.unknown.items() if ip in flagged), 1)
    return series, tops, pairs


def _usual_values(parameter: Parameter, flagged: Set[str]) -> set[int]:
    """Short hashes of the values that callers sent who were not found."""
    values: Iterable[int] = parameter.values
    if flagged:
        values = set().union(*(own for ip, own in parameter.by_ip.items() if ip not in flagged))
    return {shorten(value) for value in values}


def _parameter_record(parameter: Parameter, flagged: Set[str], short: set[int]) -> ParameterRecord:
    bound, hashes = pack_sketch(sketch(short, LEARNT_VALUES))
    return ParameterRecord(
        n=parameter.n,
        ok=parameter.ok,
        distinct=len(parameter.values),
        ips=len(parameter.by_ip),
        types={type_: count for type_, (count, _) in parameter.seen_types.items()},
        type_ips={type_: sum(ip not in flagged for ip in ips) for type_, (_, ips) in parameter.seen_types.items()},
        usual_ips=len(parameter.by_ip.keys() - flagged) if flagged else len(parameter.by_ip),
        bound=bound,
        hashes=hashes,
    )


def _rank(tops: dict[str, list[float]], measure: str, values: Iterable[float], above: int) -> None:
    """Values up to `above` are left out: no threshold is that low, and a thousand ones need no room."""
    found = largest(value for value in values if value > above)
    if found:
        tops[measure] = found


def _sightings_by_rule(sightings: Mapping[tuple[str, str, str], Mapping[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (rule, _, detail), statuses in sightings.items():
        count(found, f"{rule} {detail}", sum(statuses.values()))
    return found
