"""What holds for every detector that discovery finds."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import detectors
import windows.live
from detectors import Detector, collect, detector, discovered
from model import NOBODY, OTHER, Endpoint, Severity, service_endpoint
from pipeline.judge import detector_sets, judge
from pipeline.limits import Limits
from tests.build import ENDPOINT, IP, baseline, cold, window
from windows.live import LiveWindow

ALL = discovered()
FOLDER = Path(detectors.__file__).parent


def each(function: Callable[[Detector], None]) -> Callable[[Detector], None]:
    return pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)(function)


def busy(ip: str = IP) -> LiveWindow:
    """Of an endpoint, with far too much of everything."""
    return window(
        calls=[(ip, 200, 500), (ip, 401, 400), (ip, 500, 300)],
        sizes=[(ip, 10_000_000, 50_000_000)],
        identities=[("user:7", 200, 500)],
        values=[(ip, "path:id", range(1000, 1400), True), (ip, "query:debug", range(3), True)],
        sightings=[(one.id, ip, 200, "something") for one in ALL],
        milliseconds=[900.0] * 50,
    )


def busy_service(ip: str = IP) -> LiveWindow:
    """Of a service: one IP at hundreds of its endpoints, and of paths that it has not."""
    known = [(ip, status, Endpoint("contoso", "shop", "GET", f"/v1/thing{n}")) for n in range(300) for status in (200, 401)]
    unknown = [(ip, 404, Endpoint("contoso", "", "GET", f"/probe{n}/{{…}}", matched=False)) for n in range(300)]
    return window(endpoint=service_endpoint("contoso"), routes=[*known, *unknown])


def busy_for(one: Detector, ip: str = IP) -> LiveWindow:
    """What this detector is asked about."""
    return busy_service(ip) if one.service else busy(ip)


def empty_for(one: Detector) -> LiveWindow:
    return window(endpoint=service_endpoint("contoso") if one.service else ENDPOINT)


def test_all_are_found() -> None:
    files = {path.stem for path in FOLDER.glob("*.py") if "@detector(" in path.read_text()}
    assert {one.name for one in ALL} == files
    assert len(ALL) == len(files) >= 20


def test_an_id_is_written_once() -> None:
    """In its detector, or in windows.rules where ingest needs it too; everything else takes it from there. A proof names its detector by id."""
    root, ids = FOLDER.parent, {one.id for one in ALL}
    rooms = (
        "adapters",
        "alerts",
        "attacks",
        "bench",
        "detectors",
        "intel",
        "local",
        "pipeline",
        "posture",
        "retention",
        "tools",
        "triggers",
        "web",
        "windows",
    )
    found: dict[str, list[str]] = {}
    for path in [*(file for room in rooms for file in sorted((root / room).rglob("*.py"))), *sorted(root.glob("*.py"))]:
        name = path.relative_to(root).as_posix()
        if name == "tools/proofs.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in ids:
                found.setdefault(str(node.value), []).append(f"{name}:{node.lineno}")
    assert found.keys() == ids
    assert {
        id: places for id, places in found.items() if len(places) > 1 or not places[0].startswith(("detectors/", "windows/rules.py"))
    } == {}


@each
def test_id_file_function_and_docstring_name_each_other(one: Detector) -> None:
    source = Path(inspect.getsourcefile(one.function) or "")
    assert source.stem == one.name
    assert ast.get_docstring(ast.parse(source.read_text()))
    assert one.id.startswith(("API_", "Gatewatch_"))
    assert one.title[0].isupper()
    assert one.sees.endswith(".")
    assert one.causes.endswith(".")
    assert one.remediation


@each
def test_owasp_and_techniques_are_real_ones(one: Detector) -> None:
    assert {*one.owasp_2019, *one.owasp_2023} <= {f"API{n}" for n in range(1, 11)}
    assert all(technique[0] == "T" and technique[1:5].isdigit() for technique in one.techniques)


@each
def test_every_limit_says_why(one: Detector) -> None:
    lines = inspect.getsource(one.function).splitlines()
    for name in one.limits:
        line = next(line for line in lines if line.strip().startswith(f"{name}:"))
        assert "#" in line, f"{one.id}: {name} has no reason"


@each
def test_an_empty_window_is_silent(one: Detector) -> None:
    assert list(one(empty_for(one), baseline())) == []


@each
def test_one_call_is_silent(one: Detector) -> None:
    found = window(calls=[(IP, 200, 1)], values=[(IP, "path:id", [1], True)], identities=[("user:7", 200, 1)], milliseconds=[12.0])
    if one.service:
        found = window(endpoint=service_endpoint("contoso"), routes=[(IP, 200, ENDPOINT)])
    assert list(one(found, baseline(milliseconds=12.0))) == []


def test_a_cold_baseline_is_silent_but_for_rules() -> None:
    judged = [judge(busy(), cold(), detector_sets(), Limits(), ended=ended) for ended in (False, True)]
    assert not [failure for one in judged for failure in one.failures]
    rules = {one.id for one in ALL if one.watches == "sightings"}
    assert {finding.detector for one in judged for finding in one.findings} == rules


@pytest.mark.parametrize("one", [one for one in ALL if one.grows is not None], ids=lambda one: one.id)
def test_a_detector_that_waits_would_find_nothing_earlier(one: Detector) -> None:
    """Asked at every size of the same attack, under its own limits and under lower ones: it finds nothing in a window in which its reading is below its limits."""
    found = 0
    for size in [*range(1, 70), *range(70, 600, 40)]:
        of_endpoint = window(
            calls=[(IP, 200, size), (IP, 401, size), (IP, 500, size), ("198.51.100.8", 200, size)],
            sizes=[(IP, 200 * size, 400 * size)] * 3,
            identities=[("user:7", 200, size * 3)],
            values=[(f"198.51.100.{n}", "path:id", range(n * size, (n + 1) * size), True) for n in range(3)],
        )
        unknown = Endpoint("contoso", "", "GET", "/probe/{…}", matched=False)
        some = window(endpoint=service_endpoint("contoso"), routes=[(IP, 404, unknown)] * size) if one.service else of_endpoint
        some = window(endpoint=unknown, calls=[(IP, 200, size)]) if one.id == "API_ShadowEndpoint" else some
        for own in ({}, dict.fromkeys(one.least, 2)):
            known = baseline(series={}, tops={f"response:{measure}": [900.0] * 12 for measure in ("sum", "call", "third")})
            if list(one(some, known, **own)):
                found += 1
                assert getattr(some, str(one.grows)) >= one.fewest(own), size
    assert found, "the attack grows until it is found"


def test_what_a_detector_waits_for_is_one_of_its_limits() -> None:
    with pytest.raises(TypeError, match="which of its limits"):
        replace(ALL[0], grows="n", least=("nothing_of_the_kind",))


@each
def test_same_input_same_verdict(one: Detector) -> None:
    def verdict() -> list[str]:
        return sorted(map(repr, one(busy_for(one), baseline(milliseconds=10.0))))

    assert verdict() == verdict()


@each
def test_no_evidence_quotes_a_value(one: Detector) -> None:
    for sighting in one(busy_for(one), baseline(milliseconds=10.0)):
        assert IP not in "".join(map(str, sighting.evidence.values()))


@each
def test_nobody_is_accused(one: Detector) -> None:
    for ip in NOBODY:
        assert [sighting.actor for sighting in one(busy_for(one, ip), baseline(milliseconds=10.0)) if sighting.actor in NOBODY] == []


def test_the_busy_windows_are_such_that_detectors_of_counts_find_something() -> None:
    found = {one.id for one in ALL if list(one(busy_for(one), baseline(milliseconds=10.0)))}
    assert found >= {"API_SpikeInAPITraffic", "API_ParameterEnumeration", "API_SprayInRequests", "API_ScannerBehaviour"}


def test_a_detector_that_raises_is_a_failure_and_the_others_go_on() -> None:
    @detector(
        id="API_Broken", title="Broken", severity=Severity.LOW, sees="Nothing.", causes="None.", remediation=("None.",), tactic="Impact",
        techniques=(), owasp_2019=(), owasp_2023=(),
    )  # fmt: skip
    def broken(window, baseline, *, floor: int = 3):  # type: ignore[no-untyped-def]
        yield from ()
        raise KeyError("203.0.113.9 must not be repeated")

    found = judge(busy(), baseline(), detector_sets([*ALL, broken]), Limits())
    assert [failure.detector for failure in found.failures] == ["API_Broken"]
    assert found.failures[0].error.startswith("KeyError in test_contract.py:")
    assert "203" not in found.failures[0].error
    assert {finding.detector for finding in found.findings} >= {"API_SpikeInAPITraffic", "API_ParameterEnumeration"}
    assert all(finding.endpoint == ENDPOINT for finding in found.findings)


def test_more_ips_than_a_window_tells_apart_fail_no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows.live, "ACTORS", 8)
    sizes = [(f"198.51.100.{i}", 1_000_000, 5_000_000 + i) for i in range(30)]
    flood = window(
        sizes=sizes, values=[(ip, "path:id", range(10), True) for ip, _, _ in sizes], routes=[(ip, 404, ENDPOINT) for ip, _, _ in sizes]
    )
    flood.trim()
    found = judge(
        flood, baseline(tops={f"response:{measure}": [1_000.0] * 12 for measure in ("sum", "call", "third")}), detector_sets(), Limits()
    )
    assert not found.failures
    told_apart = {finding.sighting.actor for finding in found.findings if finding.detector == "API_SpikeInPayload_Response"}
    assert told_apart == flood.bytes.keys() - {OTHER}


def test_a_duplicate_id_stops_the_start() -> None:
    a, b = ModuleType("a"), ModuleType("b")
    original = ALL[0]
    a.__dict__["one"] = original
    b.__dict__["two"] = replace(original)
    with pytest.raises(ValueError, match=original.id):
        collect([a, b])
    assert collect([a, a]) == (original,)


def positional(window: object, baseline: object, floor: int = 3) -> None: ...
def without_baseline(window: object) -> None: ...
def without_default(window: object, baseline: object, *, floor: int) -> None: ...
def not_a_number(window: object, baseline: object, *, floor: str = "3") -> None: ...


@pytest.mark.parametrize("function", [positional, without_baseline, without_default, not_a_number])
def test_a_detector_of_the_wrong_shape_stops_the_start(function: Callable[..., object]) -> None:
    make = detector(
        id="API_X", title="X", severity=Severity.LOW, sees="X.", causes="X.", remediation=("X.",), tactic="Impact", techniques=(), owasp_2019=(),
        owasp_2023=(),
    )  # fmt: skip
    with pytest.raises(TypeError, match="API_X"):
        make(function)  # type: ignore[arg-type]
