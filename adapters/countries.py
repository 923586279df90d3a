"""In which country an address is registered: the registries' lists that come with `iptocc`, or a database that the operator brings."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from adapters.reload import Reloaded
from intel.addresses import canonical_ip
from windows.countries import normal

if TYPE_CHECKING:
    from adapters.evidence import Evidence

FRESH = timedelta(days=1)
OLD = timedelta(days=90)
LARGEST = 256 << 20
"""Bytes of a database; a city database is 60 MB, and of no more use here."""
REMEMBERED = 65_536
REGISTRIES = "IP registration data: NRO and the RIRs, CC BY 4.0, nro.net"
DOCUMENTATION = "made-up countries of documentation addresses: this is the laptop stack"

_TIMESTAMP = re.compile(r'"timestamp":\s*"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)')

Look = Callable[[str], str]
"""A canonical address to two letters, "" for unknown."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where countries come from. `as_of`: when its data were made, None where it does not say. `exact`: it says where addresses are, not where registered."""

    name: str
    look: Look
    as_of: datetime | None
    attribution: str
    exact: bool

    def of_actor(self, actor: str) -> str:
        """Of who is accused by an alert: "" for an identity, or a name that stands for nobody any more."""
        return self.look(address) if (address := canonical_ip(actor)) else ""

    def notice(self, now: datetime) -> str:
        """What an operator should know, "" for nothing."""
        if self.as_of is None or now - self.as_of < OLD:
            return ""
        return (
            f"the country data ({self.name}) are of {self.as_of:%Y-%m-%d}: {'bring newer ones' if self.exact else 'deploy a newer version'}"
        )


NONE = Source("none", lambda _: "", None, "", False)


class Countries:
    """The source in force: the operator's database while it can be read, else the registries' lists. Nothing of it stops ingest."""

    def __init__(self, database: str = "", attribution: str = "", evidence: Evidence | None = None, made_up: bool = False) -> None:
        """`database`: a path, or container/name of a blob of the evidence account. `made_up`: the laptop's table for documentation addresses, too."""
        self._made_up = made_up
        self._own = (
            Reloaded(f"the country database {database}", lambda: _opened(database, attribution, evidence), FRESH, NONE)
            if database
            else None
        )
        self._registries: Source | None = None

    def at(self, now: datetime) -> Source:
        own = self._own.at(now) if self._own is not None else NONE
        if own is not NONE:
            return own
        if self._registries is None:
            self._registries = _documentation(_registries()) if self._made_up else _registries()
        return self._registries

    def notices(self, now: datetime) -> list[str]:
        problem = self._own.problem if self._own is not None else ""
        return [text for text in (problem, self.at(now).notice(now)) if text]


def _registries() -> Source:
    try:
        import iptocc  # a megabyte of data that only look-ups need
    except ImportError:  # a platform without its wheel: countries are unknown, everything else goes on
        return Source("none: this platform has no wheel of iptocc", lambda _: "", None, "", False)
    from importlib.metadata import version

    made = _made("iptocc")
    country_code = iptocc.country_code

    @lru_cache(REMEMBERED)
    def look(address: str) -> str:
        return normal(country_code(address))

    of = f" of {made:%Y-%m-%d}" if made is not None else ""
    return Source(f"registry data{of} (iptocc {version('iptocc')})", look, made, REGISTRIES, False)


def _made(package: str) -> datetime | None:
    """When a package was built: the time of the bill of materials that its wheel brings (PEP 770); None where it brings none."""
    from importlib.metadata import PackagePath, files

    bills = [one for one in files(package) or () if isinstance(one, PackagePath) and one.match("*.dist-info/sboms/*.cyclonedx.json")]
    for one in bills:
        with suppress(OSError, ValueError):
            found = _TIMESTAMP.search(one.read_text("utf-8")[:4096])
            return datetime.fromisoformat(found[1] + "+00:00") if found else None
    return None


def _documentation(real: Source) -> Source:
    """For a stack whose callers have documentation addresses, which are in no country."""
    networks = {"192.0.2": ("NL", "DE"), "198.51.100": ("FR", "GB"), "203.0.113": ("US", "BR")}

    @lru_cache(REMEMBERED)
    def look(address: str) -> str:
        first, _, last = address.rpartition(".")
        if first in networks:
            return networks[first][int(last) >= 128]
        return "SE" if address.startswith("2001:db8:") else real.look(address)

    return Source(f"{DOCUMENTATION}; else {real.name}", look, real.as_of, f"{DOCUMENTATION}. {real.attribution}", False)


def _opened(database: str, attribution: str, evidence: Evidence | None) -> Source:
    """Raises ValueError for a file that is no country database, and AzureError where the account does not answer."""
    import maxminddb

    try:
        path = Path(database)
        if path.is_file():
            reader = maxminddb.open_database(str(path), maxminddb.MODE_AUTO)
        elif evidence is not None and database.count("/") >= 1 and not path.is_absolute():
            content = evidence.get(*database.split("/", 1))
            if len(content) > LARGEST:
                raise ValueError("larger than a country database can be")
            reader = maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD)
        else:
            raise ValueError("there is no such file")
    except AzureError:
        raise
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise ValueError(f"it is no MMDB file ({type(error).__name__})") from None

    @lru_cache(REMEMBERED)
    def look(address: str) -> str:
        try:
            return _country_of(reader.get(address))
        except (ValueError, maxminddb.InvalidDatabaseError):  # a broken part of a file; the rest still answers
            return ""

    metadata = reader.metadata()
    made = datetime.fromtimestamp(metadata.build_epoch, UTC)
    return Source(metadata.database_type[:100], look, made, attribution, True)


def _country_of(record: object) -> str:
    """The forms of MaxMind and DB-IP, of IPinfo and ip-location-db, and at last where it is registered."""
    if not isinstance(record, dict):
        return ""
    for name in ("country", "country_code", "registered_country"):
        found = record.get(name)
        code = normal(found.get("iso_code") if isinstance(found, dict) else found)
        if code:
            return code
    return ""
