"""A live window that has ended, packed until it closes or something late comes: a tenth of its size, for nobody looks at it."""

import pickle
import zlib
from dataclasses import fields

from windows.live import LiveWindow

_SHARED = frozenset({"endpoint", "start", "day", "regulars", "context", "service_days", "homes"})
"""What the window has from elsewhere."""
_OWN = tuple(one.name for one in fields(LiveWindow) if one.name not in _SHARED)


def freeze(window: LiveWindow) -> bytes:
    """Its own counts. Only for `thaw` in the same process."""
    for parameter in window.parameters.values():
        parameter.seen = None  # a baseline's sketch: what it says is counted again
    return zlib.compress(pickle.dumps([getattr(window, name) for name in _OWN], protocol=5), 1)


def thaw(frozen: bytes, window: LiveWindow) -> LiveWindow:
    """A new window of the same endpoint and minute, with the counts of the one that was frozen."""
    for name, value in zip(_OWN, pickle.loads(zlib.decompress(frozen)), strict=True):
        setattr(window, name, value)
    return window
