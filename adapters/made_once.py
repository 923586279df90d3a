"""A property that is made on first use, by one thread while the others wait."""

from collections.abc import Callable
from threading import Lock, RLock
from typing import Any, Generic, Self, TypeVar, overload

Value = TypeVar("Value")

_importing = Lock()


def load_storage() -> None:
    """Import the SDKs of both storages, one thread at a time. Their modules import each other in circles: two threads that enter a circle from both sides
    would see half a module, for Python rather hands that out than wait for ever."""
    with _importing:
        import azure.data.tables
        import azure.storage.blob  # noqa: F401


class made_once(Generic[Value]):  # noqa: N801  reads as the decorator that it is
    """As functools.cached_property, which since Python 3.12 lets several threads make several values: two evaluators, two clients half open. One lock a
    property and object: what waits long for a storage that is away keeps nobody from a property that does not need it."""

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self._make, self._name = make, make.__name__
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> Value | Self:
        if instance is None:
            return self
        made = instance.__dict__  # once the value is there, Python finds it before it asks here
        with made.setdefault(f"_making_{self._name}", RLock()):
            if self._name not in made:
                load_storage()
                made[self._name] = self._make(instance)
            value: Value = made[self._name]
            return value
