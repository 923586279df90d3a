"""Many inventories in memory, packed: a month of one endpoint takes some ten kilobytes so, and twenty times that as objects."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from model import Endpoint, Minute
from posture.inventory import Inventory

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Inventory).decode


class Brief(NamedTuple):
    """What is looked at of every endpoint twice a minute."""

    first: Minute
    calls: int
    policy: str


class Inventories(Mapping[Endpoint, Inventory]):
    """Endpoint -> its inventory, made anew whenever it is asked for: who changes it has to put it back."""

    def __init__(self, known: Iterable[Inventory] = ()) -> None:
        self._packed: dict[Endpoint, bytes] = {}
        self.briefs: dict[Endpoint, Brief] = {}
        self.put(known)

    def put(self, inventories: Iterable[Inventory]) -> None:
        for one in inventories:
            self._packed[one.endpoint] = _encode(one)
            self.briefs[one.endpoint] = Brief(one.first, one.calls, one.policy)

    def __getitem__(self, endpoint: Endpoint) -> Inventory:
        return _decode(self._packed[endpoint])

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, endpoint: object) -> bool:
        return endpoint in self._packed
