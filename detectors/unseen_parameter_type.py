"""A parameter carries a kind of value that it never did: text where there were always numbers."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.parameter import FIRST_IPS
from windows.window import Window

IGNORED = (1,)
"""Index into fold.VALUE_TYPES: an empty value says nothing."""


@detector(
    id="API_UnseenParamType",
    title="Parameter value(s) with anomalous data types used in an API call",
    severity=Severity.MEDIUM,
    sees="A parameter whose values were always of the same few types was sent a value of another type.",
    causes="Fuzzing, injection, tampering with identifiers; or a new version of a client, a new kind of identifier.",
    remediation=(
        "Look at how the calls were answered: a success with a value of a wrong type means that it is not validated.",
        "Declare the type in the API's specification and refuse others at the gateway (validate-parameters).",
    ),
    tactic="Impact",
    techniques=("T1190", "T1595.002"),
    owasp_2019=("API8",),
    owasp_2023=("API8", "API3"),
    watches="values",
    min_days=7,
    min_calls=100,
    key="parameter",
    refractory=6 * 60,
)
def unseen_parameter_type(
    window: Window,
    baseline: Baseline,
    *,
    known: int = 100,  # values of the parameter in 30 days, below which its types are a guess
    types: int = 4,  # known types above which a parameter takes anything
    rolled_out: int = FIRST_IPS,  # client IPs that make it a roll-out
) -> Iterator[Sighting]:
    """Any value of a type that its parameter never had, where `known` values and at most `types` types are known; Informational once
    `rolled_out` IPs sent it."""
    for name in sorted(window.touched_values):
        parameter, usual = window.parameters[name], baseline.types.get(name)
        if usual is None or len(usual) > types or parameter.types.keys() <= usual.keys() or sum(usual.values()) < known:
            continue
        new = {kind: seen for kind, seen in parameter.types.items() if kind not in usual and kind not in IGNORED}
        if new:
            ips = {ip for _, first in new.values() for ip in first}
            yield Sighting(
                sum(n for n, _ in new.values()),
                0,
                0,
                "values",
                actor=next(iter(ips)) if len(ips) == 1 and not ips & set(NOBODY) else None,
                parameter=name,
                severity=Severity.INFORMATIONAL if len(ips) >= rolled_out else None,
                evidence={"client IPs": len(ips), "new types": len(new)},
            )
