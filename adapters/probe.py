"""The answer to whoever asks how Gatewatch is: looked up at most every few seconds however many ask, and given in time even where a store hangs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from adapters.reload import Reloaded
from settings import VERSION

FRESH = timedelta(seconds=15)
LONGEST = 10.0
"""Seconds to wait for a look: less than a prober waits."""

Health = tuple[bool, dict[str, Any]]


class Probe:
    """`check` looks at everything, at the moment it is given."""

    def __init__(
        self, check: Callable[[datetime], Health], clock: Callable[[], datetime], fresh: timedelta = FRESH, longest: float = LONGEST
    ) -> None:
        self._clock = clock
        unknown: Health = False, {"status": "unhealthy", "version": VERSION, "problems": [], "notices": [], "partitions": [], "outputs": []}
        self._looked: datetime | None = None

        def look() -> Health:
            began = clock()
            found = check(began)
            self._looked = began
            return found

        self._health = Reloaded("health", look, fresh, unknown, longest)

    def answer(self) -> Health:
        """Whether all is well, and what is known: `ageSeconds` old. Red while the newest look has not come to an end."""
        now = self._clock()
        well, body = self._health.at(now)
        age = round((self._clock() - self._looked).total_seconds(), 3) if self._looked else None
        if problem := self._health.problem:
            return False, body | {"status": "unhealthy", "problems": [*body["problems"], problem], "ageSeconds": age}
        return well, body | {"ageSeconds": age}
