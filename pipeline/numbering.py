"""Numbers for what repeats in a batch: names, endpoints, parameters with their values, sizes. A tally keeps each once and counts by number.

Everything that an attacker can vary is capped, here per batch and again per window; what overflows is counted under OTHER, so totals stay true.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import repeat
from typing import Generic, TypeVar
from urllib.parse import unquote_plus

from attacks.documents import name_attack
from model import OTHER, ApiCall, Endpoint
from pipeline import kept_texts
from pipeline.shapes import REST, Segments, shape
from stats.buckets import bucket

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
PARAMETERS_PER_CALL = 64
NAMES_PER_BATCH = 2048
"""Distinct parameter names, user agents, identities, reasons, unmatched templates: each."""
NAME_LENGTH = 128
TEMPLATE_LENGTH = 1024
LARGEST_SIZE = 1 << 48
"""Bytes or milliseconds; beyond it a number is taken for unknown."""


K = TypeVar("K", bound=Hashable)


class Index(dict[K, int], Generic[K]):
    """Gives every key the number of its name; names past the cap all get the number of OTHER."""

    def __init__(self, name: Callable[[K], str], cap: int | None = None) -> None:
        super().__init__()
        self._name = name
        self._cap = cap
        self._numbers: dict[str, int] = {}

    def __missing__(self, key: K) -> int:
        name = self._name(key)
        if self._cap is not None and len(self._numbers) >= self._cap and name not in self._numbers:
            name = OTHER
        self[key] = number = self._numbers.setdefault(name, len(self._numbers))
        return number

    def of(self, column: Sequence[K]) -> list[int]:
        """The number of each key of a column: a call for each that is new, and none for the others."""
        for key in dict.fromkeys(column):
            if key not in self:
                self.__missing__(key)
        return list(map(self.__getitem__, column))

    def of_named(self, column: Sequence[K], names: Callable[[Sequence[K]], Iterable[str]]) -> list[int]:
        """As `of`, where `names` names all of the new keys at once. Without a cap."""
        new = [key for key in dict.fromkeys(column) if key not in self]
        numbers = self._numbers
        for key, name in zip(new, names(new), strict=True):
            self[key] = numbers.setdefault(name, len(numbers))
        return list(map(self.__getitem__, column))

    @property
    def names(self) -> list[str]:
        return list(self._numbers)


class Endpoints(dict[tuple[str | None, str | None, str, str | None, str], int]):
    """Numbers endpoints; a call that matched no operation, or only a wildcard, belongs to the shape of its path."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[Endpoint, int] = {}
        self._unmatched = 0
        self._segments = Segments()

    def __missing__(self, key: tuple[str | None, str | None, str, str | None, str]) -> int:
        service, api, method, template, path = key
        service, api = (service or "")[:NAME_LENGTH], (api or "")[:NAME_LENGTH]
        method = method if method in METHODS else OTHER.upper()
        if template and not template.endswith("*"):
            endpoint = Endpoint(service, api, method, template[:TEMPLATE_LENGTH])
        else:
            endpoint = Endpoint(service, api, method, shape(path, self._segments), matched=False)
            if endpoint not in self._numbers:
                self._unmatched += 1
                if self._unmatched > NAMES_PER_BATCH:
                    endpoint = endpoint._replace(template=f"/{REST}")
        number = self._numbers.setdefault(endpoint, len(self._numbers))
        self[key] = number  # no longer than a batch: keys of unmatched calls hold their paths
        return number

    def of(self, calls: Sequence[ApiCall]) -> list[int]:
        """The number of each call's."""
        templates = [call.url_template for call in calls]
        if all(template and template[-1] != "*" for template in set(templates)):
            paths: Iterable[str] = repeat("", len(templates))
        else:
            paths = ["" if call.url_template and call.url_template[-1] != "*" else call.path for call in calls]
        services, apis, methods = [call.service for call in calls], [call.api_id for call in calls], [call.method for call in calls]
        return list(map(self.__getitem__, zip(services, apis, methods, templates, paths, strict=True)))

    @property
    def all(self) -> list[Endpoint]:
        return list(self._numbers)


class Pairs(dict[tuple[str, str], int]):
    """Numbers the distinct (parameter, value) pairs of a batch, from the pieces of queries and the items of path parameters as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.parameters: Index[str] = Index(kept_texts.parameter, NAMES_PER_BATCH)
        self._numbers: dict[tuple[int, str], int] = {}
        self._pieces: dict[str, int] = {}
        self._paths: dict[str, int] = {}
        self.attacking_names: dict[int, str] = {}
        """Number of a pair whose name is an attack -> its family."""

    def __missing__(self, item: tuple[str, str]) -> int:
        name, value = item
        parameter = self._paths.get(name)
        if parameter is None:
            parameter = self._paths[name] = self.parameters[f"path:{name[:NAME_LENGTH]}"]
        self[item] = number = self._numbers.setdefault((parameter, value), len(self._numbers))
        return number

    def of_query(self, query: str) -> list[int]:
        pieces = query.split("&", PARAMETERS_PER_CALL)
        rest = [self._number(f"query:{OTHER}", pieces.pop())] if len(pieces) > PARAMETERS_PER_CALL else []
        known, found = self._pieces, []
        for piece in pieces:
            number = known.get(piece)
            if number is None:
                if not piece:
                    continue
                number = known[piece] = self._of_piece(piece)
            found.append(number)
        return found + rest

    def _of_piece(self, piece: str) -> int:
        name, _, value = piece.partition("=")
        if "%" in piece or "+" in piece:
            name, value = unquote_plus(name), unquote_plus(value)
        number = self._number(f"query:{name[:NAME_LENGTH]}", value)
        if not name.isidentifier() and (family := name_attack(name)) is not None:
            self.attacking_names[number] = family
        return number

    def _number(self, parameter: str, value: str) -> int:
        return self._numbers.setdefault((self.parameters[parameter], value), len(self._numbers))

    @property
    def all(self) -> list[tuple[int, str]]:
        return list(self._numbers)


class Buckets(dict[float | None, int]):
    """Remembers the bucket of a size; -1 is unknown. Sizes repeat from batch to batch."""

    CAP = 65_536

    def __missing__(self, size: float | None) -> int:
        found = -1 if size is None or not 0 <= size < LARGEST_SIZE else bucket(size)
        if len(self) < self.CAP:
            self[size] = found
        return found
