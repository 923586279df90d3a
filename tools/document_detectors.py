"""Writes docs/detectors.md from the detectors themselves: `python -m tools.document_detectors [--check]`."""

import inspect
import io
import json
import sys
import tokenize
from pathlib import Path

from alerts.render import OWASP_2019, OWASP_2023
from detectors import Detector, discovered
from tools.generated import command

TARGET = Path(__file__).parent.parent / "docs" / "detectors.md"

HEAD = """# Detectors

Generated from `detectors/` by `python -m tools.document_detectors`; a test checks that it is current.

Findings of one detector, endpoint, status class, and actor or parameter are one alert: each updates it, and an hour of event time without one closes it. Alerts
within an hour that share an actor or an endpoint are one incident. Windows are 20 minutes; counts only grow within them, so the limit of a whole window is checked
from its first minute on.

A baseline is what 30 days say is usual. While it is young, the stricter limits whose names begin with `young_` or `few_` hold: until day 3, where the limit says
nothing else. What an actor itself did at most is held against it too (`own_ratio`) where it was that busy on three days.

**Rule B**, for counts. y(x) = 2 sqrt(x + 3/8) makes noise alike at every level, and inv is its inverse. A count must exceed both

- inv(y(expected at this hour) + k x max(r, 3)), where r is the 10th-largest residual of the series itself in 30 days, and
- inv(m + c x max(s, 1)), where m and s are mean and standard deviation of y in a moving average over a day, to which no window adds more than four deviations. It is
  read at the end of each of the last three days, and the middle reading counts.

k and c are limits of the detector. Until day 14 up to 0.4 is added to k.

`python -m tools.prove --detector ID` plays the smallest traffic that must raise a detector's alert, here or against a deployment, and says after how many seconds
it came; `tools/proofs.py` has them all, and a test holds that one call or value less raises nothing.

Every limit below is a key of `detectors.json` ([where it goes](alerts.md)); an unknown name is refused with the nearest one that exists.
`python -m tools.backtest calls.jsonl.gz --limits detectors.json` judges recorded calls by other limits, for everything or for one service, API or endpoint:

```json
{"limits": {"API_SpikeInAPITraffic": {"floor": 50}},
 "off": ["API_SpikeInLatency"],
 "where": [{"service": "contoso", "endpoint": "GET /v1/search", "limits": {"API_SpikeInAPITraffic": {"floor": 200}}}]}
```
"""


def document() -> str:
    found = discovered()
    rows = [f"| [{one.id}](#{one.name}) | {one.title} | {one.severity.label} |" for one in found]
    return "\n".join([HEAD, "| id | alert | severity |", "|---|---|---|", *rows, "", *map(_section, found)])


def _section(one: Detector) -> str:
    reasons = _reasons(one)
    lines = [
        f'## <a id="{one.name}"></a>{one.id}',
        "",
        f"**{one.title}**, {one.severity.label}.",
        "",
        one.sees,
        "",
        f"**Rule.** {' '.join((one.function.__doc__ or '').split())}",
        "",
        f"- Judged: {_when(one)}",
        f"- May be: {one.causes}",
        f"- MITRE ATT&CK: {one.tactic}; {', '.join(one.techniques)}",
        f"- OWASP API Security Top 10: {_owasp(one.owasp_2019, OWASP_2019)}; {_owasp(one.owasp_2023, OWASP_2023)}",
    ]
    lines += ["- What to do:", *(f"  - {step}" for step in one.remediation)]
    if one.limits:
        lines += ["", "| limit | default | why |", "|---|---:|---|"]
        lines += [f"| `{name}` | {value} | {reasons.get(name, '')} |" for name, value in one.limits.items()]
        name, value = next(iter(one.limits.items()))
        example = json.dumps({"limits": {one.id: {name: 2 * value}}})
        lines += ["", f"To tune it: `{example}`; to switch it off: `{json.dumps({'off': [one.id]})}`."]
    return "\n".join(lines) + "\n"


def _when(one: Detector) -> str:
    parts = ["all endpoints of a service together" if one.service else "each endpoint by itself"]
    parts.append("when a window has ended" if one.ended else "whenever calls arrive")
    gates = [f"{one.min_days} days" if one.min_days else "", f"{one.min_calls} calls" if one.min_calls else ""]
    if any(gates):
        parts.append(f"from {' and '.join(filter(None, gates))} of baseline on")
    if one.refractory:
        parts.append(f"silent for {one.refractory // 60} hours after an alert, unless High")
    return "; ".join(parts)


def _owasp(ids: tuple[str, ...], names: dict[str, str]) -> str:
    return ", ".join(names[id] for id in ids) or "–"


def _reasons(one: Detector) -> dict[str, str]:
    """Limit -> the comment beside it in the source."""
    found: dict[str, str] = {}
    name = ""
    signature = False
    for token in tokenize.generate_tokens(io.StringIO(inspect.getsource(one.function)).readline):
        if token.string == "def":
            signature = True  # the decorator stands before it
        elif not signature:
            continue
        elif token.type == tokenize.NAME and token.string in one.limits and token.string not in found:
            name = token.string
        elif token.type == tokenize.COMMENT and name and "noqa" not in token.string:
            found.setdefault(name, token.string.lstrip("# "))
            name = ""
        elif token.type == tokenize.NEWLINE:
            break  # the end of the signature
    return found


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_detectors", TARGET, document(), arguments)


if __name__ == "__main__":
    sys.exit(main())
