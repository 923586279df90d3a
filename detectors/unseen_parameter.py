"""A call carries a parameter that this endpoint has never been sent."""

from collections.abc import Collection, Iterator

from detectors import detector
from model import NOBODY, OTHER, Severity, Sighting
from windows.baseline import Baseline
from windows.parameter import FIRST_IPS
from windows.window import Window

MANY = f"query:{OTHER}"
"""Stands for the names of a call, or of a window, that has too many."""


@detector(
    id="API_UnseenParam",
    title="Previously unseen parameter used in an API call",
    severity=Severity.MEDIUM,
    sees="A parameter was sent that no caller has sent to this endpoint in 30 days. Once five client IPs use it, it is taken for a roll-out and its severity falls.",
    causes="A search for hidden parameters, mass assignment, overriding of methods or roles; or a new version of a client.",
    remediation=(
        "Ask the developers whether the parameter is theirs. If it is, nothing is to be done: it is known within days.",
        "If it is not, make sure that the backend ignores it, and refuse unspecified parameters at the gateway (validate-parameters).",
    ),
    tactic="Impact",
    techniques=("T1190", "T1565.001", "T1595.002"),
    owasp_2019=("API6", "API9"),
    owasp_2023=("API3", "API9"),
    watches="values",
    min_days=7,
    min_calls=100,
    key="parameter",
    refractory=6 * 60,
)
def unseen_parameter(
    window: Window,
    baseline: Baseline,
    *,
    rolled_out: int = FIRST_IPS,  # client IPs within 24 hours that make it a roll-out
    names: int = 5,  # unseen ones in a window that are named one by one; more are one alert
) -> Iterator[Sighting]:
    """Any call with a parameter that is not known; Informational once `rolled_out` IPs sent it in 24 hours. A parameter is known once
    five IPs used it in a day, or on three days, and no news on the day after it came."""
    if window.parameters.keys() <= baseline.parameters.keys():
        return
    of_window = (window.parameters.keys() - baseline.parameters.keys()).difference(baseline.noticed)
    new = sorted(of_window & window.touched_values.keys()) if of_window else ()
    if not new:
        return
    if len(of_window) > names:
        ips = {ip for name in of_window for ip in window.parameters[name].by_ip}
        yield Sighting(len(of_window), 0, names, "unseen parameters", actor=_one(ips), parameter=MANY, evidence={"client IPs": len(ips)})
        return
    for name in new:
        callers = window.parameters[name].by_ip
        ips_of_day = max(window.day.ips(name), len(callers))
        yield Sighting(
            window.parameters[name].n,
            0,
            0,
            "calls",
            actor=_one(callers),
            parameter=name,
            severity=Severity.INFORMATIONAL if ips_of_day >= rolled_out else None,
            evidence={"client IPs in 24 hours": ips_of_day, "answered 2xx": window.parameters[name].ok},
        )


def _one(ips: Collection[str]) -> str | None:
    """The only caller, if there is but one."""
    known = [ip for ip in ips if ip not in NOBODY]
    return known[0] if len(known) == 1 and len(ips) == 1 else None
