"""The shape of a path that matches no operation, or only a wildcard: what is an id by its form, or could be a person, is a placeholder; the rest stays as it is.

A shape is private to the log of batches: only what several clients were answered with success becomes an endpoint, see `pipeline.templates`.
"""

import re

DEPTH = 8
"""Segments; what follows is folded."""
SEGMENT_LENGTH = 64
REST = "{…}"
"""Stands for whatever follows, or for a segment that reads like nothing."""
PEOPLE = frozenset([
    "user", "users", "member", "members", "people", "person", "persons", "profile", "profiles", "account", "accounts", "customer", "customers",
    "client", "clients", "patient", "patients", "employee", "employees", "author", "authors", "friend", "friends", "contact", "contacts", "u",
])  # fmt: skip
"""What follows one of these can be a person's name."""
OWN = frozenset([
    "me", "self", "current", "search", "login", "logout", "register", "all", "count", "list", "new", "batch", "export", "import", "bulk",
    "index.html",
])  # fmt: skip
_FORMS = re.compile(
    r"(?P<integer>[-+]?\d{1,20})|(?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})|(?P<date>\d{4}-\d\d(?:-\d\d)?(?:T[\d:.]{4,18}Z?)?)"
    r"|(?P<hex>(?=[a-fA-F]*\d)[0-9a-fA-F]{8,128})|(?P<word>v\d{1,3}|[A-Za-z0-9._~+-]{1,64})"
)
_OPAQUE = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{16,}")
_PERSON = re.compile(r"~.*|[A-Z][a-z]+[._-][A-Z][a-z]+|[a-z]+\.(?P<last>[a-z]+)")
"""What reads like the name of a person: of a home directory, in capitals, or first.last unless it is a file."""
_WORD = re.compile(r"v\d{1,3}|[A-Za-z._~-]{1,32}")
ENDINGS = frozenset([
    "html", "htm", "xhtml", "php", "asp", "aspx", "jsp", "do", "cgi", "json", "xml", "txt", "log", "css", "js", "map", "png", "ico", "jpg",
    "jpeg", "gif", "webp", "svg", "pdf", "ps", "csv", "yaml", "yml", "conf", "ini", "env", "bak", "sql", "md", "zip", "gz", "tgz", "tar", "bz2",
    "jar", "war", "deb", "rpm", "exe", "sh", "py", "rb", "pl", "c", "h", "cc", "rs", "go", "java", "woff", "ttf", "eot", "mp3", "mp4", "avi",
    "rss", "atom", "xsl", "xsd", "wsdl",
])  # fmt: skip


class Segments(dict[str, str]):
    """Remembers what segments of paths read like, no longer than a batch is tallied: they can be anything."""

    def __missing__(self, segment: str) -> str:
        self[segment] = found = _read(segment)
        return found


def shape(path: str, known: Segments | None = None) -> str:
    """`/v1/orders/{integer}/lines` of `/v1/orders/17/lines`."""
    known = Segments() if known is None else known
    segments = [segment for segment in path[: DEPTH * SEGMENT_LENGTH].split("/", DEPTH + 4) if segment]
    kept: list[str] = []
    for segment in segments[:DEPTH]:
        found = known[segment]
        if kept and kept[-1].lower() in PEOPLE and found[0] != "{" and found.lower() not in OWN:
            found = "{name}"
        kept.append(found)
        if found == REST:
            break
    if len(segments) > len(kept) and kept[-1:] != [REST]:
        kept.append(REST)
    return "/" + "/".join(kept)


def outline(shape: str) -> str:
    """`/v1/admin/{…}` of `/v1/admin/users/{integer}`: at most two leading segments that read like words. By it the places are told apart that an actor tries
    across a service, so that the depth of a site's folders and the numbers in its names make no spray."""
    kept: list[str] = []
    segments = [segment for segment in shape.split("/") if segment]
    for segment in segments[:2]:
        if not _WORD.fullmatch(segment):
            break
        kept.append(segment)
    if len(segments) > len(kept):
        kept.append(REST)
    return "/" + "/".join(kept)


def _read(segment: str) -> str:
    match = _FORMS.fullmatch(segment) if len(segment) <= SEGMENT_LENGTH else None
    if match is None:
        return REST
    form = match.lastgroup or ""
    if form != "word":
        return f"{{{form}}}"
    if _OPAQUE.fullmatch(segment):
        return "{token}"
    person = _PERSON.fullmatch(segment)
    return "{name}" if person is not None and (person["last"] is None or person["last"] not in ENDINGS) else segment
