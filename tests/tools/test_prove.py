"""Every detector has a proof; each proof raises its own alert and, one call or value less, does not: judged purely, and in the whole running stack."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from classifiers.taxonomy import Taxonomy
from detectors import by_id, discovered
from intel.feeds import Feed as Listing
from intel.formats import parse
from intel.index import compile_index
from local.stack import Stack
from local.traffic import Event, encode
from pipeline.contents import Look
from pipeline.decode import decode
from pipeline.looks import look_by
from pipeline.rehearsal import HISTORY, Rehearsal
from pipeline.step import Step
from tools.proofs import UNPROVABLE, Proof, Scene, proofs
from tools.prove import code, main
from tools.proving import Result, stage

AT = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)
MOMENTS = (
    AT,
    datetime(2026, 11, 29, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 30, 1, 42, tzinfo=UTC),
    datetime(2026, 12, 4, 23, 59, tzinfo=UTC),
)
"""A working day, a Sunday and a Monday soon after midnight, and a Friday before it."""
KEY = b"a key for tests of sixteen bytes"

every = pytest.mark.parametrize("proof", proofs().values(), ids=lambda proof: proof.detector)
whenever = pytest.mark.parametrize("at", MOMENTS, ids=lambda at: f"{at:%a-%H%M}")


@cache
def look_into() -> Callable[[bytes], Look]:
    return look_by(Taxonomy())


def rehearsed(proof: Proof, attack: Sequence[Event], scene: Scene) -> set[str]:
    """The detectors that the attack raised, after the proof's own history was learned, which must raise nothing."""
    listed = compile_index(
        [parse(Listing("proof", proof.feed, fetched_at=scene.at), scene.attacker.encode(), scene.at)] if proof.feed else []
    )
    rehearsal = Rehearsal(look_into=look_into(), listed=listed.rules)

    def raised(events: Iterable[Event], now: datetime = HISTORY) -> set[str]:
        messages = [encode(event) for event in events]
        return detectors_of(rehearsal.play([decode(message) for message in messages], messages, now))

    start, until = stage(scene.at)
    for events in proof.history(scene, until):
        assert not raised(events)
    clock = Scene("0c10c4", "spray", scene.at)
    assert not raised([clock.call(start)])  # time passes, and the days are learned
    found = raised([*attack, clock.call(scene.at)], scene.at + timedelta(seconds=5))
    return found | detectors_of(rehearsal.finish()) if by_id()[proof.detector].ended else found


def detectors_of(step: Step) -> set[str]:
    assert not step.failures
    return {alert.detector for alert in step.alerts}


def test_every_detector_has_a_proof_or_a_reason() -> None:
    ids = {one.id for one in discovered()}
    without = sorted(ids - proofs().keys() - UNPROVABLE.keys())
    assert not without, f"write a proof into tools/proofs.py, or a reason into its UNPROVABLE, for {', '.join(without)}"
    assert proofs().keys() | UNPROVABLE.keys() == ids
    assert not proofs().keys() & UNPROVABLE.keys()
    assert all(reason and reason[0].islower() and not reason.endswith(".") for reason in UNPROVABLE.values())


@whenever
@every
def test_a_proof_raises_its_alert_and_no_other(proof: Proof, at: datetime) -> None:
    scene = Scene("abc123", proof.name, at)
    assert rehearsed(proof, proof.attack(scene), scene) == {proof.detector}


@whenever
@every
def test_just_below_the_limit_nothing_is_raised(proof: Proof, at: datetime) -> None:
    scene = Scene("abc123", proof.name, at)
    assert rehearsed(proof, proof.below(scene), scene) == set()


