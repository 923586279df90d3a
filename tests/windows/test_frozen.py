"""A frozen window comes back as it was, and an evaluation that freezes says what one that does not says."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from local import traffic
from pipeline.decode import decode
from pipeline.evaluation import Evaluation
from pipeline.fold import fold
from pipeline.live import LiveWindows
from pipeline.step import Step
from tests.build import ENDPOINT, START, window
from tests.pipeline.test_decode import WHOLE
from windows.closing import record_of
from windows.frozen import freeze, thaw
from windows.live import LiveWindow

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def test_a_window_comes_back_as_it_was() -> None:
    made = window(
        calls=[("203.0.113.7", 200, 9), ("198.51.100.1", 401, 3)],
        sizes=[("203.0.113.7", 10, 99_000)],
        identities=[("subscription:app", 200, 9)],
        values=[("203.0.113.7", "path:id", range(30), True)],
        milliseconds=[12.0, 900.0],
        sightings=[("API_Injection", "203.0.113.7", 200, "sql in query:q")],
    )
    made.judged()
    before = record_of(made)
    back = thaw(freeze(made), LiveWindow(ENDPOINT, START, day=made.day))
    assert record_of(back) == before
    assert (back.ips, back.codes, back.bytes, back.minute) == (made.ips, made.codes, made.bytes, made.minute)


def steps(evaluation: Evaluation) -> list[Step]:
    random, found = Random(5), []
    for minute in range(0, 300, 3):
        now = NOW + timedelta(minutes=minute)
        late = [now - timedelta(minutes=random.choice((0, 0, 0, 1, 25, 50, 70))) for _ in range(12)]
        bodies = [traffic.encode(WHOLE | traffic.call(random, at, random.choice(traffic.OPERATIONS[:4]))) for at in late]
        evaluation.feed("0", fold([decode(body) for body in bodies], KEY), minute)
        found.append(evaluation.step(now))
    return found


def test_freezing_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    pack = LiveWindows.pack

    def counting(self: LiveWindows, window: LiveWindow, is_running: bool) -> None:
        frozen.append(is_running)
        pack(self, window, is_running)

    monkeypatch.setattr(LiveWindows, "pack", counting)
    with_freezing = steps(Evaluation())
    assert len(frozen) > 20
    assert any(frozen)
    monkeypatch.setattr(LiveWindows, "pack", lambda *_, **__: None)
    assert steps(Evaluation()) == with_freezing


def test_closing_a_window_a_step_says_what_closing_all_at_once_does() -> None:
    at_once, by_window = Evaluation(), Evaluation()
    assert steps(at_once) == steps(by_window)
    whole, parts = at_once.finish(), [by_window.finish(by=20) for _ in range(5)]
    assert len(parts) > 2
    assert len(whole.closed) > max(len(part.closed) for part in parts)
    for name in ("closed", "activity", "behind", "days", "regulars"):
        assert [row for part in parts for row in getattr(part, name)] == getattr(whole, name), name
    assert {alert.id: alert for part in parts for alert in part.alerts} == {alert.id: alert for alert in whole.alerts}
    assert (parts[-1].watermark, parts[-1].closed_until) == (whole.watermark, whole.closed_until)
