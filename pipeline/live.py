"""What is open between two steps: live windows, rolling days, and the endpoints that were learned."""

from collections.abc import Iterable, Iterator, Mapping

from model import WINDOW_MINUTES, Endpoint, Minute, is_service_endpoint, service_endpoint
from pipeline.regulars import Regulars
from pipeline.templates import Templates
from windows.baseline import Baseline
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.frozen import freeze, thaw
from windows.live import LiveWindow


class Knowledge:
    """By what windows are judged: the baselines, the regular actors, and what the inventory says."""

    def __init__(self, baselines: Iterable[Baseline], regulars: Regulars, contexts: Mapping[Endpoint, Context]) -> None:
        self.baselines = {baseline.endpoint: baseline for baseline in baselines}
        self.regulars = regulars
        self.contexts = dict(contexts)

    def baseline(self, endpoint: Endpoint) -> Baseline:
        """The endpoint's baseline, an empty one where nothing is known of it."""
        known = self.baselines.get(endpoint)
        if known is None:
            known = self.baselines[endpoint] = Baseline(endpoint)
        return known

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
        self._frozen: dict[Minute, dict[Endpoint, bytes]] = {}
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
        service = knowledge.baselines.get(self.service(endpoint.service))
        window = LiveWindow(
            endpoint,
            start,
            day=self.day(endpoint),
            regulars=knowledge.regulars.of(endpoint) or {},
            context=knowledge.context(endpoint),
            service_days=service.days if service is not None and (endpoint.matched or not self.templates.is_rich(endpoint.service)) else 0,
            homes=(knowledge.regulars.homes(endpoint) if is_service_endpoint(endpoint) else None) or {},
        )
        frozen = self._frozen.get(start, {}).pop(endpoint, None)
        return thaw(frozen, window) if frozen is not None else window

    def freeze(self, until: Minute) -> None:
        """Pack the windows that ended by this minute, were written, and in which nothing was found."""
        for start, windows in self.by_start.items():
            if start + WINDOW_MINUTES <= until:
                done = [endpoint for endpoint, window in windows.items() if not window.dirty and not window.marks]
                frozen = self._frozen.setdefault(start, {})
                for endpoint in done:
                    frozen[endpoint] = freeze(windows.pop(endpoint))

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

    def drain_late(self) -> list[tuple[tuple[Endpoint, Minute, str, int], LiveWindow]]:
        """(endpoint, start, partition, position) and window of what came late since the last call, in order."""
        late, self._late = self._late, {}
        return sorted(late.items(), key=lambda item: item[0])

    def drain_learned(self) -> dict[Endpoint, Minute]:
        new, self._learned = self._learned, {}
        return new
