"""Every detector has a proof; each proof raises its own alert and, one call or value less, does not: judged purely, and in the whole running stack."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from adapters.app import NEVER_IN_URLS
from classifiers.leaves import Part
from classifiers.taxonomy import Taxonomy
from detectors import by_id, discovered
from local.traffic import Event, encode
from model import Alert, Endpoint
from pipeline.contents import Look, Sampler, look, parts
from pipeline.decode import decode
from pipeline.evaluation import Evaluation, Step
from pipeline.fold import fold
from pipeline.intel import Feed as Listing
from pipeline.intel import Index, compile_index, parse
from pipeline.inventory import Inventory, merge
from pipeline.learn import Learner
from tools.proofs import UNPROVABLE, Proof, Scene, proofs

AT = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
KEY = b"a key for tests of sixteen bytes"
FAR = datetime(2030, 1, 1, tzinfo=UTC)

every = pytest.mark.parametrize("proof", proofs().values(), ids=lambda proof: proof.detector)


class Rehearsal:
    """The whole of Gatewatch without its storage: calls are looked into, folded, judged, and become part of the inventory."""

    def __init__(self, listed: Index) -> None:
        self._listed = listed
        self._sampler = Sampler()
        self._evaluation = Evaluation(learner=Learner())
        self._inventories: dict[Endpoint, Inventory] = {}
        self._position = 0
        self.alerts: dict[str, Alert] = {}

    def play(self, events: Iterable[Event], now: datetime = FAR) -> None:
        messages = [encode(event) for event in events]
        calls = [decode(message) for message in messages]
        looks = {}
        for at, call in enumerate(calls):
            shape = self._sampler.wants(call)
            if shape is not None:
                looks[at] = seen = look_into(messages[at])
                shape.saw({(kind, place) for kind, place, _ in seen.found})
        tally = fold(calls, KEY, looks, listed=self._listed.rules)
        self._position += 1
        self._evaluation.feed("0", tally, self._position)
        self._keep(self._evaluation.step(now))
        self._inventories |= merge(self._inventories, [("0", self._position, tally)], lambda _: True)
        self._evaluation.know({endpoint: it.context() for endpoint, it in self._inventories.items()})

    def finish(self) -> None:
        self._keep(self._evaluation.finish())

    def _keep(self, step: Step) -> None:
        assert not step.failures
        self.alerts.update((alert.id, alert) for alert in step.alerts)


@cache
def taxonomy() -> Taxonomy:
    return Taxonomy()


def look_into(message: bytes) -> Look:
    carried: Sequence[Part] = parts(message)
    never = frozenset(kind.id for kind in taxonomy().types if kind.family in NEVER_IN_URLS)
    return look(carried, taxonomy().classify(carried), never)


def rehearsed(proof: Proof, attack: Sequence[Event], scene: Scene) -> set[str]:
    """The detectors that the attack raised, after the proof's own history was learned, which must raise nothing."""
    listed = compile_index([parse(Listing("proof", proof.feed, fetched_at=AT), scene.attacker.encode(), AT)] if proof.feed else [])
    rehearsal = Rehearsal(listed)
    for events in proof.history(scene, MIDNIGHT):
        rehearsal.play(events)
    clock = Scene("0c10c4", "spray", AT)
    rehearsal.play([clock.call(AT - timedelta(hours=1))])  # time passes, and the days are learned
    assert not rehearsal.alerts
    rehearsal.play([*attack, clock.call(AT)], AT + timedelta(seconds=5))
    if by_id()[proof.detector].ended:
        rehearsal.finish()
    return {alert.detector for alert in rehearsal.alerts.values()}


def test_every_detector_has_a_proof_or_a_reason() -> None:
    ids = {one.id for one in discovered()}
    assert proofs().keys() | UNPROVABLE.keys() == ids
    assert not proofs().keys() & UNPROVABLE.keys()
    assert all(reason and reason[0].islower() and not reason.endswith(".") for reason in UNPROVABLE.values())


@every
def test_a_proof_raises_its_alert_and_no_other(proof: Proof) -> None:
    scene = Scene("abc123", proof.name, AT)
    assert rehearsed(proof, proof.attack(scene), scene) == {proof.detector}


@every
def test_just_below_the_limit_nothing_is_raised(proof: Proof) -> None:
    scene = Scene("abc123", proof.name, AT)
    below = proof.below(scene)
    assert proof.detector not in rehearsed(proof, below, scene)
