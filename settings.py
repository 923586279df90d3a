"""Every setting of the app in one table: its form, an example, its default and why it exists; read once into a frozen dataclass."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_network
from urllib.parse import urlsplit

from response import limits
from response.limits import NAMES as RAILS
from response.limits import Rails
from retention import residency
from retention.policy import POLICY, Promises, promises, span

VERSION = "0.1.0"
ALERT_FORMATS = ("mdc", "ocsf", "cef")
"""The keys of alerts.exports.FORMATS, which is too much to load for their names."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`default` None: required."""

    form: str
    example: str
    default: str | None
    why: str


SETTINGS: dict[str, Setting] = {
    "EVENT_HUB_NAME": Setting("the name of an event hub", "calls", "calls", "the hub that the gateway's log-to-eventhub policy sends to"),
    "EVENT_HUB_CONSUMER_GROUP": Setting(
        "the name of a consumer group that nothing else reads", "gatewatch", "gatewatch", "an epoch reader disconnects any other"
    ),
    "EventHubConnection": Setting(
        "a connection string, or EventHubConnection__fullyQualifiedNamespace with a managed identity",
        "EventHubConnection__fullyQualifiedNamespace=contoso.servicebus.windows.net",
        None,
        "the namespace of the hub",
    ),
    "StateStorage": Setting(
        "a connection string, or StateStorage__tableServiceUri with a managed identity",
        "StateStorage__tableServiceUri=https://contoso.table.core.windows.net",
        None,
        "the account of the tables: counts, baselines, alerts",
    ),
    "EvidenceStorage": Setting(
        "a connection string, or EvidenceStorage__blobServiceUri with a managed identity",
        "EvidenceStorage__blobServiceUri=https://contosoevidence.blob.core.windows.net",
        None,
        "the account of what must be gone after 48 hours: no soft delete, no versions",
    ),
    "HASH_KEY": Setting(
        "base64 of 16 to 64 random bytes, or empty",
        "`python -c 'import base64,os; print(base64.b64encode(os.urandom(32)).decode())'`",
        "",
        "keys the hashes of parameter values; empty: the app makes one on its first start and keeps it in the evidence account",
    ),
    "MAX_EVENT_AGE_HOURS": Setting(
        "a whole number of hours, 1 or more", "24", "24", "an older call is quarantined; a replay of history needs more"
    ),
    "WINDOW_CLOSE_MINUTES": Setting(
        "a whole number of minutes, 1 to 1440", "60", "60", "how long after its end, by event time, a window waits for late calls"
    ),
    "EVALUATE_SECONDS": Setting(
        "one of 2, 3, 5, 10, 15, 20, 30",
        "5",
        "15",
        "how often what came in is judged; oftener alerts earlier and costs more, each run a second at least",
    ),
    "EVALUATE_SHARDS": Setting(
        "a whole number, 1 to 32",
        "4",
        "1",
        "into how many shards the evaluation is divided, each a function with memory of its own beside the one that leads them; 1: one function does all",
    ),
    "ALERT_FORMATS": Setting(
        f"one or more of {', '.join(ALERT_FORMATS)}, separated by commas",
        "mdc,ocsf",
        "mdc",
        "how alerts are written for the hub and the webhook",
    ),
    "ALERT_HUB_NAME": Setting(
        "the name of an event hub of the namespace of EventHubConnection, or empty",
        "alerts",
        "",
        "the hub that alerts are sent to; empty: none",
    ),
    "DELIVER_SECONDS": Setting(
        "one of 2, 3, 5, 10, 15, 20, 30",
        "5",
        "30",
        "how often hub and webhook get what is new; oftener tells earlier and costs more, each run a second at least",
    ),
    "GATEWAY_RESOURCE_ID": Setting(
        "the ARM id of the API Management service, or empty",
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-apim/providers/Microsoft.ApiManagement/service/contoso",
        "",
        "alerts on that service name it in full, so that a SIEM finds the resource",
    ),
    "RESPONSE_CLIENT_ID": Setting(
        "the client id of a user-assigned managed identity, or empty",
        "00000000-0000-0000-0000-000000000000",
        "",
        "which identity edits the guard's list at the gateway, when it is asked to; empty: the app changes nothing there",
    ),
    "RESPONSE_SUBSCRIPTIONS": Setting("true or false", "true", "false", "whether that identity may suspend subscriptions, too"),
    "RESPONSE_HASHED": Setting("true or false", "true", "false", "whether addresses stand in the guard's list as keyed hashes"),
    "RESPONSE_LIMITS": Setting(
        f"names and whole numbers, separated by commas: {', '.join(RAILS)}; or empty",
        "identities=4,minutes=30",
        "",
        "the numbers of the guard rails, where they differ from the defaults",
    ),
    "RESPONSE_SPARED": Setting(
        "CIDRs separated by commas, or empty",
        "203.0.113.0/28",
        "",
        "addresses that are never listed: your own egress, health probes, offices",
    ),
    "RESPONSE_AUTOMATIC": Setting(
        "ids of detectors, separated by commas, or empty",
        "API_AccessFromTorExitNode,API_AccessFromSuspiciousIP",
        "",
        "detectors whose accused are slowed without anybody being asked; never blocked, and only so many (RESPONSE_LIMITS automatic)",
    ),
    "COUNTRY_DATABASE": Setting(
        "a path, or the container and name of a blob of the evidence account, of an .mmdb file; or empty",
        "intel/dbip-country-lite.mmdb",
        "",
        "where addresses are; empty: where they are registered, by the registries' own lists",
    ),
    "COUNTRY_ATTRIBUTION": Setting(
        "one line of text, or empty",
        "IP Geolocation by DB-IP",
        "",
        "what the licence of the country database wants to be shown where countries are",
    ),
    "POSTURE_SERVICES": Setting(
        "ARM ids of API Management services, resource groups or subscriptions, separated by commas, or empty",
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-apim",
        "",
        "whose configuration is read and assessed every day; empty: none, and everything else works",
    ),
    "RESOURCE_MANAGER": Setting(
        "the https address of Azure Resource Manager (http only on this machine)",
        "https://management.usgovcloudapi.net",
        "https://management.azure.com",
        "where the configuration is read; another cloud has another",
    ),
    "TRUSTED_PROXIES": Setting(
        "CIDRs separated by commas, or empty",
        "10.0.0.0/16,2001:db8::/32",
        "",
        "proxies before the gateway whose X-Forwarded-For is believed",
    ),
    "WEBHOOK_NETWORKS": Setting(
        "CIDRs separated by commas, or empty",
        "10.20.0.0/16",
        "",
        "private networks that the webhook may be in; without it messages go to public addresses alone, so that who may write webhook.json reaches nothing inside",
    ),
    **{
        place.setting.name: Setting(
            f"a whole number of {place.setting.unit}, {place.setting.shortest} to {place.longest // place.setting.step}",
            str(place.setting.default),
            str(place.setting.default),
            f"how long {place.kind} {place.name} keeps {place.holds}; never longer, because {place.reason}",
        )
        for place in POLICY
        if place.setting and place.longest
    },
    "LEGAL_HOLD": Setting(
        "a date (the last day of the hold) and a reason, or empty",
        "2027-06-30 proceedings 4 O 118/26",
        "",
        "until then an erasure leaves alerts alone, and says so; the thirty days of addresses still hold",
    ),
    "GEOGRAPHY": Setting(
        f"one of {', '.join(residency.REGIONS)}, or empty",
        "eu",
        "",
        "the border that data must not cross: the app does not start where a service's name or its own region is outside",
    ),
    "REGION_NAME": Setting(
        "the region that the app runs in, or empty; Azure Functions sets it", "West Europe", "", "compared with GEOGRAPHY"
    ),
    "SIGN_IN": Setting(
        "entra, or empty",
        "entra",
        "",
        "who signs in to the page is believed where App Service authentication is before the app; empty: the page asks for a function key",
    ),
    "WEBSITE_AUTH_ENABLED": Setting(
        "true or false; Azure sets it",
        "true",
        "false",
        "whether App Service authentication is on: only then nobody else can claim to be signed in",
    ),
    "DASHBOARD_URL": Setting(
        "the address that people open the page under, without a path, or empty",
        "https://gatewatch.contoso.com",
        "",
        "alerts link to their page; empty: under WEBSITE_HOSTNAME",
    ),
    "WEBSITE_HOSTNAME": Setting(
        "the host name of the app, or empty; Azure sets it",
        "func-gatewatch.azurewebsites.net",
        "",
        "what links lead to without DASHBOARD_URL",
    ),
    "AZURE_CLIENT_ID": Setting(
        "the client id of a user-assigned managed identity, or empty",
        "00000000-0000-0000-0000-000000000000",
        "",
        "which identity signs in where there is no connection string",
    ),
}
"""What Gatewatch itself reads. A connection is a prefix: `<prefix>` holds a connection string, or `<prefix>__<part>` names a service."""


