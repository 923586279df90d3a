"""What is read again after a while and goes on with the last good answer: the caller never waits long for a store that is slow or gone."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Generic, TypeVar

from azure.core.exceptions import AzureError

log = logging.getLogger("gatewatch.reload")

LONGEST = 2.0
"""Seconds that a caller waits for a fresh answer; after that it gets the last good one, and the reading goes on beside it."""

T = TypeVar("T")


class Reloaded(Generic[T]):
    """The answer of `read`, at most `fresh` old while it can be read. `read` raises AzureError or ValueError where it cannot; any other error is a mistake of
    ours and is reported the same way, for an ingest without a list is better than none."""

    def __init__(self, name: str, read: Callable[[], T], fresh: timedelta, first: T, longest: float = LONGEST) -> None:
        """`first`: what holds until the first answer. `longest`: seconds."""
        self._name, self._read, self._fresh, self._longest = name, read, fresh, longest
        self._good = first
        self._due: datetime | None = None
        self._reading: Thread | None = None
        self._lock = Lock()
        self.problem = ""
        """Why the last good answer is not fresh, "" while it is."""

    def at(self, now: datetime) -> T:
        """Waits for a due reading for a moment; one that takes longer is not started a second time."""
        with self._lock:
            if self._reading is None and (self._due is None or now >= self._due):
                self._due = now + self._fresh
                self._reading = Thread(target=self._load, name=f"reload {self._name}", daemon=True)
                self._reading.start()
                self._reading.join(self._longest)
                if self._reading.is_alive():
                    self._say(f"{self._name} is slow to be read, and what was read before stays in force")
            if self._reading is not None and not self._reading.is_alive():
                self._reading = None
            return self._good

    def _load(self) -> None:
        try:
            self._good = self._read()
        except ValueError as error:
            self._say(f"{self._name} is refused, and what was read before stays in force: {error}")
        except AzureError as error:
            self._say(f"{self._name} cannot be read ({type(error).__name__}), and what was read before stays in force")
        except Exception as error:  # its message could quote what was read
            self._say(f"{self._name} cannot be read ({type(error).__name__}), and what was read before stays in force")
        else:
            self.problem = ""

    def _say(self, text: str) -> None:
        """Once, not at every reading."""
        if text != self.problem:
            self.problem = text
            log.error("%s", text)
