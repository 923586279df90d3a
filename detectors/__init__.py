"""Detectors: one a file, found by discovery. A detector is a pure generator of evidence; the decorator says what its findings mean.

Adding one touches one file here and its test. `id`, file, function and documentation anchor name each other.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

Limit = int | float
Tactic = Literal[
    "PreAttack", "InitialAccess", "Persistence", "PrivilegeEscalation", "DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement",
    "Execution", "Collection", "Exfiltration", "CommandAndControl", "Impact", "Probing", "Exploitation",
]  # fmt: skip
"""`intent` of Microsoft.Security/alerts."""
Watched = Literal["calls", "identities", "values", "sightings", "sensitive", "callers", "nothing"]
Reading = Literal[
    "n", "refusals", "failed", "most_calls", "busiest_request", "busiest_response", "busiest_identity", "busiest_values", "most_values", "busiest_errors"
]  # fmt: skip
"""A number of the window that only grows while it lasts."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as found: what it is called with, and what its findings mean."""

    id: str
    title: str
    severity: Severity
    sees: str
    """One or two sentences for an analyst: what was seen when this alerts."""
    causes: str
    """Potential causes, harmless ones too."""
    remediation: tuple[str, ...]
    tactic: Tactic
    techniques: tuple[str, ...]
    owasp_2019: tuple[str, ...]
    owasp_2023: tuple[str, ...]
    function: Callable[..., Iterator[Sighting]]
    limits: Mapping[str, Limit]
    """Threshold names and defaults: the function's keyword-only arguments."""
    watches: Watched = "calls"
    """It is asked again when the window got something of this kind."""
    service: bool = False
    """Judges a service's windows (all endpoints together) instead of an endpoint's."""
    ended: bool = False
    """Judges a window once it has ended, for its measure can fall as well as rise."""
    min_days: int = 0
    """Days of baseline below which it is not asked: the gate for cold baselines."""
    min_calls: int = 0
    """Calls in the baseline below which it is not asked."""
    grows: Reading | None = None
    """It is not asked while this reading of the window ..."""
    least: tuple[str, ...] = ()
    """... is below the smallest of these of its limits: what it looks for cannot be there yet."""
    least_reading: Limit = field(init=False, default=0)
    """That smallest one, where no limit is overridden."""
    key: Literal["actor", "parameter", "both"] = "actor"
    """What tells two alerts on one endpoint and class apart, beside the detector."""
    taints: str = ""
    """The series of the baseline that must not learn a window in which this was found: "{status_class}", "auth", "distinct:{parameter}"."""
    refractory: int = 0
    """Minutes after an alert in which a new finding of the same key, below severity High, is taken for the same event and raises nothing."""
    alert_type: str = ""
    """Microsoft's alert type where it is not the id."""

    def __post_init__(self) -> None:
        if bool(self.least) != (self.grows is not None) or not self.limits.keys() >= set(self.least):
            raise TypeError(f"detector {self.id} must say which reading grows, and which of its limits it has to reach")
        object.__setattr__(self, "least_reading", min((self.limits[name] for name in self.least), default=0))

    def fewest(self, own: Mapping[str, Limit]) -> Limit:
        """What its reading has to reach, under these overrides of its limits."""
        return min(own.get(name, self.limits[name]) for name in self.least) if own and self.least else self.least_reading

    def __call__(self, window: Window, baseline: Baseline, **limits: Limit) -> Iterator[Sighting]:
        return self.function(window, baseline, **limits)

    @property
    def name(self) -> str:
        """The name of its function, of its file, and of its anchor in the documentation."""
        return self.function.__name__


Function = Callable[..., Iterator[Sighting]]


def detector(
    *,
    id: str,
    title: str,
    severity: Severity,
    sees: str,
    causes: str,
    remediation: tuple[str, ...],
    tactic: Tactic,
    techniques: tuple[str, ...],
    owasp_2019: tuple[str, ...],
    owasp_2023: tuple[str, ...],
    **conditions: Any,
) -> Callable[[Function], Detector]:
    """Makes a detector of a generator `(window, baseline, *, limits with defaults)`. The arguments are the fields of Detector."""

    def made(function: Function) -> Detector:
        arguments = list(inspect.signature(function).parameters.values())
        limits = {argument.name: argument.default for argument in arguments[2:]}
        wrong = [name for name, default in limits.items() if type(default) not in (int, float)]
        if len(arguments) < 2 or wrong or any(argument.kind is not argument.KEYWORD_ONLY for argument in arguments[2:]):
            raise TypeError(f"detector {id} must take window, baseline and keyword-only numbers with defaults")
        return Detector(
            id, title, severity, sees, causes, remediation, tactic, techniques, owasp_2019, owasp_2023, function, limits, **conditions
        )

    return made


def collect(modules: Iterable[ModuleType]) -> tuple[Detector, ...]:
    """The detectors of some modules by id. Raises ValueError when two have one id."""
    found: dict[str, Detector] = {}
    for module in modules:
        for one in vars(module).values():
            if isinstance(one, Detector) and found.setdefault(one.id, one) is not one:
                raise ValueError(f"two detectors are called {one.id}: {found[one.id].name} and {one.name}")
    return tuple(found[id] for id in sorted(found))


@cache
def discovered() -> tuple[Detector, ...]:
    """Every detector of this folder, by id. A module that does not import stops whoever asks: a detector that is missing would be silent."""
    return collect(import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__) if not module.ispkg)


@cache
def by_id() -> Mapping[str, Detector]:
    return {one.id: one for one in discovered()}
