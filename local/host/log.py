"""Log lines of the host and of the functions, on standard error, with the levels that host.json gives to categories."""

from __future__ import annotations

import concurrent.futures as futures
import logging
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path

running: ContextVar[str | None] = ContextVar("running", default=None)  # the function whose code is being run, if any

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_OURS = (str(Path(__file__).parent), futures.__file__.removesuffix("__init__.py"))


def configure(levels: Mapping[str, str]) -> None:
    """Root at INFO to standard error, as the worker sets it; `levels` maps category prefixes (or "default") to .NET level names.

    Lines of a function's code have the category `Function.<name>.User`, the host's own `Host`.
    """
    known = {category.lower(): _LEVELS.get(level.lower(), logging.INFO) for category, level in levels.items()}

    def wanted(record: logging.LogRecord) -> bool:
        name = running.get()
        if name is None and record.name.startswith(("azure", "aiohttp")):
            return record.levelno >= logging.WARNING  # the SDKs at work for the host, which in Azure is not Python
        category = "host" if name is None else f"function.{name}.user".lower()
        while category:
            if category in known:
                return record.levelno >= known[category]
            category = category.rpartition(".")[0]
        return record.levelno >= known.get("default", logging.INFO)

    handler = logging.StreamHandler()
    handler.addFilter(wanted)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(min([logging.INFO, *known.values()]))
    logging.captureWarnings(True)


def describe(error: BaseException) -> str:
    """Type and place of an error on one line, innermost call first. Never its message: that may quote an event."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
    places = [f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in reversed(frames[-12:])]
    cause = error.__cause__ or error.__context__
    because = f", because of {type(cause).__name__}" if cause is not None else ""
    return f"{type(error).__name__}{because} in {' < '.join(places) or 'the host'}"
