"""The watermark: how far event time has come for certain, from what every partition was read up to."""

from collections.abc import Iterable

from model import Minute

LIVE = 15
"""Minutes behind the clock up to which calls are judged at once; older ones are history and wait for the watermark."""
IDLE = 5
"""Minutes of the clock without a tally after which a partition does not hold the others back."""


class Watermark:
    """The earliest of the partitions' latest event times. A partition that has been idle does not count. It never goes back."""

    def __init__(self, at: Minute | None) -> None:
        self.at = at
        """None until there is anything to go by."""
        self._reached: dict[str, Minute] = {}
        """Partition -> its latest event time."""
        self._heard: dict[str, Minute] = {}
        """Partition -> the clock when it last had a tally."""

    def reach(self, partition: str, minute: Minute) -> None:
        """This partition has an event of this minute."""
        if minute > self._reached.get(partition, minute - 1):
            self._reached[partition] = minute

    @property
    def newest(self) -> Minute:
        """The latest event time of any partition; of the watermark where nothing was read."""
        return max(self._reached.values(), default=-1 if self.at is None else self.at)

    def advance(self, clock: Minute, fed: Iterable[str]) -> None:
        """It is `clock`; the partitions `fed` had something new since the last call."""
        self._heard.update(dict.fromkeys(fed, clock))
        for partition in self._reached:  # one that was only recalled is waited for from now on, not for ever
            self._heard.setdefault(partition, clock)
        heard = [reached for partition, reached in self._reached.items() if self._heard[partition] > clock - IDLE]
        if heard:
            self.raise_to(min(heard))
        elif self.at is not None and self.at >= clock - LIVE - IDLE:
            self.raise_to(clock - IDLE)  # everything was read and nothing comes: time passes all the same
        elif self._reached:
            self.raise_to(max(self._reached.values()) + 1)  # its last minute, too: nothing more comes

    def raise_to(self, minute: Minute) -> None:
        self.at = minute if self.at is None else max(self.at, minute)

    def is_history(self, clock: Minute) -> bool:
        """Whether what is fed is so old that it has to be walked in the order of event time."""
        return self.at is not None and self.at < clock - LIVE
