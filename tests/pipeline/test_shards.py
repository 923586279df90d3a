"""The evaluation in shards: byte for byte what one evaluation says, whatever the number of shards, and in whatever order the lead and its shards get on."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from random import Random

import msgspec
import pytest

from model import ApiCall
from pipeline.ensemble import Ensemble, together
from pipeline.evaluation import Evaluation
from pipeline.fold import fold
from pipeline.learn import Learner
from pipeline.step import Step
from tests.build import api_call
from tests.pipeline.test_evaluation import FAR, KEY, Batches, Stored


def random_traffic(seed: int) -> list[ApiCall]:
    """Two and a half days of a dozen operations and of undescribed paths, with what many and single callers do wrong; a silent age in some."""
    random = Random(seed)
    endpoints = [f"/v1/things{number}/{{id}}" for number in range(8)] + ["/login", "/v1/search"]
    calls: list[ApiCall] = []

    def some(n: int, first: float, last: float, **fields: object) -> None:
        calls.extend(api_call(random.uniform(first, last), **fields) for _ in range(n))

    for _ in range(900):
        template = random.choice(endpoints)
        at, ip = random.uniform(0, 3_600), f"203.0.113.{random.randrange(30)}"
        values = {"id": str(random.randrange(50))} if "{" in template else None
        calls.append(
            api_call(at, client_ip=ip, url_template=template, path_parameters=values, status=random.choice((200, 200, 200, 404, 401)),
                     duration_ms=random.choice((20, 25)), subscription_id=random.choice(("web", "app")))
        )  # fmt: skip
    for number in range(9):
        for client in range(4):
            some(5, 0, 3_600, url_template=None, path=f"/hidden/page{chr(97 + number)}", client_ip=f"203.0.113.{client}")
    for number in range(random.randrange(3, 9)):
        at, ip = random.uniform(200, 3_500), f"198.51.100.{number}"
        some(random.randrange(60, 160), at, at + random.choice((5, 40)), client_ip=ip, url_template=random.choice(endpoints[-2:]))
        some(40, at, at + 15, client_ip=ip, url_template=None, path=f"/admin/{random.randrange(99)}", status=404)
        some(1, at, at + 90, client_ip=ip, url_template=random.choice(endpoints), user_agent="javascript:alert(1)")
    at = random.uniform(200, 3_500)
    for number in range(12):
        some(60, at, at + 30, client_ip=f"192.0.2.{number}", url_template="/login", status=401)
    some(80, at + 60, at + 80, client_ip="192.0.2.99", url_template="/v1/search", duration_ms=4_000)
    if seed % 3 == 0:
        some(20, 9_000, 9_100, client_ip="203.0.113.1")
    return sorted(calls, key=lambda call: call.time)


def in_batches(calls: list[ApiCall], random: Random) -> Batches:
    """Over two partitions; a few calls come late.

    What is late is learned without those who were accused before it came: in shards before the plan that brings it, else before the end of its step, which
    here makes no difference.
    """
    batches: Batches = []
    at = 0
    while at < len(calls):
        size = random.choice((5, 40, 150))
        halves = [random.random() < 0.5 for _ in calls[at : at + size]]
        for partition, half in (("0", True), ("1", False)):
            some = [call for call, own in zip(calls[at : at + size], halves, strict=True) if own is half]
            batches += [(partition, fold(some, KEY))] if some else []
        at += size
        if random.random() < 0.1 and at > 20:
            batches.append((random.choice("01"), fold(random.sample(calls[:at], 3), KEY)))
    return batches


Steps = Callable[[Evaluation | Ensemble, datetime | None], Step]


def at_once(evaluation: Evaluation | Ensemble, now: datetime | None) -> Step:
    return evaluation.finish() if now is None else evaluation.step(now)


def in_turns(random: Random, shards: int) -> Steps:
    """The lead and its shards get on in a random order."""

    def steps(ensemble: Evaluation | Ensemble, now: datetime | None) -> Step:
        assert isinstance(ensemble, Ensemble)
        made = [ensemble.lead(now)]
        idle = 0
        while ensemble.is_behind or idle < 2:
            turn = random.randrange(-1, shards)
            made.append(ensemble.lead(now) if turn < 0 else ensemble.shard(turn))
            idle = 0 if ensemble.is_behind else idle + (turn < 0)
        return together(made)

    return steps


def played(evaluation: Evaluation | Ensemble, batches: Batches, steps: Steps, per_step: int = 3, now: datetime = FAR) -> Stored:
    stored = Stored()
    for at in range(0, len(batches), per_step):
        for position, (partition, tally) in enumerate(batches[at : at + per_step], at):
            evaluation.feed(partition, tally, position)
        stored.write(steps(evaluation, now))
    stored.write(steps(evaluation, None))
    return stored


def everything(stored: Stored) -> dict[str, bytes]:
    """In a form that can be compared byte for byte."""
    found = {
        "alerts": sorted(stored.alerts.items()),
        "incidents": sorted(stored.incidents.items()),
        "rows": sorted(stored.rows.items(), key=lambda row: row[0]),
        "activity": sorted(stored.activity.items()),
        "regulars": sorted((key, one.value) for key, one in stored.regulars.items()),
        "learned": sorted(stored.learned.items()),
        "summaries": sorted(stored.summaries, key=lambda one: (one.day, one.endpoint)),
        "baselines": sorted(stored.baselines.items(), key=lambda one: one[0]),
    }
    return {
        name: msgspec.json.encode(msgspec.to_builtins(one, str_keys=True, builtin_types=(bytes,)), order="sorted")
        for name, one in found.items()
    }


def same(a: Stored, b: Stored) -> None:
    one, other = everything(a), everything(b)
    for name, said in one.items():
        assert other[name] == said, name


@cache
def whole(seed: int) -> tuple[Batches, Stored]:
    batches = in_batches(random_traffic(seed), Random(seed))
    return batches, played(Evaluation(learner=Learner(), live_rows=False), batches, at_once)


@pytest.mark.parametrize(("seed", "shards"), [(0, 1), (0, 3), (1, 2), (1, 8), (3, 2)])
def test_any_number_of_shards_says_the_same_in_any_order(seed: int, shards: int) -> None:
    batches, expected = whole(seed)
    assert len(expected.alerts) >= 4
    assert expected.learned
    ensemble = Ensemble(shards, learner=Learner(), live_rows=False)
    same(expected, played(ensemble, batches, in_turns(Random(seed + shards), shards)))
