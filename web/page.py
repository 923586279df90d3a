"""GET /ui/…: the page, and the files that it is made of, under a version that changes with them."""

import gzip
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path

STATIC = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}
STYLES = ("tokens.css", "app.css")
"""Sent as one file, style.css."""
FIRST = ("vendor/preact.mjs", "vendor/hooks.mjs", "vendor/htm.mjs", "app.js", "parts.js")
"""Modules that every view needs: a browser fetches them at once instead of finding them one behind the other."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Encoding",
}
FOR_EVER = "public, max-age=31536000, immutable"
PREFIX = "/ui/"

Answer = tuple[int, bytes, dict[str, str]]
"""Status, body, headers."""


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    kind: str

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def etag(self) -> str:
        return f'"{blake2b(self.content, digest_size=8).hexdigest()}"'


@cache
def assets() -> dict[str, Asset]:
    """The files by name, read once: a name that is asked for is looked up here and never becomes a path."""
    found = {
        file.relative_to(STATIC).as_posix(): Asset(file.read_bytes(), KINDS[file.suffix])
        for file in sorted(STATIC.rglob("*"))
        if file.suffix in KINDS
    }
    styles = b"\n".join(found.pop(name).content for name in STYLES)
    return {**found, "style.css": Asset(styles, KINDS[".css"])}


@cache
def version() -> str:
    """Of all files together."""
    digest = blake2b(digest_size=6)
    for name, asset in sorted(assets().items()):
        digest.update(f"{name}\0{len(asset.content)}\0".encode() + asset.content)
    return f"v{digest.hexdigest()}"


@cache
def shell(view: str) -> Asset:
    """The page, which asks at once for the module of `view` ("" for none that is known)."""
    base = f"{PREFIX}{version()}"
    modules = [*FIRST, *([f"views/{view}.js"] if f"views/{view}.js" in assets() else [])]
    preloaded = "".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules)
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>Gatewatch</title><link rel="icon" href="{base}/icon.svg">'
        f'<link rel="stylesheet" href="{base}/style.css">{preloaded}<script type="module" src="{base}/app.js"></script></head>'
        '<body><div id="app"></div><noscript>Gatewatch needs JavaScript; its API does not: see docs/alerts.md.</noscript></body></html>'
    )
    return Asset(text.encode(), "text/html")


def serve(path: str, known: str, accepted: str) -> Answer:
    """What is at `path` below /ui/. `known`: If-None-Match, `accepted`: Accept-Encoding, as they were sent."""
    folder, _, name = path.strip("/").partition("/")
    if folder == version() and name in assets():
        return _answer(assets()[name], FOR_EVER, known, accepted)
    if folder[:1] == "v" and len(folder) == len(version()) and "." in name:
        return (
            404,
            b"this file is of another version: reload the page",
            {**HEADERS, "Cache-Control": "no-store", "Content-Type": "text/plain"},
        )
    return _answer(shell(_view(folder, name)), "no-cache", known, accepted)


def _view(folder: str, name: str) -> str:
    """The module of a path: a list, or one of its things."""
    plural = folder or "overview"
    single = plural.removesuffix("s") if plural != "inventory" else "endpoint"
    chosen = single if name and f"views/{single}.js" in assets() else plural
    return chosen if f"views/{chosen}.js" in assets() else ""


def _answer(asset: Asset, cached: str, known: str, accepted: str) -> Answer:
    headers = {**HEADERS, "Cache-Control": cached, "ETag": asset.etag}
    if asset.etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return 304, b"", headers
    headers["Content-Type"] = asset.kind
    if "gzip" in accepted.lower():
        return 200, asset.packed, headers | {"Content-Encoding": "gzip"}
    return 200, asset.content, headers
