"""A process that must not outlive its parent watches its standard input: the parent's end closes however the parent dies, SIGKILL too.

It works on every system, unlike Linux's PR_SET_PDEATHSIG, which moreover fires when the *thread* that started the process ends. The parent
starts the child with `stdin=subprocess.PIPE` and keeps that pipe open; Python passes no pipe on to other children.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

GRACE = 15.0  # seconds that an orderly stop may take once the parent is gone


def when_parent_dies(stop: Callable[[], object], *, grace: float = GRACE) -> None:
    """Calls `stop` from another thread when standard input ends; ends the process the hard way if it still runs `grace` seconds later."""

    def watch() -> None:
        # os.read, not sys.stdin: a thread inside sys.stdin's lock at interpreter exit is a fatal error
        while os.read(descriptor, 4096):
            pass
        deadline = threading.Timer(grace, os._exit, (1,))
        deadline.daemon = True
        deadline.start()
        with suppress(RuntimeError):  # its event loop is closed: the process is at its end anyway
            stop()

    descriptor = sys.stdin.fileno()
    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