stacked = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("prove") / "run") as running:
        yield running


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWATCH_KEY", "GATEWATCH_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def told(arguments: Sequence[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, dict[str, Any]]:
    assert main([*arguments, "--json"]) == code
    return {result["detector"]: result for result in json.loads(capsys.readouterr().out)["results"]}


@stacked
def test_all_alerts_arrive_in_the_running_stack_and_a_second_run_is_not_disturbed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    here = ["--folder", str(stack.folder)]
    results = told(here, capsys)
    assert results.keys() == {one.id for one in discovered()}
    assert {id for id, result in results.items() if result["arrived"]} == proofs().keys()
    assert {id: result["also"] for id, result in results.items() if result["also"]} == {}
    assert {id: result["reason"] for id, result in results.items() if result["reason"]} == UNPROVABLE

    late = ("API_ErrorBurst", "API_DistributedParameterEnumeration", "API_UnseenParam", "API_SpikeByIdentity")
    unordered = ("API_ShadowEndpoint", "API_DataExfiltration")
    chosen = ("API_SprayInRequests", "API_Injection", *late, *unordered)
    again = told([*here, *(word for id in chosen for word in ("--detector", id))], capsys)
    assert {id for id, result in again.items() if result["arrived"]} == set(chosen) - set(unordered)  # these days are learned again
    assert all("judged in its order" in again[id]["reason"] for id in unordered)


@stacked
def test_a_deployment_is_proven_as_far_as_it_lets_itself_be(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWATCH_KEY", stack.keys["default"])
    chosen = ("API_AccessFromTorExitNode", "API_ParameterPollution", "API_UnseenParam")
    there = ["--connection", stack.hub, "--url", stack.url, *(word for id in chosen for word in ("--detector", id))]
    results = told(there, capsys)
    assert {id: result["arrived"] for id, result in results.items()} == {
        "API_AccessFromTorExitNode": None,
        "API_ParameterPollution": True,
        "API_UnseenParam": None,
    }
    assert "--evidence" in results["API_AccessFromTorExitNode"]["reason"]
    assert "needs history: set MAX_EVENT_AGE_HOURS to 216" in results["API_UnseenParam"]["reason"]


@stacked
def test_history_that_a_deployment_refuses_is_no_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack(tmp_path / "run", settings={"MAX_EVENT_AGE_HOURS": "24"}) as deployed:
        monkeypatch.setenv("GATEWATCH_KEY", deployed.keys["default"])
        monkeypatch.setenv("GATEWATCH_MASTER_KEY", deployed.keys["master"])
        chosen = ("API_ErrorBurst", "API_UnseenParam", "API_SprayInRequests")
        there = ["--connection", deployed.hub, "--url", deployed.url, *(word for id in chosen for word in ("--detector", id))]
        results = told([*there, "--history"], capsys)
    assert results["API_SprayInRequests"]["arrived"]
    for id in ("API_ErrorBurst", "API_UnseenParam"):
        assert results[id]["reason"] == "its history was refused: set MAX_EVENT_AGE_HOURS to 216"


@stacked
def test_a_stack_of_its_own_shows_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["--own", "--detector", "API_Injection"]) == 0
    said = capsys.readouterr().out
    assert "Injection attempt against an API endpoint" in said
    assert "1 of 1 alerts arrived" in said


def test_what_cannot_be_provoked_alone_proves_nothing() -> None:
    assert code([Result("Gatewatch_DetectorFailure", reason="no traffic")], strict=False) == 2


@pytest.mark.parametrize(
    ("seconds", "strict", "expected"), [(2.0, True, 0), (6.0, False, 0), (6.0, True, 1), (None, False, 1)], ids=["in time", "late", "late and strict", "missing"]
)  # fmt: skip
def test_what_is_missing_is_an_exit_code_and_what_is_late_only_when_strict(seconds: float | None, strict: bool, expected: int) -> None:
    fine, other = Result("API_ErrorBurst", 1, 10, 20.0), Result("API_Injection", 0, 1, seconds)
    assert code([fine, other, Result("Gatewatch_DetectorFailure", reason="no traffic")], strict) == expected


CONNECTION = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=proof;SharedAccessKey=cHJvb2Y=;UseDevelopmentEmulator=true"


@stacked
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--detector", "API_Injektion"], "there is no detector 'API_Injektion': did you mean 'API_Injection'?"),
        (["--url", "https://localhost"], "a deployment needs --url, and --connection or --namespace"),
        (["--url", "https://localhost", "--connection", CONNECTION], "a deployment needs a function key in GATEWATCH_KEY, or --key"),
        (["--url", "localhost", "--connection", CONNECTION, "--key", "k"], "--url must begin with https://"),
        (["--url", "http://127.0.0.1:1", "--connection", CONNECTION, "--key", "k"], "http://127.0.0.1:1 cannot be reached"),
        (["--url", "{url}", "--connection", CONNECTION, "--key", "wrong"], "the key in --key is not one of"),
        (["--url", "{url}", "--connection", CONNECTION, "--key", "{key}"], "the event hub calls cannot be reached"),
        (["--url", "{url}", "--connection", "nonsense", "--key", "{key}"], "--connection is no connection string"),
        (["--url", "{url}", "--connection", CONNECTION, "--key", "{key}", "--history"], "--history needs the master key"),
    ],
)
def test_what_is_wrong_is_one_sentence(stack: Stack, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"url": stack.url, "key": stack.keys["default"]}
    assert main([argument.format(**given) if argument[:1] == "{" else argument for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    error = next(line for line in said.err.splitlines() if line.startswith("error: "))
    assert sentence in error
    assert given["key"] not in said.err


def test_a_stack_that_is_gone_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stack.json").write_text('{"url": "http://127.0.0.1:1", "keys": {"default": "k"}, "hub": "h", "storage": "s"}')
    assert main(["--folder", str(tmp_path)]) == 2
    assert "http://127.0.0.1:1 cannot be reached" in capsys.readouterr().err
    (tmp_path / "stack.json").write_text("{}")
    assert main(["--folder", str(tmp_path)]) == 2
    assert "start the stack again with `make run`, or give --own" in capsys.readouterr().err
