"""Where a URL in a value points: back at the machine that reads it, at a cloud's metadata, into a cluster, or at a listener of attackers."""

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import islice

URLS = 8
"""Addresses of one value that are looked at."""

_url = re.compile(
    r"(?:^|(?<=[\s\"'=(,<>\[{|;]))(?:(?:url:)?([a-z][a-z0-9+.-]{1,14}):(?:[/\\]{1,4}|(?=\d{1,3}\.\d|localhost))|[/\\]{2}(?=[^\s/\\]{1,80}(?:[/\\:?#]|$)))([^\s/\\?#\"'<>{}|]{1,300})([^\s\"'<>]{0,100})"
)
_bare = re.compile(
    r"((?:[a-z0-9-]+\.){0,6}(?:localhost|localdomain|internal|svc|local|consul|localtest\.me|lvh\.me)|127(?:\.\d{1,3}){3}|169\.254\.\d{1,3}\.\d{1,3})(?::\d{1,5})?(/\S*)$"
).match
_number = re.compile(r"0x[0-9a-f]{0,12}|0[0-7]{0,14}|[1-9]\d{0,11}").fullmatch
_loopback_name = re.compile(
    r"(?:.+\.)?localhost(?:\.localdomain)?|localhost[46]?|ip6-(?:localhost|loopback)|(?:.+\.)?(?:localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|yoogle\.com)|loopback"
).fullmatch
_inner_name = re.compile(
    r"metadata(?:\.google\.internal|\.goog|\.azure\.internal|\.tencentyun\.com|\.packet\.net)?|instance-data(?:\.ec2\.internal)?|rancher-metadata|(?:.+\.)?kubernetes\.default(?:\..+)?|.+\.svc(?:\.[a-z0-9-]+){0,3}"
    r"|.+\.cluster\.local|.+\.(?:service|node|query)(?:\.[a-z0-9-]+)?\.consul|consul|(?:host|gateway|kubernetes)\.docker\.internal|host\.containers\.internal|host\.minikube\.internal"
).fullmatch
_listener = re.compile(
    r".+\.(?:burpcollaborator\.net|oastify\.com|oast\.(?:pro|live|site|online|fun|me)|interact\.sh|interactsh\.com|dnslog\.cn|ceye\.io|requestrepo\.com|canarytokens\.(?:com|org)|1u\.ms|rbndr\.us|dnsbin\.\w+)"
).fullmatch
_embedded = re.compile(
    r"(?:^|[.-])(\d{1,3}[.-]\d{1,3}[.-]\d{1,3}[.-]\d{1,3}|[0-9a-f]{8})\.(?:nip\.io|xip\.io|sslip\.io|traefik\.me)$"
).search
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
_STORES = frozenset(
    ["22", "25", "2375", "2379", "3306", "5432", "5984", "6379", "8500", "9000", "9200", "10250", "11211", "15672", "27017"]
)
"""Ports of one's own machine at which no page answers: stores, queues and control planes."""
_LINK = ip_network("169.254.0.0/16")
_own_page = re.compile(
    r"(?:callback|oauth|oidc|auth|log-?in|log-?out|sign-?in|sign-?out|return|redirect|done|complete|success|cancel|/cb\b)"
)
_end_of_authority = re.compile(r"[/\\?#]").split
_dots = str.maketrans("。．｡", "...")


def inward(text: str) -> bool:
    """Whether a text (lower case) has a URL that points inward, in any spelling of an address. A browser that was sent to its own machine's page for signing
    in, or to a developer's port, points there too: `http://localhost:3000/callback` is no attack."""
    if (bare := _bare(text)) is not None:
        return _inward("", bare[1], bare[2])
    if "//" not in text and "\\\\" not in text and "http:" not in text and ":/" not in text:
        return False
    return any(_inward(found[1] or "", found[2], found[3]) for found in islice(_url.finditer(text), URLS))


def _inward(scheme: str, authority: str, rest: str) -> bool:
    behind = rest.rpartition("@")[2] if rest[:1] in ("\\", "#") else ""  # `http://a#@b/`: readers differ on which of the two is the host
    if behind and _inward(scheme, _end_of_authority(behind, 1)[0], ""):
        return True
    odd = "@" in authority or bool(behind)
    host = (
        unicodedata.normalize("NFKC", authority.rpartition("@")[2].translate(_dots))
        if not authority.isascii()
        else authority.rpartition("@")[2]
    )
    odd = odd or host != authority.rpartition("@")[2]
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.lstrip(":")
    else:
        host, _, port = host.partition(":")
    host = host.rstrip(".")
    if not host:
        return False
    address, usual = _address(host)
    if address is None:
        if _inner_name(host) or _listener(host):
            return True
        if embedded := _embedded(host):
            inner = _address(embedded[1].replace("-", ".") if "." in embedded[1] or "-" in embedded[1] else f"0x{embedded[1]}")[0]
            return inner is not None and (inner.is_private or inner.is_loopback or inner.is_link_local)
        if not _loopback_name(host):
            return False
        usual = host == "localhost"
    elif address in _METADATA or (address.version == 4 and address in _LINK):
        return True
    elif not (address.is_loopback or address.is_unspecified):
        return not usual or (odd and address.is_private)
    if odd or not usual or not scheme.startswith("http") or port in _STORES:
        return True
    return not (port.isdigit() and int(port) >= 1024 and (rest in ("", "/") or _own_page.search(rest) is not None))


def _address(host: str) -> tuple[IPv4Address | IPv6Address | None, bool]:
    """The address that a host is a spelling of, and whether it is spelled as people do."""
    if ":" in host:
        try:
            six = IPv6Address(host.partition("%")[0])
        except ValueError:
            return None, True
        mapped = six.ipv4_mapped or (IPv4Address(int(six)) if 1 < int(six) < 1 << 32 else None)
        return mapped or six, mapped is None and host == "::1"
    parts = host.split(".")
    if len(parts) > 4 or not all(_number(part) for part in parts):
        return None, True
    values = [
        int(part, 16 if part[:2] == "0x" and len(part) > 2 else 8 if part[0] == "0" and len(part) > 1 and part[1] != "x" else 10)
        if part != "0x"
        else 0
        for part in parts
    ]
    *leading, last = values
    if any(value > 255 for value in leading) or last >= 256 ** (5 - len(values)):
        return None, True
    total = last
    for place, value in enumerate(leading):
        total |= value << (24 - 8 * place)
    return IPv4Address(total), len(parts) == 4 and all(part.isdigit() and (part == "0" or part[0] != "0") for part in parts)
