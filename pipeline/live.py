"""What is open between two steps: live windows, rolling days, and the endpoints that were learned."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from model import WINDOW_MINUTES, Endpoint, Minute, is_service_endpoint, service_endpoint
from pipeline.regulars import Regulars
from pipeline.templates import Templates
from windows.baseline import Baseline
from windows.baselines import Baselines
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.frozen import freeze, thaw
from windows.live import LiveWindow, Mark

QUIET = 3
"""Minutes without a call after which a running window is packed."""
POOLED = 100_000
"""Endpoints."""


class _Quiet(NamedTuple):
    """A running window, packed, and what it was judged by."""

    packed: bytes
    regulars: Mapping[str, Mapping[str, float]]
    context: Context
    service_days: int


class Knowledge:
    """By what windows are judged: the baselines, the regular actors, and what the inventory says."""

    def __init__(self, baselines: Iterable[Baseline], regulars: Regulars, contexts: Mapping[Endpoint, Context]) -> None:
        self.baselines = Baselines(baselines)
        self.regulars = regulars
        self.contexts = dict(contexts)

    def baseline(self, endpoint: Endpoint) -> Baseline:
        """The endpoint's baseline, an empty one where nothing is known of it."""
        known = self.baselines.get(endpoint)
        return known if known is not None else Baseline(endpoint)

    def context(self, endpoint: Endpoint) -> Context:
        return self.contexts.get(endpoint, NOTHING_KNOWN)


