"""Media types as they are kept: without parameters, and of what callers can make up only what is well known."""

import re

from model import OTHER


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


KNOWN = _set(
    """application/json application/xml application/x-www-form-urlencoded application/octet-stream application/pdf application/zip application/gzip
application/problem+json application/problem+xml application/ld+json application/hal+json application/vnd.api+json application/json-patch+json
application/merge-patch+json application/graphql application/graphql-response+json application/x-ndjson application/jsonl application/soap+xml
application/grpc application/protobuf application/x-protobuf application/yaml application/javascript application/msgpack application/cbor
application/jose application/jwt application/geo+json application/atom+xml application/rss+xml application/wasm application/csv
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet application/vnd.ms-excel
text/plain text/html text/css text/csv text/xml text/event-stream text/javascript text/markdown text/json text/yaml text/calendar
multipart/form-data multipart/mixed multipart/related multipart/byteranges
image/png image/jpeg image/gif image/webp image/svg+xml image/avif image/x-icon image/tiff image/bmp
audio/mpeg audio/wav audio/ogg video/mp4 video/webm font/woff2 font/woff"""
)
_FORM = re.compile(r"([a-z]{1,16})/([a-z0-9][a-z0-9.+_-]{0,80})")
_WORD = re.compile(r"[a-z]{1,20}|v?\d{1,2}|json|xml")
_PIECES = 8


def media_type(header: str, *, by_caller: bool) -> str:
    """ "application/json" of "Application/JSON; charset=utf-8". What is not well known stays where a backend wrote it in words, "application/vnd.contoso.order.v2+json",
    and loses its name where a caller wrote it: "application/*+json", or OTHER."""
    text = header.partition(";")[0].strip().lower()
    if text in KNOWN:
        return text
    form = _FORM.fullmatch(text)
    if form is None:
        return OTHER
    pieces = re.split(r"[.+_-]", form[2])
    if not by_caller and len(pieces) <= _PIECES and all(_WORD.fullmatch(piece) for piece in pieces):
        return text
    suffix = form[2].rpartition("+")[2] if "+" in form[2] else ""
    return f"application/*+{suffix}" if suffix in ("json", "xml") else OTHER
