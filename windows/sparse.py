"""What the many callers of a window did, most of whom did one thing: one thing is held in its own room, and a dictionary is made for the few who did more."""

from collections.abc import Iterator, KeysView, Mapping
from typing import Any, NoReturn, TypeVar

SEVERAL = 8
"""Values of one caller that are looked through one by one; more get a dictionary."""


One = TypeVar("One")


class Empty(dict[Any, Any]):
    """Stands for every dictionary, and every set, that nothing was put into: thousands of windows share it."""

    def _refused(self, *_: object) -> NoReturn:
        raise TypeError("nothing may be put into what all windows share")

    __setitem__ = setdefault = update = __ior__ = _refused  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __reduce__(self) -> str:
        return "EMPTY"


EMPTY: Any = Empty()
NOBODY_YET: Any = frozenset()
"""The same for sets."""


class Values(Mapping[str, Mapping[int, bool]]):
    """IP -> its distinct values -> whether one of its calls was answered 2xx.

    A value that was is held as it is, one that was not as its complement (`~value`), which is negative; up to SEVERAL of them in a tuple.
    """

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, int | tuple[int, ...] | dict[int, bool]] = {}

    def add(self, ip: str, value: int, fine: bool, most: int) -> int:
        """How many distinct values this IP has now; `most`: what is new beyond so many is left out."""
        of = self._of
        own = of.get(ip)
        if own is None:
            of[ip] = value if fine else ~value
            return 1
        if type(own) is int:
            if own == value:
                return 1
            if own == ~value:
                of[ip] = value if fine else own
                return 1
            own = (own,)
        if type(own) is tuple:
            if value in own:
                return len(own)
            if ~value in own:
                if fine:
                    of[ip] = tuple(value if one == ~value else one for one in own)
                return len(own)
            if len(own) < min(most, SEVERAL):
                of[ip] = (*own, value if fine else ~value)
                return len(own) + 1
            if len(own) >= most:
                return len(own)
            own = of[ip] = _whole(own)
        assert isinstance(own, dict)
        if value in own:
            if fine:
                own[value] = True
        elif len(own) < most:
            own[value] = fine
        return len(own)

    def counts(self) -> Iterator[tuple[str, int]]:
        """(IP, how many distinct values)"""
        for ip, own in self._of.items():
            yield ip, 1 if type(own) is int else len(own)  # type: ignore[arg-type]

    def forget(self, ip: str) -> None:
        del self._of[ip]

    def __getitem__(self, ip: str) -> Mapping[int, bool]:
        own = self._of[ip]
        if isinstance(own, dict):
            return own
        return _whole(own if isinstance(own, tuple) else (own,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, ip: object) -> bool:
        return ip in self._of

    def keys(self) -> KeysView[str]:
        return self._of.keys()

    def __reduce__(self) -> tuple[Any, ...]:
        return _values, (self._of,)


class Sizes(Mapping[str, list[int]]):
    """IP -> [request bytes, response bytes, largest request, largest, second and third largest response]. A single call without a request body is held as its
    response's bytes."""

    __slots__ = ("_of", "third")

    def __init__(self) -> None:
        self._of: dict[str, int | list[int]] = {}
        self.third = 0
        """The largest third-largest response."""

    def add(self, ip: str, request: int, response: int, request_max: int, response_max: int) -> int:
        """This IP's response bytes so far, with these calls."""
        of = self._of
        own = of.get(ip)
        if own is None:
            of[ip] = response if not request and not request_max and response == response_max else [
                request, response, request_max, response_max, 0, 0,
            ]  # fmt: skip
            return response
        if type(own) is int:
            own = of[ip] = [0, own, 0, own, 0, 0]
        assert isinstance(own, list)
        own[0] += request
        own[1] += response
        if request_max > own[2]:
            own[2] = request_max
        if response_max > own[5]:
            own[3:] = sorted((*own[3:5], response_max), reverse=True)
            if own[5] > self.third:
                self.third = own[5]
        return own[1]

    def fold(self, names: list[str], into: str) -> None:
        """Let one stand for all of these."""
        rest = self[into] if into in self._of else [0] * 6
        for name in names:
            own = self[name]
            del self._of[name]
            rest[:3] = rest[0] + own[0], rest[1] + own[1], max(rest[2], own[2])
            rest[3:] = sorted((*rest[3:], *own[3:]), reverse=True)[:3]
        self._of[into] = rest

    def __getitem__(self, ip: str) -> list[int]:
        own = self._of[ip]
        return own if isinstance(own, list) else [0, own, 0, own, 0, 0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, ip: object) -> bool:
        return ip in self._of

    def keys(self) -> KeysView[str]:
        return self._of.keys()

    def __reduce__(self) -> tuple[Any, ...]:
        return _sizes, (self._of, self.third)


def with_one(own: "tuple[One, ...] | set[One]", one: One) -> "tuple[One, ...] | set[One]":
    """A few different things, and one more."""
    if type(own) is set:
        own.add(one)
        return own
    if one in own:
        return own
    return (*own, one) if len(own) < SEVERAL else {*own, one}


def _whole(several: tuple[int, ...]) -> dict[int, bool]:
    return {one if one >= 0 else ~one: one >= 0 for one in several}


def _values(of: dict[str, int | tuple[int, ...] | dict[int, bool]]) -> Values:
    made = Values()
    made._of = of
    return made


def _sizes(of: dict[str, int | list[int]], third: int) -> Sizes:
    made = Sizes()
    made._of, made.third = of, third
    return made
