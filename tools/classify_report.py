"""The classification report as one HTML file: places and counts, never a value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from classifiers.taxonomy import Taxonomy

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --dim: #5b6875; --line: #d9dfe6; --page: #ffffff; --band: #f4f6f8; --high: #a4262c; --medium: #8a5a00; --low: #5b6875 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaef; --dim: #9aa7b4; --line: #36414d; --page: #151b22; --band: #1d252e; --high: #ff8a8f; --medium: #e8b45a; --low: #9aa7b4 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; overflow-wrap: anywhere } p { margin: .25rem 0; color: var(--dim) }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 1.25rem 0 } dt { color: var(--dim); font-size: .85rem } dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% } th, td { padding: .4rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { background: var(--band); font-weight: 600; white-space: nowrap } td.n { text-align: right; font-variant-numeric: tabular-nums } code { font: .9em ui-monospace, Consolas, monospace; overflow-wrap: anywhere }
.high { color: var(--high); font-weight: 600 } .medium { color: var(--medium); font-weight: 600 } .low { color: var(--low) }
"""


@dataclass(frozen=True, slots=True)
class Location:
    """An information type at a general location of an endpoint."""

    endpoint: str
    type: str
    where: str
    path: str


@dataclass(slots=True)
class LocationCount:
    """How often a location was seen, how sure at best, in answers with which status."""

    count: int = 0
    confidence: str = "low"
    statuses: Counter[str] = field(default_factory=Counter)
    countries: set[str] = field(default_factory=set)


def html_report(taxonomy: Taxonomy, calls: Counter[str], locations: Mapping[Location, LocationCount], bad_lines: int, partial: int) -> str:
    """A page that needs nothing from elsewhere: totals, then a table an endpoint, the surest findings first."""
    names = {kind.id: kind.name for kind in taxonomy.types}
    rank = {"high": 0, "medium": 1, "low": 2}
    claimed = [(location, count) for location, count in locations.items() if count.confidence != "low"]
    totals = (
        ("Calls", sum(calls.values())),
        ("Endpoints", len(calls)),
        ("Endpoints with sensitive data", len({location.endpoint for location, _ in claimed})),
        ("Information types", len({location.type for location, _ in claimed})),
        ("Unreadable lines", bad_lines),
        ("Calls looked at in part", partial),
    )
    out = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>Sensitive data by endpoint</title><style>{_STYLE}</style>",
        "<h1>Sensitive data by endpoint</h1><p>Where information types were seen, how sure we are, how often. No value is kept or shown.</p><dl>",
        *(f"<div><dt>{label}</dt><dd>{number:,}</dd></div>" for label, number in totals),
        "</dl>",
    ]
    for endpoint in sorted(calls):
        rows = sorted(
            ((p, t) for p, t in locations.items() if p.endpoint == endpoint),
            key=lambda row: (rank[row[1].confidence], -row[1].count, row[0].type, row[0].path),
        )
        out.append(f"<h2><code>{escape(endpoint)}</code></h2><p>{calls[endpoint]:,} calls</p>")
        if not rows:
            out.append("<p>Nothing found.</p>")
            continue
        out.append("<div class=scroll><table><thead><tr><th>Information type<th>Where<th>Path<th>Sure<th>Seen<th>Status</thead><tbody>")
        for location, count in rows:
            country = f" ({', '.join(sorted(count.countries))})" if count.countries else ""
            out.append(
                f"<tr><td>{escape(names.get(location.type, location.type) + country)}<td>{escape(location.where)}<td><code>{escape(location.path)}</code>"
                f"<td class={count.confidence}>{count.confidence}<td class=n>{count.count:,}<td>{escape(' '.join(sorted(count.statuses)))}"
            )
        out.append("</tbody></table></div>")
    return "\n".join(out) + "\n"
