"""A live window that waits, packed: a tenth of its size. One that has ended waits to be closed; one that is running and quiet, for its next call."""

import pickle
import zlib
from dataclasses import fields

from windows.live import LiveWindow

LONG = 2048
"""Bytes above which it is worth the time to compress them."""
_SHARED = frozenset({"endpoint", "start", "day", "regulars", "context", "service_days", "homes"})
"""What the window has from elsewhere."""
_OWN = [(one.name, one.default) for one in fields(LiveWindow) if one.name not in _SHARED]
_COMPRESSED = b"z"


def freeze(window: LiveWindow) -> bytes:
    """Its own counts. Only for `thaw` in the same process."""
    for parameter in window.parameters.values():
        parameter.seen = None  # a baseline's sketch: what it says is counted again
    own = [(number, value) for number, (name, default) in enumerate(_OWN) if (value := getattr(window, name)) is not default]
    packed = pickle.dumps(own, protocol=5)
    return _COMPRESSED + zlib.compress(packed, 1) if len(packed) > LONG else packed


def thaw(frozen: bytes, window: LiveWindow) -> LiveWindow:
    """A new window of the same endpoint and minute, with the counts of the one that was frozen."""
    packed = zlib.decompress(frozen[1:]) if frozen.startswith(_COMPRESSED) else frozen
    for number, value in pickle.loads(packed):
        setattr(window, _OWN[number][0], value)
    return window
