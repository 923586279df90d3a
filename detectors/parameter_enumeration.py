"""One client IP asks for one value of a parameter after the other: the shape of broken object level authorisation being tried."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_ParameterEnumeration",
    title="Parameter enumeration on an API endpoint",
    severity=Severity.MEDIUM,
    sees="One client IP sent far more distinct values of one parameter within 20 minutes than any IP usually does, and than it did before.",
    causes="Enumeration of identifiers to read other people's objects, or of accounts and codes; or a crawler, a synchronisation job, a shared office address.",
    remediation=(
        "Check that the operation tests whether the caller may see each object (object level authorisation).",
        "Look at how many values were answered with success: those objects were read.",
        "Use identifiers that cannot be guessed, and limit calls per caller.",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1213", "T1087"),
    owasp_2019=("API1", "API2"),
    owasp_2023=("API1", "API2"),
    watches="values",
    min_days=1,
    key="both",
    grows="busiest_values",
    least=("floor",),
)
def parameter_enumeration(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 20,  # distinct values in 20 minutes; a person opens fewer objects
    word_floor: int = 60,  # distinct values of a parameter that is no identifier: search terms differ, and user names are words too
    ratio: float = 1.25,  # times the 10th-largest of an (IP, window) in 30 days
    own_ratio: float = 1.5,  # times the IP's own largest, if it is a regular
    read: int = 20,  # distinct values answered with success from which on objects were really read, which is severe
) -> Iterator[Sighting]:
    """Distinct values of one parameter by one IP > max(`floor`, `ratio` x 10th-largest (IP, window), `own_ratio` x its own largest);
    `word_floor` where the parameter is no identifier. High once `read` values were answered with success."""
    for name, ips in window.touched_values.items():
        parameter = window.parameters[name]
        if parameter.most <= floor:
            continue
        usual = baseline.rank(f"distinct:{name}", 10)
        of_all = max(floor if window.identifies(name) else word_floor, ratio * (usual or 0.0))
        if parameter.most <= of_all:
            continue
        regulars = window.regulars.get(f"distinct:{name}", {})
        for ip in ips:
            own = parameter.by_ip.get(ip, {})
            threshold = max(of_all, own_ratio * regulars.get(ip, 0.0))
            if len(own) > threshold and ip not in NOBODY:
                ok = sum(own.values())
                yield Sighting(
                    len(own),
                    usual,
                    threshold,
                    "distinct values",
                    actor=ip,
                    parameter=name,
                    severity=Severity.HIGH if ok >= read else None,
                    evidence={"values answered 2xx": ok},
                )
