"""The baselines of all endpoints, packed but for those that were asked for last: thousands of them as objects would take most of an instance."""

import pickle
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from model import Endpoint
from stats.sketch import Sketch
from windows.baseline import Baseline

UNPACKED = 512
"""Baselines that are held as objects, some 30 kB each; what a busy gateway judges again and again."""


class _Packed(NamedTuple):
    days: int
    rest: bytes
    """A pickle, which keeps every number as it is, and is read in this process only."""
    seen: Mapping[str, Sketch]
    """Bytes already; and a sketch has to stay the same object, by which windows know that they need not count again."""


class Baselines:
    def __init__(self, baselines: Iterable[Baseline] = ()) -> None:
        self._packed: dict[Endpoint, _Packed] = {}
        self._unpacked: dict[Endpoint, Baseline] = {}
        """The last one asked for comes last."""
        self.put(baselines)

    def put(self, baselines: Iterable[Baseline]) -> None:
        """What was known of these endpoints is known no longer."""
        for one in baselines:
            self._unpacked.pop(one.endpoint, None)
            self._packed[one.endpoint] = _Packed(one.days, pickle.dumps(msgspec.structs.replace(one, seen={}), protocol=5), one.seen)

    def get(self, endpoint: Endpoint) -> Baseline | None:
        found = self._unpacked.pop(endpoint, None)
        if found is None:
            packed = self._packed.get(endpoint)
            if packed is None:
                return None
            found = msgspec.structs.replace(pickle.loads(packed.rest), seen=packed.seen)
            if len(self._unpacked) >= UNPACKED:
                del self._unpacked[next(iter(self._unpacked))]
        self._unpacked[endpoint] = found
        return found

    def days(self, endpoint: Endpoint) -> int:
        """Of history; 0 where nothing is known of it."""
        packed = self._packed.get(endpoint)
        return packed.days if packed is not None else 0

    def seen(self, endpoint: Endpoint) -> Mapping[str, Sketch]:
        """Parameter -> its known values."""
        packed = self._packed.get(endpoint)
        return packed.seen if packed is not None else {}
