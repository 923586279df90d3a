"""An answer of `web` as the platform sends it: headers that let a browser do nothing with it, packed where that saves something."""

import gzip
import json
from collections.abc import Mapping

import azure.functions as func

from web.routes import Answer

WORTH_PACKING = 1000
"""Bytes; below it gzip saves no packet."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def sent(answer: Answer, accepted: str = "", headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """`accepted`: the request's Accept-Encoding. `headers` stand beside, or instead of, those of every answer."""
    body = answer.body
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode("utf-8", "surrogatepass")
    given = HEADERS | ({"ETag": answer.etag} if answer.etag else {}) | dict(headers or {})
    if len(body) >= WORTH_PACKING and "gzip" in accepted.lower():
        body, given = gzip.compress(body, 6, mtime=0), given | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return func.HttpResponse(body, status_code=answer.status, mimetype=answer.kind, charset="utf-8", headers=given)