class SettingError(Exception):
    """A setting is missing or malformed; the text is one sentence that names it, its form and an example, and never quotes its value."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one service: by connection string, or by address with the app's own identity."""

    address: str
    connection_string: str | None = None
    client_id: str | None = None

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"


@dataclass(frozen=True, slots=True)
class Settings:
    event_hub: str
    consumer_group: str
    hub: Connection
    state: Connection
    evidence: Connection
    hash_key: bytes | None
    max_event_age_hours: int
    window_close_minutes: int
    evaluate_seconds: int
    evaluate_shards: int
    alert_formats: tuple[str, ...]
    alert_hub: str
    """"" for none."""
    deliver_seconds: int
    gateway: str
    """ARM id of the API Management service, "" where it is not known."""
    posture: tuple[str, ...]
    """ARM ids of services, resource groups or subscriptions whose configuration is read."""
    resource_manager: str
    client_id: str | None
    """Of the identity that reads it."""
    trusted_proxies: tuple[str, ...]
    webhook_networks: tuple[str, ...]
    """CIDRs of private addresses that the webhook may have."""
    response_client_id: str
    """"" where the app changes nothing at the gateway."""
    response_subscriptions: bool
    response_hashed: bool
    response_rails: Rails
    response_spared: tuple[str, ...]
    response_automatic: tuple[str, ...]
    """Detector ids."""
    country_database: str
    country_attribution: str
    kept: Promises
    """How long each place of the retention policy keeps what it holds."""
    legal_hold: tuple[date, str] | None
    """Its last day, and its reason."""
    geography: str
    signs_in: bool = False
    """Whether the headers of App Service authentication are believed: the platform says that it is on, and our own setting agrees."""
    sites: tuple[str, ...] = ()
    """Origins under which the app is reached, the one that links lead to first; empty where none is known."""

    @property
    def site(self) -> str:
        """Where links to the page lead, "" where no address is known."""
        return self.sites[0] if self.sites else ""

    @property
    def is_local(self) -> bool:
        """Whether this is the laptop stack, with an emulated hub and callers that nobody is."""
        return "UseDevelopmentEmulator=true" in (self.hub.connection_string or "")

    def __repr__(self) -> str:
        return f"Settings({self.event_hub!r}, {self.hub!r}, {self.state!r}, {self.evidence!r})"