class LiveWindows:
    """Makes windows and rolling days as calls ask for them."""

    def __init__(self, knowledge: Knowledge, learned: Mapping[Endpoint, Minute]) -> None:
        """`learned`: the endpoints that earlier evaluations learned, each with the minute from which on calls belong to it."""
        self._knowledge = knowledge
        self.by_start: dict[Minute, dict[Endpoint, LiveWindow]] = {}
        self.days: dict[Endpoint, RollingDay] = {}
        self._late: dict[tuple[Endpoint, Minute, str, int], LiveWindow] = {}
        self._frozen: dict[Minute, dict[Endpoint, bytes | _Quiet]] = {}
        self._marked: dict[Minute, dict[Endpoint, set[Mark]]] = {}
        """What was found in frozen windows."""
        self._endpoints: dict[Endpoint, Endpoint] = {}
        self._rested: Minute = -1
        self._services: dict[str, Endpoint] = {}
        self.templates = Templates(learned)
        self._learned: dict[Endpoint, Minute] = {}

    def learn(self, since: Minute) -> None:
        """What was answered with success to several clients over time is an endpoint of its own for calls from this minute on."""
        self._learned |= self.templates.learn(since)

    def day(self, endpoint: Endpoint) -> RollingDay:
        day = self.days.get(endpoint)
        if day is None:
            day = self.days[endpoint] = RollingDay()
        return day

    def service(self, name: str) -> Endpoint:
        """The endpoint that stands for a whole service."""
        known = self._services.get(name)
        if known is None:
            known = self._services[name] = service_endpoint(name)
        return known

    def window(self, endpoint: Endpoint, start: Minute) -> LiveWindow:
        windows = self.by_start.setdefault(start, {})
        window = windows.get(endpoint)
        if window is None:
            window = windows[endpoint] = self._made(endpoint, start)
        return window

    def _made(self, endpoint: Endpoint, start: Minute) -> LiveWindow:
        """A window with what was frozen of it."""
        knowledge = self._knowledge
        days = knowledge.baselines.days(self.service(endpoint.service))
        window = LiveWindow(
            endpoint,
            start,
            day=self.day(endpoint),
            regulars=knowledge.regulars.of(endpoint) or {},
            context=knowledge.context(endpoint),
            service_days=days if endpoint.matched or not self.templates.is_rich(endpoint.service) else 0,
            homes=(knowledge.regulars.homes(endpoint) if is_service_endpoint(endpoint) else None) or {},
        )
        frozen = self._frozen.get(start, {}).pop(endpoint, None)
        if frozen is None:
            return window
        self._marked.get(start, {}).pop(endpoint, None)
        if isinstance(frozen, _Quiet):
            window.regulars, window.context, window.service_days = frozen.regulars, frozen.context, frozen.service_days
            return thaw(frozen.packed, window)
        return thaw(frozen, window)

    def freeze(self, ended: Minute, now: Minute) -> None:
        """Pack the windows that ended by the first minute, and those that were quiet for the last minutes, where they were written."""
        if now <= self._rested:
            return
        self._rested = now
        for start, windows in self.by_start.items():
            is_running = start + WINDOW_MINUTES > ended
            for window in list(windows.values()):
                if not window.dirty and not (is_running and (window.minute > now - QUIET or is_service_endpoint(window.endpoint))):
                    self.pack(window, is_running)

    def pack(self, window: LiveWindow, is_running: bool) -> None:
        """A window that is running comes back as it was; one that has ended, with what is known of its endpoint by then."""
        endpoint, start = window.endpoint, window.start
        packed = freeze(self.by_start[start].pop(endpoint))
        if window.marks:
            self._marked.setdefault(start, {})[endpoint] = window.marks
        self._frozen.setdefault(start, {})[endpoint] = (
            _Quiet(packed, window.regulars, window.context, window.service_days) if is_running else packed
        )

    def marked(self) -> Iterator[tuple[Minute, Endpoint, set[Mark]]]:
        """Where something was found, and what."""
        for start, windows in self.by_start.items():
            yield from ((start, endpoint, window.marks) for endpoint, window in windows.items() if window.marks)
        for start, frozen in self._marked.items():
            yield from ((start, endpoint, marks) for endpoint, marks in frozen.items())

    def whole(self, start: Minute) -> Iterator[LiveWindow]:
        """All windows that begin at this minute, those that were packed among them."""
        yield from list(self.by_start.get(start, {}).values())
        for endpoint in list(self._frozen.get(start, ())):
            yield self.window(endpoint, start)

    def known(self, endpoints: list[Endpoint]) -> list[Endpoint]:
        """The same, each as one object however many tallies name it."""
        pool = self._endpoints
        if len(pool) > POOLED:
            pool.clear()
        return [pool.setdefault(endpoint, endpoint) if endpoint.matched else endpoint for endpoint in endpoints]

    @property
    def is_empty(self) -> bool:
        return not self.by_start and not self._frozen

    def late_window(self, endpoint: Endpoint, start: Minute, partition: str, position: int) -> LiveWindow:
        """What this tally adds to a window that is closed."""
        key = endpoint, start, partition, position
        window = self._late.get(key)
        if window is None:
            window = self._late[key] = LiveWindow(endpoint, start, day=self.day(endpoint))
        return window

    def at(self, start: Minute) -> Mapping[Endpoint, LiveWindow]:
        """The live windows that begin at this minute."""
        return self.by_start.get(start, {})

    def close(self, start: Minute) -> Iterator[tuple[Endpoint, LiveWindow]]:
        """The windows that begin at this minute, by endpoint; they are live no longer."""
        live, packed = self.by_start.pop(start, {}), sorted(self._frozen.get(start, {}))
        for endpoint in sorted({*live, *packed}):
            yield endpoint, live.pop(endpoint) if endpoint in live else self._made(endpoint, start)
        self._frozen.pop(start, None)
        self._marked.pop(start, None)

    def drain_late(self) -> list[tuple[tuple[Endpoint, Minute, str, int], LiveWindow]]:
        """(endpoint, start, partition, position) and window of what came late since the last call, in order."""
        late, self._late = self._late, {}
        return sorted(late.items(), key=lambda item: item[0])

    def drain_learned(self) -> dict[Endpoint, Minute]:
        new, self._learned = self._learned, {}
        return new
