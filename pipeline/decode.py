"""Decode one Event Hubs message into an ApiCall, or say why it is none."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, get_type_hints

import msgspec

from model import ApiCall

LARGEST_MESSAGE = 1 << 20
"""Bytes. The platform delivers no larger event, so a larger one is not from the gateway."""

INVALID_STATUS = 599
"""Counted for 600 to 999, which some backends send: RFC 9110 section 15 has invalid codes processed as 5xx."""

CUT_TAIL = 6
"""Characters: a cut can fall inside an escape or a literal, and the parser then points at its start."""


_CUT_NUMBER = re.compile(r"[.eE][+-]?")
"""What is left of a number whose decimals or exponent were cut off."""


class Rejected(Exception):
    """A message that is no call. The text names the reason and never quotes the message."""


_ABSENT = msgspec.Raw()
_decoder = msgspec.json.Decoder(ApiCall)
_hints = get_type_hints(ApiCall, include_extras=True)
_names = {field.encode_name: field for field in msgspec.structs.fields(ApiCall)}


class _Message(ApiCall, rename="camel", gc=False, kw_only=True):
    """A call, and whether its message holds what the caller sent outside the URL: where it lies, nothing of it is read."""

    request_headers: msgspec.Raw = _ABSENT
    request_body: msgspec.Raw = _ABSENT


_read = msgspec.json.Decoder(_Message).decode


class Decoded(NamedTuple):
    """The calls of some messages, these messages, for each whether it may hold what the caller sent outside the URL; and of each that is no call its
    index and why."""

    calls: list[ApiCall]
    messages: list[bytes]
    sent: list[bool]
    refused: list[tuple[int, str]]


def decode_all(bodies: Iterable[bytes], oldest: datetime, newest: datetime) -> Decoded:
    """`decode` of many messages."""
    calls, messages, sent, refused = decoded = Decoded([], [], [], [])
    for at, body in enumerate(bodies):
        try:
            call = _read(body)
            usual = 99 < call.status <= INVALID_STATUS and call.time.tzinfo is not None and oldest <= call.time <= newest
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            usual = False
        if usual:
            calls.append(call)
            sent.append(call.request_headers is not _ABSENT or call.request_body is not _ABSENT)
        else:
            try:
                calls.append(decode(body, oldest, newest))
            except Rejected as error:
                refused.append((at, str(error)))
                continue
            sent.append(True)
        messages.append(body)
    return decoded


def decode(body: bytes, oldest: datetime | None = None, newest: datetime | None = None) -> ApiCall:
    """The call in a message, its time between `oldest` and `newest` (aware) where given.

    Unknown fields are ignored. A message cut at the platform's limit is salvaged as far as its JSON goes; an optional field of a wrong type
    counts as missing. Raises Rejected for everything else that is no call of the event contract.
    """
    try:
        call = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        call = _tolerant(body)
    if not 99 < call.status < 1000:
        raise Rejected("status is not an HTTP status")
    if call.status > INVALID_STATUS:
        call.status = INVALID_STATUS
    if call.time.tzinfo is None:
        raise Rejected("time has no zone")
    if oldest is not None and call.time < oldest:
        raise Rejected("time is too old")
    if newest is not None and call.time > newest:
        raise Rejected("time is in the future")
    return call


def _tolerant(body: bytes) -> ApiCall:
    members = _members(body)
    found: dict[str, Any] = {}
    for name, field in _names.items():
        if name not in members:
            if field.required:
                raise Rejected(f"{name} is missing")
            continue
        try:
            found[field.name] = msgspec.convert(_clean(members[name]), _hints[field.name])
        except (msgspec.ValidationError, ValueError):
            if field.required:
                raise Rejected(f"{name} has a wrong type or value") from None
    return ApiCall(**found)


def _members(body: bytes) -> Mapping[str, Any]:
    """The members of the outermost object that are complete; what a cut broke off is left out."""
    if len(body) > LARGEST_MESSAGE:
        raise Rejected("larger than an event can be")
    if not body.strip():
        raise Rejected("empty")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        if error.end < len(body) - 3 or error.reason != "unexpected end of data":
            raise Rejected("not UTF-8") from None
        text = body[: error.start].decode()
    scan = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_bounded_int).raw_decode
    members: dict[str, Any] = {}
    try:
        at = _skip_space(text, 0)
        if text[at] != "{":
            scan(text, at)
            raise Rejected("not an object")
        at = _skip_space(text, at + 1)
        while text[at] != "}":
            name, at = scan(text, at)
            at = _skip_space(text, at)
            if not isinstance(name, str) or text[at] != ":":
                raise Rejected("not JSON")
            value, at = scan(text, _skip_space(text, at + 1))
            if _CUT_NUMBER.fullmatch(text, at):
                return members
            at = _skip_space(text, at)
            members[name] = value  # only now: a number at the end of the text may have lost its last digits
            if text[at] == ",":
                at = _skip_space(text, at + 1)
            elif text[at] != "}":
                raise Rejected("not JSON")
    except IndexError:
        return members  # the text ended between two members: cut
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated string") or error.pos >= len(text) - CUT_TAIL:
            return members
        raise Rejected("not JSON") from None
    except RecursionError:
        raise Rejected("nested too deep") from None
    if text[at + 1 :].strip():
        raise Rejected("not JSON")
    return members


def _skip_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _refuse_constant(_: str) -> None:
    raise Rejected("not JSON")  # NaN and Infinity


def _bounded_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= 20 else None


def _clean(value: Any) -> Any:
    """Without lone surrogates: JSON may escape half a pair, which no encoding can hold; callers send it to hide from parsers."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_clean(name): _clean(item) if isinstance(item, str) else item for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) if isinstance(item, str) else item for item in value]
    return value