_HUB = r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}"
_PLACE = r"(?i)/subscriptions/[0-9a-f-]{36}(/resourceGroups/[^/\s]{1,90}(/providers/Microsoft\.ApiManagement/service/[A-Za-z0-9-]{1,50})?)?"
_GATEWAY = r"(?i)(/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/\s]{1,90}/providers/Microsoft\.ApiManagement/service/[A-Za-z0-9-]{1,50})?"


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment. Raises SettingError for the first that is missing or malformed."""
    found = Settings(
        event_hub=_text(environment, "EVENT_HUB_NAME", _HUB),
        consumer_group=_text(environment, "EVENT_HUB_CONSUMER_GROUP", r"\$Default|[A-Za-z0-9][A-Za-z0-9._-]{0,49}"),
        hub=_connection(environment, "EventHubConnection", "fullyQualifiedNamespace", r"[A-Za-z0-9.-]+", "Endpoint=sb://"),
        state=_connection(environment, "StateStorage", "tableServiceUri", r"https?://[^\s/]+(/[^\s]*)?", "(AccountName|TableEndpoint)="),
        evidence=_connection(
            environment, "EvidenceStorage", "blobServiceUri", r"https?://[^\s/]+(/[^\s]*)?", "(AccountName|BlobEndpoint)="
        ),
        hash_key=_key(environment),
        max_event_age_hours=_number(environment, "MAX_EVENT_AGE_HOURS", 1, 10_000_000),
        window_close_minutes=_number(environment, "WINDOW_CLOSE_MINUTES", 1, 1440),
        evaluate_seconds=int(_text(environment, "EVALUATE_SECONDS", "2|3|5|10|15|20|30")),
        evaluate_shards=_number(environment, "EVALUATE_SHARDS", 1, 32),
        alert_formats=_formats(environment),
        alert_hub=_text(environment, "ALERT_HUB_NAME", rf"({_HUB})?"),
        deliver_seconds=int(_text(environment, "DELIVER_SECONDS", "2|3|5|10|15|20|30")),
        gateway=_text(environment, "GATEWAY_RESOURCE_ID", _GATEWAY),
        posture=_places(environment),
        resource_manager=_text(
            environment, "RESOURCE_MANAGER", r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost):[0-9]{1,5})/?"
        ).rstrip("/"),
        client_id=_value(environment, "AZURE_CLIENT_ID") or None,
        trusted_proxies=_networks(environment, "TRUSTED_PROXIES"),
        webhook_networks=_networks(environment, "WEBHOOK_NETWORKS"),
        response_client_id=_text(environment, "RESPONSE_CLIENT_ID", r"[A-Za-z0-9-]{0,64}"),
        response_subscriptions=_text(environment, "RESPONSE_SUBSCRIPTIONS", "true|false") == "true",
        response_hashed=_text(environment, "RESPONSE_HASHED", "true|false") == "true",
        response_rails=_rails(environment),
        response_spared=_networks(environment, "RESPONSE_SPARED"),
        response_automatic=_names(environment, "RESPONSE_AUTOMATIC", r"API_[A-Za-z]{1,60}"),
        country_database=_text(environment, "COUNTRY_DATABASE", r"([^\s].{0,1000}\.mmdb)?"),
        country_attribution=_text(environment, "COUNTRY_ATTRIBUTION", r"[^\r\n]{0,300}"),
        kept=_promises(environment),
        legal_hold=_hold(environment),
        geography=_text(environment, "GEOGRAPHY", "|".join(residency.REGIONS) + "|"),
        signs_in=_text(environment, "SIGN_IN", "(entra)?") == "entra"
        and _text(environment, "WEBSITE_AUTH_ENABLED", "(?i)true|false|1|0").lower() in ("true", "1"),
        sites=_sites(environment),
    )
    hosts = [("EventHubConnection", _host(found.hub)), ("StateStorage", _host(found.state)), ("EvidenceStorage", _host(found.evidence))]
    if wrong := residency.outside(found.geography, environment.get("REGION_NAME", "").strip(), hosts):
        raise SettingError(f"Setting GEOGRAPHY is {found.geography}, but {wrong}: data would leave its geography.")
    return found


def _error(name: str, what: str) -> SettingError:
    setting = SETTINGS[name]
    return SettingError(f"Setting {name} {what}: it must be {setting.form}, for example {setting.example}.")


def _value(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip() or SETTINGS[name].default
    if value is None:
        raise _error(name, "is missing")
    return value


def _text(environment: Mapping[str, str], name: str, pattern: str) -> str:
    value = _value(environment, name)
    if not re.fullmatch(pattern, value):
        raise _error(name, "is malformed")
    return value


def _number(environment: Mapping[str, str], name: str, low: int, high: int) -> int:
    value = _value(environment, name)
    if not re.fullmatch(r"[0-9]{1,8}", value) or not low <= int(value) <= high:
        raise _error(name, "is malformed")
    return int(value)


def _key(environment: Mapping[str, str]) -> bytes | None:
    text = _value(environment, "HASH_KEY")
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _error("HASH_KEY", "is malformed") from None
    if not 16 <= len(key) <= 64:
        raise _error("HASH_KEY", "is malformed")
    return key


def _promises(environment: Mapping[str, str]) -> Promises:
    shorter = {}
    for place in POLICY:
        if place.setting and place.longest:
            setting = place.setting
            value = _value(environment, setting.name)
            if not re.fullmatch(r"[0-9]{1,6}", value):
                raise _error(setting.name, "is malformed")
            shorter[place.id] = wanted = int(value) * setting.step
            if wanted > place.longest:
                raise _error(setting.name, f"is more than {span(place.longest)}, and {place.reason}")
            if wanted < setting.shortest * setting.step:
                raise _error(setting.name, "is malformed")
    shorter["alert-feed"] = shorter["calls"]
    return promises(shorter)


def _hold(environment: Mapping[str, str]) -> tuple[date, str] | None:
    value = _value(environment, "LEGAL_HOLD")
    if not value:
        return None
    day, _, reason = value.partition(" ")
    try:
        if not reason.strip() or not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            raise ValueError
        return date.fromisoformat(day), reason.strip()
    except ValueError:
        raise _error("LEGAL_HOLD", "is malformed") from None


def _sites(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Plain http only on this machine."""
    own = _text(
        environment, "DASHBOARD_URL", r"(?i)(https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?)?/?"
    ).rstrip("/")
    host = _text(environment, "WEBSITE_HOSTNAME", r"(?i)([a-z0-9.-]+(:[0-9]{1,5})?)?").lower()
    scheme = "http" if host.partition(":")[0] in ("127.0.0.1", "localhost") else "https"
    return tuple(dict.fromkeys(site for site in (own.lower(), f"{scheme}://{host}" if host else "") if site))


