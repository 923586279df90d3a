"""What the host is told: host.json, local.settings.json and the environment, in the forms that Azure Functions defines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

_OVERRIDE = "AzureFunctionsJobHost__"


class SettingError(ValueError):
    """A setting is missing or malformed; the message is one sentence that names it."""


@dataclass(frozen=True)
class HubOptions:
    """`extensions.eventHubs` of host.json, with the extension's own defaults. Times in seconds."""

    max_batch: int = 100
    min_batch: int = 1
    max_wait: float = 60.0
    prefetch: int = 300
    checkpoint_frequency: int = 1  # batches of one partition to one checkpoint
    start: str | datetime = "-1"  # where a partition without a checkpoint starts: "-1", "@latest" or a time


@dataclass(frozen=True)
class HostOptions:
    hubs: HubOptions = HubOptions()
    route_prefix: str = "api"
    log_levels: Mapping[str, str] = field(default_factory=dict)  # category prefix, or "default", to a .NET level name


def load_local_settings(path: Path, environ: MutableMapping[str, str]) -> None:
    """Puts the file's `Values` into the environment where that does not set them already. A missing file has none."""
    if not path.exists():
        return
    values = _object(_read_json(path).get("Values", {}), f"Values in {path.name}")
    for name, value in values.items():
        if not isinstance(value, str):
            raise SettingError(f"{name} in {path.name} must be a string, as the Functions tools demand.")
        environ.setdefault(name, value)


def read_host_json(path: Path, environ: Mapping[str, str]) -> HostOptions:
    """Reads host.json (a missing file means all defaults), then what `AzureFunctionsJobHost__a__b` in the environment overrides."""
    content = _read_json(path) if path.exists() else {}
    for name, value in environ.items():
        if name.startswith(_OVERRIDE):
            _override(content, name.removeprefix(_OVERRIDE).split("__"), value)
    extensions = _object(content.get("extensions", {}), "extensions in host.json")
    http = _object(extensions.get("http", {}), "extensions.http in host.json")
    logging = _object(content.get("logging", {}), "logging in host.json")
    levels = _object(logging.get("logLevel", {}), "logging.logLevel in host.json")
    return HostOptions(
        hubs=_hub_options(_object(extensions.get("eventHubs", {}), "extensions.eventHubs in host.json")),
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        log_levels={str(category): str(level) for category, level in levels.items()},
    )


def resolve(text: str, environ: Mapping[str, str], where: str) -> str:
    """Replaces each `%NAME%` by the setting of that name, as binding expressions do."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise SettingError(f"{where} needs the setting {match[1]}, which is not set.")
        return environ[match[1]]

    return re.sub(r"%([^%\s]+)%", value, text)


def connection(name: str, environ: Mapping[str, str], where: str) -> str:
    """The connection string that a binding's `connection` names; this host knows no identity-based connections."""
    value = environ.get(name) or environ.get(f"AzureWebJobs{name}")
    if value:
        return value
    raise SettingError(
        f"{where} needs the setting {name}: a connection string, for example Endpoint=sb://localhost;SharedAccessKeyName=..."
    )


def seconds(text: str, where: str) -> float:
    """A .NET TimeSpan, `[d.]hh:mm:ss[.fff]`, in seconds."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):([0-5]?\d):([0-5]?\d(?:\.\d{1,7})?)", text)
    if match is None or int(match[2]) > 23:
        raise SettingError(f"{where} must be a time span such as 00:01:00, not {text!r}.")
    return int(match[1] or 0) * 86400 + int(match[2]) * 3600 + int(match[3]) * 60 + float(match[4])


def _hub_options(hubs: Mapping[str, Any]) -> HubOptions:
    default = HubOptions()

    def whole(name: str, fallback: int) -> int:
        value = hubs.get(name, fallback)
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if isinstance(value, bool) or number < 1:
            raise SettingError(f"extensions.eventHubs.{name} in host.json must be a whole number of at least 1, not {value!r}.")
        return number

    where = "extensions.eventHubs.maxWaitTime in host.json"
    options = HubOptions(
        max_batch=whole("maxEventBatchSize", default.max_batch),
        min_batch=whole("minEventBatchSize", default.min_batch),
        max_wait=seconds(str(hubs.get("maxWaitTime", "00:01:00")), where),
        prefetch=whole("prefetchCount", default.prefetch),
        checkpoint_frequency=whole("batchCheckpointFrequency", default.checkpoint_frequency),
        start=_start(_object(hubs.get("initialOffsetOptions", {}), "extensions.eventHubs.initialOffsetOptions in host.json")),
    )
    if options.min_batch > options.max_batch:
        raise SettingError("extensions.eventHubs.minEventBatchSize in host.json is larger than maxEventBatchSize.")
    return options


def _start(options: Mapping[str, Any]) -> str | datetime:
    kind = str(options.get("type") or "fromStart").lower()
    if kind == "fromstart":
        return "-1"
    if kind == "fromend":
        return "@latest"
    where = "extensions.eventHubs.initialOffsetOptions in host.json"
    if kind != "fromenqueuedtime":
        raise SettingError(f"{where} has the type {kind!r}: it must be fromStart, fromEnd or fromEnqueuedTime.")
    try:
        return datetime.fromisoformat(str(options.get("enqueuedTimeUtc")))
    except ValueError:
        raise SettingError(f"{where} needs enqueuedTimeUtc, for example 2026-11-24T03:07:00Z.") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _object(json.loads(path.read_text("utf-8-sig")), path.name)
    except ValueError as error:
        raise SettingError(f"{path.name} is not valid JSON: {error}.") from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError(f"{where} must be a JSON object.")
    return value


def _override(content: dict[str, Any], path: list[str], value: str) -> None:
    for key in path[:-1]:
        inner = content.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingError(f"{_OVERRIDE}{'__'.join(path)} does not fit host.json, where {key} is no object.")
        content = inner
    content[path[-1]] = value