def _host(connection: Connection) -> str:
    """The host name in an address or a connection string, "" where it names none."""
    text = connection.connection_string
    if text is None:
        return (urlsplit(connection.address).hostname or connection.address.partition("/")[0]).lower()
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    for name in ("Endpoint", "TableEndpoint", "BlobEndpoint"):
        if name in parts:
            return (urlsplit(parts[name]).hostname or "").lower()
    return f"{parts.get('AccountName', '')}.{parts.get('EndpointSuffix', 'core.windows.net')}".lower()


def _formats(environment: Mapping[str, str]) -> tuple[str, ...]:
    names = dict.fromkeys(name.strip().lower() for name in _value(environment, "ALERT_FORMATS").split(",") if name.strip())
    if not names or not names.keys() <= set(ALERT_FORMATS):
        raise _error("ALERT_FORMATS", "is malformed")
    return tuple(names)


def _places(environment: Mapping[str, str]) -> tuple[str, ...]:
    places = tuple(dict.fromkeys(text.strip().rstrip("/") for text in _value(environment, "POSTURE_SERVICES").split(",") if text.strip()))
    if not all(re.fullmatch(_PLACE, place) for place in places):
        raise _error("POSTURE_SERVICES", "is malformed")
    return places


def _networks(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(text.strip())) for text in _value(environment, name).split(",") if text.strip())
    except ValueError:
        raise _error(name, "is malformed") from None


def _names(environment: Mapping[str, str], name: str, pattern: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.strip() for text in _value(environment, name).split(",") if text.strip()))
    if not all(re.fullmatch(pattern, one) for one in names):
        raise _error(name, "is malformed")
    return names


def _rails(environment: Mapping[str, str]) -> Rails:
    try:
        return limits.parse(_value(environment, "RESPONSE_LIMITS"))
    except ValueError:
        raise _error("RESPONSE_LIMITS", "is malformed") from None


def _connection(environment: Mapping[str, str], prefix: str, part: str, form: str, mark: str) -> Connection:
    text = environment.get(prefix, "").strip()
    address = environment.get(f"{prefix}__{part}", "").strip()
    if address:
        if not re.fullmatch(form, address):
            raise _error(prefix, "is malformed")
        client = environment.get(f"{prefix}__clientId", "").strip() or _value(environment, "AZURE_CLIENT_ID")
        return Connection(address, client_id=client or None)
    if not text:
        raise _error(prefix, "is missing")
    if text == "UseDevelopmentStorage=true" and part != "fullyQualifiedNamespace":
        return Connection("local storage emulator", text)
    if not re.search(mark, text):
        raise _error(prefix, "is malformed")
    return Connection(re.sub(r"(?i)(key|signature)=[^;]*", r"\1=…", text), text)
